"""Logging in and out, users, breaking the glass."""

from django.urls import path

from careloop.web.site.views import not_there_yet

app_name = "accounts"
urlpatterns = [
    path("login", not_there_yet, name="login"),
    path("login/second-factor", not_there_yet, name="second_factor"),
    path("logout", not_there_yet, name="logout"),
    path("account", not_there_yet, name="account"),
    path("account/password", not_there_yet, name="password"),
    path("account/second-factor", not_there_yet, name="enrol"),
    path("users", not_there_yet, name="users"),
    path("users/new", not_there_yet, name="user_new"),
    path("users/<uuid:public_id>", not_there_yet, name="user"),
    path("people/<uuid:public_id>/break-glass", not_there_yet, name="break_glass"),
]
