"""Whether the people of this site do not exist: then every page says so.

The database tells, by a source of kind `demo`. It is asked once, when a process begins to serve
(`wsgi.py`): a page costs no query for it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from careloop import __version__
from careloop.web.registry.models import Source

MARK = "careloop-demo"


class _Known:
    simulated = False


def holds_demo() -> bool:
    """Whether this site holds the demo community, as last asked."""
    return _Known.simulated


def ask() -> bool:
    """Ask the database, and remember."""
    _Known.simulated = Source.objects.filter(source_id=MARK).exists()
    return _Known.simulated


def is_complete() -> bool:
    """Whether the demo was set up to its end."""
    mark = Source.objects.filter(source_id=MARK).first()
    return mark is not None and bool(mark.import_report.get("complete"))


def begin() -> None:
    """Mark the site as one that holds simulated data, before any of it comes in."""
    Source.objects.get_or_create(
        source_id=MARK,
        defaults={
            "kind": "demo",
            "name": "模拟数据 simulated data",
            "sha256": "0" * 64,
            "sender": "careloop",
            "read_at": datetime.now(UTC),
            "software": f"careloop {__version__}",
        },
    )
    ask()


def complete() -> None:
    """Note that everything is there."""
    Source.objects.filter(source_id=MARK).update(import_report={"complete": True})
