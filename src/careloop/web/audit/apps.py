"""Django's view of the app `audit`."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The app `audit`."""

    name = "careloop.web.audit"
    label = "audit"
    verbose_name = "审计 · Audit"
