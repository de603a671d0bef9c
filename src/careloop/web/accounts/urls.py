"""Logging in and out, residents' own logins, users, breaking the glass."""

from django.urls import path

from careloop.web.accounts.view import account, activation, emergency, login, users

app_name = "accounts"
urlpatterns = [
    path("login", login.login, name="login"),
    path("login/second-factor", login.second_factor, name="second_factor"),
    path("logout", login.logout, name="logout"),
    path("activate", activation.activate, name="activate"),
    path("activate/login", activation.choose, name="choose"),
    path("people/<uuid:public_id>/login", activation.given, name="resident_login"),
    path("account", account.account, name="account"),
    path("account/password", account.password, name="password"),
    path("account/second-factor", account.enrol, name="enrol"),
    path("users", users.users, name="users"),
    path("users/new", users.user_new, name="user_new"),
    path("users/emergencies", users.emergencies, name="emergencies"),
    path("users/<uuid:public_id>", users.user, name="user"),
    path("people/break-glass", emergency.emergency, name="emergency"),
    path("people/<uuid:public_id>/break-glass", emergency.break_glass, name="break_glass"),
]
