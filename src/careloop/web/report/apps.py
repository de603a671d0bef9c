"""Django's view of the app `report`."""

from django.apps import AppConfig


class ReportConfig(AppConfig):
    """The app `report`."""

    name = "careloop.web.report"
    label = "report"
    verbose_name = "报告 · Report"
