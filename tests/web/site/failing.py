"""Addresses that fail in each way, with a patient's values in hand; for tests only."""

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.urls import path

from careloop.web.accounts.access import for_action
from careloop.web.urls import handler400, handler403, handler404, handler500
from careloop.web.urls import urlpatterns as usual

__all__ = ["handler400", "handler403", "handler404", "handler500"]
NAME = "金丝雀阿婆"
T_SCORE = "-4.7321"


def _failing(error):
    @for_action("public")
    def view(request):
        patient = {"name": NAME, "t_score": T_SCORE}
        raise error(f"cannot plan for {patient['name']} with {patient['t_score']}")

    return view


urlpatterns = [
    *usual,
    path("fails/500", _failing(ValueError)),
    path("fails/400", _failing(SuspiciousOperation)),
    path("fails/403", _failing(PermissionDenied)),
    path("fails/404", _failing(Http404)),
]
