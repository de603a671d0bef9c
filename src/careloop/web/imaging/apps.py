"""Django's view of the app `imaging`."""

from django.apps import AppConfig


class ImagingConfig(AppConfig):
    """The app `imaging`."""

    name = "careloop.web.imaging"
    label = "imaging"
    verbose_name = "影像 · Imaging"
