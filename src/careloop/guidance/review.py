"""What a clinician said to each item of a plan: accepted, edited or rejected, and why.

Nothing is ordered by this module, or by any other: a review is a record. It names the very item it
speaks of by its hash, so that a later, different item of the same key is not taken as reviewed.
The log is a file of JSON lines to which is only ever added; it is what the loop learns from, it
holds patients' data, and belongs where the facts are kept.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import orjson

from careloop.dictionary.variable import Text
from careloop.error import InputError
from careloop.guidance.plan import Plan, PlanItem
from careloop.guidance.serial import item_to_dict

Decision = Literal["accept", "edit", "reject"]
DECISIONS: tuple[Decision, ...] = ("accept", "edit", "reject")


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One clinician's decision on one item of one plan.

    Editing and rejecting need a reason, editing also the new text.
    """

    person_id: str
    as_of: date
    programme: str
    guideline: str
    item_key: str
    item_hash: str
    decision: Decision
    reviewer: str
    reviewed_at: datetime
    reason: str = ""
    text: Text | None = None
    """The item's words after editing."""

    def __post_init__(self) -> None:
        """Raise `InputError` for a review that lacks what its decision needs."""
        if self.decision not in DECISIONS:
            raise InputError("no such decision", where="review", remedy=f"one of {DECISIONS}")
        if self.decision != "accept" and not self.reason.strip():
            raise InputError(
                f"{self.decision} without a reason", where="review", remedy="say why in `reason`"
            )
        if (self.decision == "edit") != (self.text is not None):
            raise InputError(
                "an edited item needs its new text, and only an edited one has it",
                where="review",
                remedy="give `text` with the decision `edit`",
            )
        if self.reviewed_at.tzinfo is None:
            raise InputError("the time has no zone", where="review", remedy="use an aware datetime")
        if not self.reviewer.strip():
            raise InputError("nobody signed", where="review", remedy="name the reviewer")


@dataclass(frozen=True, slots=True)
class ReviewedItem:
    """An item with the last word on it; `review` is None while nobody has spoken."""

    item: PlanItem
    review: Review | None

    @property
    def text(self) -> Text:
        """The words that stand: the clinician's where edited."""
        return self.review.text if self.review and self.review.text else self.item.text


@dataclass(frozen=True, slots=True)
class ReviewedPlan:
    """A plan with its reviews. Only `accepted` may be acted on, and by a person."""

    plan: Plan
    items: tuple[ReviewedItem, ...]
    stale: tuple[Review, ...] = ()
    """Reviews of items that are no longer in the plan, or no longer say the same."""

    @property
    def accepted(self) -> tuple[ReviewedItem, ...]:
        """Items accepted as they are or as edited."""
        return tuple(
            one for one in self.items if one.review and one.review.decision in {"accept", "edit"}
        )

    @property
    def pending(self) -> tuple[PlanItem, ...]:
        """Items nobody has reviewed."""
        return tuple(one.item for one in self.items if one.review is None)

    @property
    def complete(self) -> bool:
        """Whether every item was reviewed."""
        return not self.pending


def item_hash(item: PlanItem) -> str:
    """SHA-256 of the whole item, in hexadecimal digits."""
    content = orjson.dumps(item_to_dict(item), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()


def review(
    plan: Plan,
    item_key: str,
    decision: Decision,
    *,
    reviewer: str,
    reviewed_at: datetime,
    reason: str = "",
    text: Text | None = None,
) -> Review:
    """Make the review of an item of a plan (`InputError` if it has no such item)."""
    item = next((one for one in plan.items if one.key == item_key), None)
    if item is None:
        raise InputError(
            f"the plan has no item {item_key!r}",
            where="review",
            remedy=f"items: {[one.key for one in plan.items]}",
        )
    return Review(
        person_id=plan.person_id,
        as_of=plan.as_of,
        programme=plan.programme,
        guideline=plan.guideline,
        item_key=item_key,
        item_hash=item_hash(item),
        decision=decision,
        reviewer=reviewer,
        reviewed_at=reviewed_at,
        reason=reason,
        text=text,
    )


def reviewed(plan: Plan, reviews: Iterable[Review]) -> ReviewedPlan:
    """The plan with the last review of each item; the plan itself is left as it is.

    Reviews of other people are passed by.
    """
    last: dict[tuple[str, str], Review] = {}
    stale = []
    hashes = {item.key: item_hash(item) for item in plan.items}
    own = (each for each in reviews if each.person_id == plan.person_id)
    for each in sorted(own, key=lambda one: one.reviewed_at):
        if hashes.get(each.item_key) == each.item_hash:
            last[each.item_key, each.item_hash] = each
        else:
            stale.append(each)
    items = tuple(ReviewedItem(item, last.get((item.key, hashes[item.key]))) for item in plan.items)
    return ReviewedPlan(plan, items, tuple(stale))


def accepted_plan(found: ReviewedPlan) -> Plan:
    """The plan as the clinician left it: accepted and edited items only, in the edited words."""
    items = tuple(replace(one.item, text=one.text) for one in found.accepted)
    return replace(found.plan, items=items)


def to_json(one: Review) -> str:
    """One line of JSON."""
    content = {
        "person_id": one.person_id,
        "as_of": one.as_of.isoformat(),
        "programme": one.programme,
        "guideline": one.guideline,
        "item_key": one.item_key,
        "item_hash": one.item_hash,
        "decision": one.decision,
        "reviewer": one.reviewer,
        "reviewed_at": one.reviewed_at.isoformat(),
        "reason": one.reason,
        "text": {"zh": one.text.zh, "en": one.text.en} if one.text else None,
    }
    return orjson.dumps(content).decode()


def from_json(line: str | bytes, *, where: str = "review") -> Review:
    """The review that a line holds; `InputError` names the place, never a value."""
    try:
        content: Mapping[str, Any] = orjson.loads(line)
        text = content["text"]
        return Review(
            **{
                **content,
                "as_of": date.fromisoformat(content["as_of"]),
                "reviewed_at": datetime.fromisoformat(content["reviewed_at"]),
                "text": Text(**text) if text else None,
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("not a review", where=where, remedy="write it with to_json") from error


def append_review(one: Review, path: Path) -> None:
    """Add a review to a log: whole or not at all, also when several write at once.

    A torn last line (power lost) is left behind on a line of its own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        _lock(file)
        size = os.fstat(file).st_size
        torn = size > 0 and _last_byte(file, size) != b"\n"
        line = (b"\n" if torn else b"") + to_json(one).encode() + b"\n"
        written = os.write(file, line)
        if written != len(line):
            os.ftruncate(file, size)
            raise OSError("the log could not be written whole")
        os.fsync(file)
    finally:
        os.close(file)


def _last_byte(file: int, size: int) -> bytes:
    os.lseek(file, size - 1, os.SEEK_SET)
    return os.read(file, 1)


def _lock(file: int) -> None:
    """Wait until nobody else writes; where the system has no such lock, one writer is assumed."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    fcntl.flock(file, fcntl.LOCK_EX)


def read_reviews(path: Path) -> Iterator[Review]:
    """Every review of a log in the order written; `InputError` names a damaged line."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield from_json(line, where=f"{path.name}, line {number}")
