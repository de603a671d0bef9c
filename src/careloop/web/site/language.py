"""The language of a page: Chinese, unless the reader chose English."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.functional import lazy

from careloop.language import translator

COOKIE = "careloop_language"
_CODES = {"zh": "zh-hans", "en": "en"}


def language() -> str:
    """The language of this request: "zh" or "en"."""
    return "en" if (translation.get_language() or "zh").startswith("en") else "zh"


def gettext(text: str) -> str:
    """Fixed English words in the language of this request."""
    return translator(language())(text)


gettext_lazy = lazy(gettext, str)
"""The same for words that stand in a form or a table before there is a request."""


class LanguageMiddleware:
    """Chinese first; English where the cookie or the user's account says so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Set the language for the time of the request."""
        chosen = request.COOKIES.get(COOKIE) or getattr(request.user, "language", "zh")
        with translation.override(_CODES.get(str(chosen), "zh-hans")):
            response = self.get_response(request)
        response.headers["Content-Language"] = "en" if chosen == "en" else "zh-CN"
        return response
