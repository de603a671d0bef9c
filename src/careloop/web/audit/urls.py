"""Who did what."""

from django.urls import path

from careloop.web.site.views import not_there_yet

app_name = "audit"
urlpatterns = [
    path("audit", not_there_yet, name="entries"),
    path("people/<uuid:public_id>/audit", not_there_yet, name="person"),
]
