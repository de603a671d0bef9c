"""Visits and their forms."""

from django.urls import path

from careloop.web.site.views import not_there_yet

app_name = "visit"
urlpatterns = [
    path("people/<uuid:public_id>/visit/<slug:kind>", not_there_yet, name="new"),
    path("visits/<uuid:visit_id>", not_there_yet, name="edit"),
    path("visits/<uuid:visit_id>/saved", not_there_yet, name="saved"),
]
