"""Type 2 diabetes: screening scores, ranges of glucose, next step and follow-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from careloop.programmes.programme import Programme


def programme(*, experimental: bool = False) -> Programme:
    """The diabetes programme (read once, then kept).

    `experimental` adds the boosted trees, which nobody has validated in patients of today.
    """
    from careloop.programmes.diabetes.assembly import assemble  # noqa: PLC0415 - light start

    return assemble(experimental=experimental)
