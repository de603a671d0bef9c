"""Django's view of the registry."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """The app `registry`."""

    name = "careloop.web.registry"
    label = "registry"
    verbose_name = "登记 · Registry"
