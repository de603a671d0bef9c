"""What of a list is shown: place, sex, age, level, words, order and page, read from the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from urllib.parse import urlencode

from django.db.models import F, OrderBy, Q

from careloop.web.accounts.gate import FEW, Gate
from careloop.web.accounts.models import Organisation
from careloop.web.site.language import gettext_lazy as _

PAGE = 50
AGES = (
    ("-64", None, 64, _("under 65")),
    ("65-74", 65, 74, _("65 to 74")),
    ("75-84", 75, 84, _("75 to 84")),
    ("85-", 85, None, _("85 and over")),
)
"""Key, youngest, oldest, words."""
SORTS = {
    "rank": _("most urgent first"),
    "due": _("due first"),
    "name": _("by name"),
    "age": _("oldest first"),
    "place": _("by place"),
}
_TEXT = 30


@dataclass(frozen=True, slots=True)
class Chosen:
    """The choices as the address holds them; nonsense is taken for no choice."""

    place: str = ""
    sex: str = ""
    age: str = ""
    level: str = ""
    text: str = ""
    sort: str = "rank"
    waiting: bool = False
    page: int = 1


class Selection:
    """What of a list somebody chose to see."""

    def __init__(self, gate: Gate, query: Mapping[str, str], today: date) -> None:
        page, sort = query.get("page", "1"), query.get("sort", "")
        self.chosen = Chosen(
            place=query.get("place", ""),
            sex=query["sex"] if query.get("sex") in {"female", "male"} else "",
            age=query["age"] if query.get("age") in {key for key, *_ in AGES} else "",
            level=query["level"] if query.get("level", "").isdecimal() else "",
            text=query.get("text", "").strip()[:_TEXT],
            sort=sort if sort in SORTS else "rank",
            waiting=query.get("waiting") == "1",
            page=int(page) if page.isdecimal() and int(page[:6]) > 0 else 1,
        )
        self._gate, self._today = gate, today

    @cached_property
    def places(self) -> list[Organisation]:
        """Every place within reach, in the order of the tree."""
        return list(self._gate.organisations())

    @cached_property
    def place(self) -> Organisation | None:
        """The place chosen; none: all within reach."""
        if not self.chosen.place:
            return None
        return next((one for one in self.places if str(one.public_id) == self.chosen.place), None)

    @property
    def options(self) -> list[tuple[str, str, bool]]:
        """To choose a place from: value, name set in by its depth in the tree, whether chosen."""
        top = self.places[0].path.count(".") if self.places else 0
        return [
            (
                str(one.public_id),
                "\u3000" * (one.path.count(".") - top) + one.name,
                one is self.place,
            )
            for one in self.places
        ]

    @property
    def here(self) -> Q:
        """Rows of the chosen place and all below it."""
        return Q() if self.place is None else Q(organisation__in=self._chosen_places)

    @property
    def few_places(self) -> bool:
        """Whether it is about so few places that their rows are soon read and sorted."""
        places = self._gate.reach if self.place is None else self._chosen_places
        return len(places) <= FEW

    @cached_property
    def _chosen_places(self) -> list[int]:
        path = "" if self.place is None else self.place.path
        return [one.pk for one in self.places if one.path.startswith(path)]

    @property
    def narrowed(self) -> bool:
        """Whether anything but the place is chosen."""
        one = self.chosen
        return bool(one.sex or one.age or one.level or one.text)

    def conditions(self) -> Q:
        """On rows with a `resident`."""
        found, chosen = self.here, self.chosen
        if chosen.sex:
            found &= Q(resident__sex=chosen.sex)
        for key, youngest, oldest, _words in AGES:
            if key == chosen.age:
                found &= self._born(youngest, oldest)
        if chosen.level:
            found &= Q(resident__standings__level=int(chosen.level[:2]))
        if chosen.text:
            words = chosen.text
            found &= (
                Q(resident__name__contains=words)
                | Q(resident__initials__startswith=words.lower())
                | Q(resident__phone__endswith=words)
            )
        return found

    def _born(self, youngest: int | None, oldest: int | None) -> Q:
        found = Q()
        if youngest is not None:
            found &= Q(resident__birth_date__lte=_years_before(self._today, youngest))
        if oldest is not None:
            found &= Q(resident__birth_date__gt=_years_before(self._today, oldest + 1))
        return found

    def order(self, rank: str) -> tuple[str | OrderBy, ...]:
        """For `order_by`; `rank` is the list's own order."""
        orders: dict[str, tuple[str | OrderBy, ...]] = {
            "due": (F("due_on").asc(nulls_last=True), "pk"),
            "name": ("resident__pinyin", "pk"),
            "age": (F("resident__birth_date").asc(nulls_last=True), "pk"),
            "place": ("organisation__path", rank, "pk"),
        }
        return orders.get(self.chosen.sort, (rank, "pk"))

    def address(self, **changes: object) -> str:
        """The query string with something changed."""
        kept = {name: getattr(self.chosen, name) for name in Chosen.__slots__}
        kept |= {"page": 1} | changes
        kept["waiting"] = "1" if kept["waiting"] else ""
        plain = {"sort": "rank", "page": 1}
        told = {name: value for name, value in kept.items() if value and plain.get(name) != value}
        return f"?{urlencode(told)}"


def _years_before(day: date, years: int) -> date:
    """The day so many years earlier; 29 February becomes the 28th."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)
