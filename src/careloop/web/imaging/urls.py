"""Bone density by hand or from a report, and measured images."""

from django.urls import path

from careloop.web.imaging import upload, views
from careloop.web.imaging.measured import views as measured

app_name = "imaging"
urlpatterns = [
    path("people/<uuid:public_id>/dxa", views.dxa, name="dxa"),
    path("people/<uuid:public_id>/dxa/report", upload.upload, name="upload"),
    path("people/<uuid:public_id>/dxa/report/<uuid:upload_id>", upload.confirm, name="confirm"),
    path("people/<uuid:public_id>/images/add", measured.add, name="image_add"),
    path("people/<uuid:public_id>/images/<uuid:image_id>", measured.image, name="image"),
]
