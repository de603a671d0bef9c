"""What answering CDS Hooks needs of a programme, made ready once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from careloop.dictionary.catalogue import Dictionary
from careloop.guidance.endpoint import Endpoint
from careloop.guidance.fhir import PlanWords
from careloop.guidance.hooks import Desk, services
from careloop.programmes.bedside import Bedside
from careloop.programmes.exchange import plan_words
from careloop.programmes.programme import Programme
from careloop.records.sources.fhir.code import CodeBook


def local_day() -> date:
    """Today at this machine."""
    return datetime.now(UTC).astimezone().date()


def endpoint(
    programme: Programme,
    dictionary: Dictionary,
    *,
    guideline: str = "",
    feedback_log: Path,
    origins: tuple[str, ...] = (),
    today: Callable[[], date] = local_day,
) -> Endpoint:
    """The CDS Hooks endpoint of a programme.

    Parameters
    ----------
    programme, dictionary
        Whose guidance and variables.
    guideline
        A key; "" is the programme's default.
    feedback_log
        File to which feedback is added as lines of JSON.
    origins
        Origins of browsers that may call.
    today
        The day as of which people are considered.

    Raises
    ------
    ConfigError
        If the programme has no guidance, or no guideline of this key.
    """
    bedside = Bedside(programme, dictionary, guideline)

    @cache
    def words(language: str) -> PlanWords:
        return plan_words(programme, dictionary, language)

    desk = Desk(
        guidance=bedside.guidance,
        guideline=bedside.guideline,
        book=CodeBook(dictionary),
        consider=bedside.consider,
        words=words,
        today=today,
    )
    offered = services(programme.key, programme.name, bedside.reads, dictionary)
    return Endpoint(offered, desk, feedback_log, origins)
