"""Django's view of the app `site`."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """The app `site`."""

    name = "careloop.web.site"
    label = "careloop_site"
    verbose_name = "网站 · Site"
