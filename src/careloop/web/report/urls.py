"""Pages to hand over."""

from django.urls import path

from careloop.web.report import views

app_name = "report"
urlpatterns = [
    path("people/<uuid:public_id>/slip", views.slip_page, name="slip"),
    path("people/<uuid:public_id>/report", views.patient, name="patient"),
    path("people/<uuid:public_id>/report.pdf", views.patient_pdf, name="patient_pdf"),
    path("people/<uuid:public_id>/record", views.doctor, name="doctor"),
    path("people/<uuid:public_id>/record.pdf", views.doctor_pdf, name="doctor_pdf"),
    path("reports", views.batch, name="batch"),
]
