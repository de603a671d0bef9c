"""The page of the dictionary, as the package itself writes it."""

from __future__ import annotations

from careloop.dictionary.catalogue import load
from careloop.dictionary.table import reference_page


def dictionary_page() -> list[str]:
    """Every variable, by group, in the order of the files."""
    return reference_page(load().values()).splitlines()
