"""Addresses that belong to no room: home, language, health."""

from django.urls import path

from careloop.web.site import views

app_name = "site"
urlpatterns = [
    path("", views.home, name="home"),
    path("language", views.choose_language, name="language"),
    path("health", views.health, name="health"),
]
