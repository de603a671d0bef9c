"""What is done when a day begins: everybody's tasks and standing anew, ended sessions cleared away.

There is no table of jobs: what is due is seen from what there is (standings of an earlier day), so
a night that was missed is made up for at the next start. Any number of workers may run; one works.
(Broken glass closes by itself: the gate compares the time at every opening.) Files that are kept
for a day (uploaded reports, half-made batches of letters) are looked after at every round.
"""

from __future__ import annotations

import gc
import sys
from threading import Event

from django.core.management import call_command
from django.db import close_old_connections

from careloop.web.care.standing import bedside, today
from careloop.web.imaging import keeping
from careloop.web.registry.registration import (
    after_import,
    refresh_standings,
    standings_are_of,
    unregistered,
)
from careloop.web.registry.store import alone
from careloop.web.report import batch

EVERY_S = 300.0
"""How often a worker looks whether a day has begun."""
_NAME = "nightly"


def work_due() -> int | None:
    """Do what is due; how many standings were computed, None where nothing was due."""
    keeping.purge()
    batch.purge()
    if not _due():
        return None
    with alone(_NAME) as free:
        if not free or not _due():
            return None
        call_command("clearsessions")
        return after_import().standings if unregistered() else refresh_standings()


def _due() -> bool:
    return unregistered() or not standings_are_of(today())


def work(stop: Event, *, every_s: float = EVERY_S) -> None:
    """Do what is due until told to stop; a failure is told without values, and tried again."""
    while not stop.is_set():
        try:
            work_due()
        except Exception as error:
            sys.stderr.write(f"careloop: nightly work failed ({type(error).__name__})\n")
        finally:
            close_old_connections()
        stop.wait(every_s)


def make_ready(_stop: Event) -> None:
    """Load what recording a visit needs, so that nobody waits for it.

    What is loaded stays: the collector of garbage need not look through it again and again, while
    somebody waits.
    """
    bedside()
    gc.collect()
    gc.freeze()


def attend(stop: Event) -> None:
    """What a server does beside serving: make ready for visits, then work as a worker."""
    make_ready(stop)
    work(stop)
