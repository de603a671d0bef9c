"""Django's view of the app `care`."""

from django.apps import AppConfig


class CareConfig(AppConfig):
    """The app `care`."""

    name = "careloop.web.care"
    label = "care"
    verbose_name = "随访 · Care"
