"""The site as a WSGI application."""

import os

from django.core.wsgi import get_wsgi_application

from careloop.web.configuration import SETTINGS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
application = get_wsgi_application()

from careloop.web.site import simulated  # noqa: E402 — once Django is set up

simulated.ask()
