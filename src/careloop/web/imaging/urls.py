"""Bone density by hand or from a report."""

from django.urls import path

from careloop.web.imaging import upload, views

app_name = "imaging"
urlpatterns = [
    path("people/<uuid:public_id>/dxa", views.dxa, name="dxa"),
    path("people/<uuid:public_id>/dxa/report", upload.upload, name="upload"),
    path("people/<uuid:public_id>/dxa/report/<uuid:upload_id>", upload.confirm, name="confirm"),
]
