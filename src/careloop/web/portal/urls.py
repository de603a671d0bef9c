"""A resident's own pages."""

from django.urls import path

from careloop.web.portal import views

app_name = "portal"
urlpatterns = [
    path("me", views.home, name="home"),
    path("me/report", views.report, name="report"),
    path("me/report.pdf", views.report_pdf, name="report_pdf"),
]
