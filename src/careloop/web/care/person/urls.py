"""A resident's page."""

from django.urls import path

from careloop.web.site.views import not_there_yet

app_name = "person"
urlpatterns = [
    path("people/<uuid:public_id>", not_there_yet, name="page"),
    path("people/<uuid:public_id>/timeline", not_there_yet, name="timeline"),
    path("people/<uuid:public_id>/plan", not_there_yet, name="plan"),
    path("people/<uuid:public_id>/messages", not_there_yet, name="messages"),
    path("people/<uuid:public_id>/consents", not_there_yet, name="consents"),
]
