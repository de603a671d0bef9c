"""When the result of a call stops to hold: what it was about is over, or something worse has come.

Whoever is off a list after a call (`called`) is off it for what was known then. Once they leave the
list by themselves the matter is closed: when they come on it again, it is another one. And whoever
comes into an alarm, or gets a further reason to be called, is called again: an agreed day stands
beside a further reason, but not beside an alarm. Whoever was taken off is asked again after a year
at the latest: who cannot be reached has no contact that would bring them back.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone

from careloop.web.care.models import Call, Listed, Standing

ASKED_AGAIN_AFTER = timedelta(days=366)
"""careloop's own workflow: everybody is seen to once a year."""
Made = tuple[Standing, list[Listed]]


def let_lapse(made: Iterable[Made], programme: str, decision: str) -> None:
    """Let results of calls lapse; before the lists that stand are replaced, in that transaction.

    Parameters
    ----------
    made
        Where people stand from now on, and the lists that they are on.
    decision
        The answer whose grounds (`<decision>_because`) bring people on lists without own reasons.
    """
    now = {standing.resident_id: (standing, listed) for standing, listed in made}
    holding = Call.gated.filter(resident__in=list(now), holds=True, task=None)
    calls = list(holding.values_list("pk", "resident", "worklist", "result", "called_at"))
    if not calls:
        return
    who = {"programme": programme, "resident__in": {resident for _, resident, *_ in calls}}
    stood = {each.resident_id: each for each in Standing.gated.filter(**who)}
    was = {(each.resident_id, each.worklist): each for each in Listed.gated.filter(**who)}
    over = []
    long_ago = timezone.now() - ASKED_AGAIN_AFTER
    for call, resident, worklist, result, called_at in calls:
        standing, listed = now[resident]
        row = next((each for each in listed if each.worklist == worklist), None)
        before = was.get((resident, worklist))
        ended = row is None or (result == "removed" and called_at < long_ago)
        if row is not None and before is not None and not ended:
            ended = _worse(
                (_alarm(before), _grounds(before, stood.get(resident), decision)),
                (_alarm(row), _grounds(row, standing, decision)),
                agreed=result == "agreed",
            )
        if ended:
            over.append(call)
    Call.gated.filter(pk__in=over).update(holds=False)


def _worse(before: tuple[bool, set[str]], now: tuple[bool, set[str]], *, agreed: bool) -> bool:
    if now[0] and not before[0]:
        return True
    return not agreed and bool(now[1] - before[1])


def _alarm(row: Listed) -> bool:
    return bool(row.because.get("alarm"))


def _grounds(row: Listed, standing: Standing | None, decision: str) -> set[str]:
    """Why somebody is on a list: the list's own reasons, or else those of the next step."""
    own = row.because.get("reasons")
    if own or standing is None:
        return set(own or ())
    return set(str(standing.answers.get(f"{decision}_because") or "").split())
