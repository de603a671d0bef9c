"""A resident's own pages."""

from django.urls import path

from careloop.web.site.views import not_there_yet

app_name = "portal"
urlpatterns = [
    path("me", not_there_yet, name="home"),
]
