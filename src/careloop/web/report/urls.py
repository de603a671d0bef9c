"""Pages to hand over."""

from django.urls import path

from careloop.web.site.views import not_there_yet

app_name = "report"
urlpatterns = [
    path("people/<uuid:public_id>/slip", not_there_yet, name="slip"),
    path("people/<uuid:public_id>/report", not_there_yet, name="patient"),
    path("people/<uuid:public_id>/report.pdf", not_there_yet, name="patient_pdf"),
    path("people/<uuid:public_id>/record", not_there_yet, name="doctor"),
    path("people/<uuid:public_id>/record.pdf", not_there_yet, name="doctor_pdf"),
    path("reports", not_there_yet, name="batch"),
]
