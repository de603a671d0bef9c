"""What a page says that cannot be shown: kindly, without anybody's data, and with a way on.

A failure is written to the log by its kind and place in the program. Its text and its variables,
which may be a patient's, are not.
"""

from __future__ import annotations

import logging
import sys
from http import HTTPStatus
from traceback import extract_tb

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from careloop.web.site.held import held

_log = logging.getLogger("careloop.web")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: what arrived cannot be understood."""
    _log.warning("400 %s %s: %s", request.method, request.path, type(exception).__name__)
    return HttpResponse(render_to_string("site/400.html"), status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: this role does not do this."""
    del exception
    return render(request, "site/403.html", status=403)


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: a form without its token, mostly one that stood open while somebody logged in again."""
    del reason
    _log.warning("403 %s %s: without the form's token", request.method, request.path)
    return held(request) or render(request, "site/form_expired.html", status=403)


def told(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The answer, with a page where Django leaves it empty (405: not asked in this way)."""
    if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED or request.method == "HEAD":
        return response
    page = render(request, "site/405.html", status=response.status_code)
    page.headers["Allow"] = response.headers["Allow"]
    return page


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: unknown and out of reach look the same."""
    del exception
    return render(request, "site/404.html", status=404)


def failed(request: HttpRequest) -> HttpResponse:
    """500: our fault. The page needs no database, which may be what failed."""
    kind, _, trace = sys.exc_info()
    frames = [frame for frame in extract_tb(trace) if "careloop" in frame.filename]
    place = (
        f"{frames[-1].filename.rpartition('careloop')[2]}:{frames[-1].lineno}" if frames else "?"
    )
    name = kind.__name__ if kind else "unknown"
    _log.error("500 %s %s: %s at %s", request.method, request.path, name, place)
    return HttpResponse(render_to_string("site/500.html"), status=500)
