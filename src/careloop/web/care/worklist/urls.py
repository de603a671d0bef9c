"""Worklists, calls and referrals."""

from django.urls import path

from careloop.web.site.views import not_there_yet

app_name = "worklist"
urlpatterns = [
    path("lists", not_there_yet, name="lists"),
    path("lists/<slug:key>", not_there_yet, name="list"),
    path("people/<uuid:public_id>/call", not_there_yet, name="call"),
    path("referrals", not_there_yet, name="referrals"),
    path("people/<uuid:public_id>/refer", not_there_yet, name="refer"),
    path("referrals/<uuid:referral_id>", not_there_yet, name="referral"),
    path("numbers", not_there_yet, name="numbers"),
]
