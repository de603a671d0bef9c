"""A resident's own pages."""

from django.urls import path

from careloop.web.portal import views

app_name = "portal"
urlpatterns = [
    path("me", views.home, name="home"),
    path("me/report.pdf", views.report, name="report"),
]
