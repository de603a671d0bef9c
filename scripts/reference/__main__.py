"""Write docs/reference/*.md from the code, or check that they are up to date.

    .venv/bin/python scripts/reference            write the pages
    .venv/bin/python scripts/reference --check    compare; exit code 1 where a page differs

Every variable, instrument, rule, finding, command and setting of the mapping file appears, because
the pages are made from the objects that the program itself uses.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from finding import findings_page
from instrument import instruments_page
from mapping import mapping_page
from rule import rules_page
from rulebook import rule_book
from setting import settings_page
from variable import dictionary_page

from command import cli_page

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "reference"
MADE = "<!-- Made by scripts/reference. Change the code, not this page. -->"

PAGES: dict[str, Callable[[], list[str]]] = {
    "cli.md": cli_page,
    "dictionary.md": dictionary_page,
    "instruments.md": instruments_page,
    "rules.md": rules_page,
    "rule-book.md": lambda: rule_book("en"),
    "rule-book.zh-CN.md": lambda: rule_book("zh"),
    "mapping.md": mapping_page,
    "settings.md": settings_page,
    "findings.md": findings_page,
}


def main() -> int:
    """Write or compare every page; return the exit code."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--check", action="store_true", help="compare, write nothing")
    check = arguments.parse_args().check
    stale = []
    for name, make in PAGES.items():
        text = "\n".join([MADE, "", *make()]).rstrip() + "\n"
        page = FOLDER / name
        if page.is_file() and page.read_text(encoding="utf-8") == text:
            continue
        stale.append(f"docs/reference/{name}")
        if not check:
            FOLDER.mkdir(parents=True, exist_ok=True)
            page.write_text(text, encoding="utf-8")
    if check and stale:
        print(f"out of date: {', '.join(stale)}\n  → run .venv/bin/python scripts/reference")
        return 1
    print(f"{len(PAGES)} pages, {len(stale)} written" if not check else f"{len(PAGES)} pages agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
