"""Worklists, calls and referrals."""

from django.urls import path

from careloop.web.care.worklist import number_views, referral_views, views

app_name = "worklist"
urlpatterns = [
    path("lists", views.lists, name="lists"),
    path("lists/<slug:key>", views.one_list, name="list"),
    path("people/<uuid:public_id>/call", views.call, name="call"),
    path("referrals", referral_views.referrals, name="referrals"),
    path("people/<uuid:public_id>/refer", referral_views.refer, name="refer"),
    path("referrals/<uuid:referral_id>", referral_views.one_referral, name="referral"),
    path("numbers", number_views.numbers, name="numbers"),
]
