"""A resident's page."""

from django.urls import path

from careloop.web.care.person import views

app_name = "person"
urlpatterns = [
    path("people/<uuid:public_id>", views.page, name="page"),
    path("people/<uuid:public_id>/risk", views.risk, name="risk"),
    path("people/<uuid:public_id>/timeline", views.timeline, name="timeline"),
    path("people/<uuid:public_id>/plan", views.plan, name="plan"),
    path("people/<uuid:public_id>/messages", views.messages, name="messages"),
    path("people/<uuid:public_id>/consents", views.consents, name="consents"),
]
