"""The site's addresses. Every view behind them is marked with the action it is for."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("careloop.web.site.urls")),
]
