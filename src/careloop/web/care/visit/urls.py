"""Visits and their forms."""

from django.urls import path

from careloop.web.care.visit import views

app_name = "visit"
urlpatterns = [
    path("people/<uuid:public_id>/visit/<slug:kind>", views.new, name="new"),
    path("visits/<uuid:visit_id>", views.edit, name="edit"),
    path("visits/<uuid:visit_id>/saved", views.saved, name="saved"),
]
