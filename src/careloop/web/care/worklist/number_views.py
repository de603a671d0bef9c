"""The page of numbers: the cascade and the lists by place, each with its definition."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from careloop.web.accounts.access import GatedRequest, for_action
from careloop.web.care.standing import the_programme, today, worklists
from careloop.web.care.worklist import numbers as counting
from careloop.web.care.worklist import reason
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language


@for_action("aggregate.read")
@require_GET
def numbers(request: GatedRequest) -> HttpResponse:
    """Numbers of a place and the places below it. No name, no person."""
    top = counting.tree(request.gate, today())
    if top is None:
        raise Http404
    place = counting.find(top, request.GET.get("place", ""))
    steps, lists = counting.columns()
    return render(
        request,
        "worklist/numbers.html",
        {
            "top": top,
            "place": place,
            "above": _above(top, place),
            "steps": [(key, *_definition(key)) for key in steps],
            "before": dict(zip(steps[1:], steps, strict=False)),
            "lists": [(key, *_definition(key)) for key in lists],
            "least": counting.LEAST,
            "hides": request.user.role == "researcher",
            "programme": the_programme().name[language()],
            "today": today(),
        },
    )


def _definition(key: str) -> tuple[str, str]:
    """Words and definition of a column."""
    if key == counting.REGISTERED:
        return _("registered"), _("active residents registered at this place and below")
    for measure in worklists().measures:
        if measure.key == key:
            return measure.label[language()], measure.definition[language()]
    return reason.label(key, language()), reason.definition(key, language())


def _above(top: counting.Place, place: counting.Place) -> list[counting.Place]:
    """The way from the user's own place down to this one, without it."""
    path = place.organisation.path
    way = [one for one in counting.below(top) if path.startswith(one.organisation.path)]
    return [one for one in way if one is not place]
