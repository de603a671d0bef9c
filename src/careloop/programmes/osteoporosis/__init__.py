"""Osteoporosis: variables, published instruments, diagnosis and next step, demo community."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from careloop.programmes.programme import Programme


def programme(*, experimental: bool = False) -> Programme:
    """The osteoporosis programme (read once, then kept).

    `experimental` adds instruments whose formula is not confirmed.
    """
    from careloop.programmes.osteoporosis.assembly import assemble  # noqa: PLC0415 - light start

    return assemble(experimental=experimental)
