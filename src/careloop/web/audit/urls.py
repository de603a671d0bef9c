"""Who did what."""

from django.urls import path

from careloop.web.audit import views

app_name = "audit"
urlpatterns = [
    path("audit", views.entries, name="entries"),
    path("people/<uuid:public_id>/audit", views.person, name="person"),
]
