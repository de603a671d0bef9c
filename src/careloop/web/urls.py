"""The site's addresses. Every view behind them is marked with the action it is for."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("careloop.web.site.urls")),
    path("", include("careloop.web.accounts.urls")),
    path("", include("careloop.web.registry.urls")),
    path("", include("careloop.web.care.person.urls")),
    path("", include("careloop.web.care.worklist.urls")),
    path("", include("careloop.web.care.visit.urls")),
    path("", include("careloop.web.imaging.urls")),
    path("", include("careloop.web.report.urls")),
    path("", include("careloop.web.audit.urls")),
    path("", include("careloop.web.portal.urls")),
]

handler400 = "careloop.web.site.errors.bad_request"
handler403 = "careloop.web.site.errors.forbidden"
handler404 = "careloop.web.site.errors.not_found"
handler500 = "careloop.web.site.errors.failed"
