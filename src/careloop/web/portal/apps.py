"""Django's view of the app `portal`."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """The app `portal`."""

    name = "careloop.web.portal"
    label = "portal"
    verbose_name = "居民 · Portal"
