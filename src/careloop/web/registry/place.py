"""Places of work, found or made by the names that senders write.

A name may lead down the tree, its parts joined by "·" ("东街社区卫生服务中心·东一村卫生室"). A part
is looked for below the one before it; one that is not there yet is made, its kind told by how the
name ends. "…本部" is the main building: the place before it.
"""

from __future__ import annotations

import re

from careloop.web.accounts.models import Organisation

ROOT = "卫生健康局"
"""What the top of the tree is called until somebody names it."""
_KINDS = (
    ("clinic", re.compile(r"(卫生室|卫生站|服务站|诊所|医务室|村)$")),
    ("bureau", re.compile(r"(局|委|委员会|疾病预防控制中心|疾控中心)$")),
    ("hospital", re.compile(r"医院$|医学院|医疗集团$|hospital$", re.IGNORECASE)),
    ("centre", re.compile(r"(中心|卫生院)$|cent(re|er)$", re.IGNORECASE)),
)
_PARTS = re.compile(r"\s*[·•・/>＞|]\s*")
_MAIN = re.compile(r"本部$")


def kind_of(name: str, *, below: Organisation | None = None) -> str:
    """The kind of place that a name's ending tells; else what usually stands below the other.

    Examples
    --------
    >>> [kind_of(name) for name in ("示范医院", "青禾社区卫生服务中心", "上塘村卫生室", "区卫健局")]
    ['hospital', 'centre', 'clinic', 'bureau']
    """
    for kind, ending in _KINDS:
        if ending.search(name):
            return kind
    return "clinic" if below is not None and below.kind == "centre" else "centre"


class Places:
    """All places, read once; those that are lacking are made.

    Parameters
    ----------
    using
        Django's name of the database.
    below
        Under which place unknown ones are made; default: the only hospital, else the root.
    """

    def __init__(self, using: str, below: Organisation | None = None) -> None:
        self._using = using
        self._known = list(Organisation.objects.using(using).order_by("path"))
        self._found: dict[str, Organisation] = {}
        self._below = below

    def of(self, told: str) -> Organisation:
        """The place of this name; the root for an empty one."""
        if (known := self._found.get(told)) is None:
            known = self._found[told] = self._walked(told)
        return known

    def root(self) -> Organisation:
        """The top of the tree."""
        if not self._known:
            self._add(ROOT, "bureau", None)
        return self._known[0]

    def _walked(self, told: str) -> Organisation:
        here: Organisation | None = None
        for part in filter(None, _PARTS.split(told.strip())):
            if here is not None and _MAIN.search(part):
                continue
            here = self._named(part[:120], here) or self._made(part[:120], here)
        return here or self.root()

    def _named(self, name: str, above: Organisation | None) -> Organisation | None:
        """The place of this name below another; of several the first in the order of the tree."""
        way = above.path if above else ""
        return next(
            (one for one in self._known if one.name == name and one.path.startswith(way)), None
        )

    def _made(self, name: str, above: Organisation | None) -> Organisation:
        kind = kind_of(name, below=above)
        return self._add(name, kind, above or self._usual(kind))

    def _usual(self, kind: str) -> Organisation | None:
        if self._below is not None:
            return self._below
        if kind == "bureau" and not self._known:
            return None  # the top of the tree itself
        hospitals = [one for one in self._known if one.kind == "hospital"]
        if kind in ("centre", "clinic") and len(hospitals) == 1:
            return hospitals[0]
        return self.root()

    def _add(self, name: str, kind: str, parent: Organisation | None) -> Organisation:
        made = Organisation(name=name, kind=kind, parent=parent)
        made.save(using=self._using)
        self._known.append(made)
        return made
