"""Bone density by hand or from a report."""

from django.urls import path

from careloop.web.site.views import not_there_yet

app_name = "imaging"
urlpatterns = [
    path("people/<uuid:public_id>/dxa", not_there_yet, name="dxa"),
    path("people/<uuid:public_id>/dxa/report", not_there_yet, name="upload"),
    path("people/<uuid:public_id>/dxa/report/<uuid:upload_id>", not_there_yet, name="confirm"),
]
