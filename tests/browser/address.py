"""Every address of the site with what it needs, and who may open it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from careloop.web.accounts.access import action_of
from careloop.web.accounts.role import ROLES, may
from careloop.web.care.standing import the_programme, worklists

POSTED = frozenset({"site:language", "accounts:logout", "registry:alike", "registry:unmerge"})
"""Only ever posted to: they are no pages."""
FILES = frozenset({"report:patient_pdf", "report:doctor_pdf", "portal:report_pdf"})
MACHINES = frozenset({"site:health"})
LATER = frozenset({"accounts:second_factor", "accounts:choose"})
"""Pages inside another step, walked through where that step is: half-way into a login."""


@dataclass(frozen=True, slots=True)
class Address:
    """A named address and its action."""

    name: str
    action: str
    parameters: tuple[str, ...]

    def roles(self) -> tuple[str, ...]:
        """Who may open it; "" is somebody not logged in."""
        if self.action == "public":
            return ("",)
        return tuple(role for role in ROLES if may(role, self.action))


def addresses() -> list[Address]:
    """All named addresses, in the order of their names."""
    return sorted(_named(get_resolver(), ""), key=lambda each: each.name)


def _named(resolver: URLResolver, within: str) -> Iterator[Address]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from _named(pattern, f"{pattern.namespace}:" if pattern.namespace else within)
        elif isinstance(pattern, URLPattern) and pattern.name:
            parameters = tuple(pattern.pattern.converters)
            yield Address(f"{within}{pattern.name}", action_of(pattern.callback), parameters)


def pages_of(role: str, ids: dict[str, str]) -> list[tuple[str, str]]:
    """(name, path) of every page that a role may open."""
    found = []
    for each in addresses():
        if role not in each.roles() or each.name in POSTED | FILES | MACHINES | LATER:
            continue
        found += [(each.name, reverse(each.name, kwargs=one)) for one in _values(each, ids)]
    return found


def _values(address: Address, ids: dict[str, str]) -> Iterator[dict[str, str]]:
    """What to fill in: every kind of visit, every list, and the ids given."""
    known = {name: ids[name] for name in address.parameters if name in ids}
    if address.name == "accounts:user":
        known["public_id"] = ids["user_id"]
    if "kind" in address.parameters:
        yield from ({**known, "kind": form.key} for form in the_programme().forms().forms)
    elif "key" in address.parameters:
        yield from ({**known, "key": each.key} for each in worklists().lists)
    else:
        yield known
