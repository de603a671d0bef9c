"""The page of the mapping file's settings."""

from __future__ import annotations

from markdown import code, listed, table

from careloop.records import mapping as reader

SETTINGS: dict[str, dict[str, str]] = {
    "source": {
        "sender": "who sends: kept with every fact's source",
        "sheet": "Excel: the sheet's name; default: the first",
        "encoding": f"default: detected. One of {listed(reader.ENCODINGS)}",
        "delimiter": "default: detected. One of "
        + ", ".join(code(each.replace("\t", "\\t")) for each in reader.DELIMITERS),
        "rows": '`"visit"` (default): several rows a person. `"person"`: one; a second is rejected',
        "decimal": 'decimal mark, `"."` (default) or `","`',
    },
    "person": {"id": "**required.** The column with the person's id, kept as the source spells it"},
    "dates": {
        "effective": "**required.** When the values held: a column's name, "
        '`{ constant = "2019-06-30" }`, or `{ as_of = true }` where the source carries no date and '
        "the values count as of the date asked for",
        "recorded": "column: when they became known; default: the effective date",
        "formats": 'list, as `["%d/%m/%Y"]`; default: every unambiguous form. Forms that can be '
        "read in two ways (03/04/2020) are refused unless a format is given",
    },
    "missing": {
        "codes": "list, added to the default: " + ", ".join(code(f'"{c}"') for c in reader.MISSING)
    },
    "columns.<column>": {
        "variable": "**required.** Key of the [dictionary](dictionary.md)",
        "unit": "UCUM unit of the column; default: the variable's. A unit inside a cell wins and "
        "is reported",
        "values": 'what cells mean, as `{ "1" = true, "2" = false }`; keys compare as text and as '
        "number",
        "missing": "list: further codes for *not known* in this column",
        "context": 'qualifiers, as `{ reference_db = "nhanes3_white_female" }`; which ones, the '
        "dictionary says",
        "effective": "column with this column's own date",
        "formats": "list: date formats of this column",
        "decimal": "decimal mark of this column",
    },
    "combined.<variable>": {
        "any_of": "**required.** Columns: yes if any is yes, no if all are no, else unknown",
        "…": "and the settings of a column, except `variable`",
    },
    "assumed": {
        "<variable>": "value of a variable that the source never collected. The facts are "
        "*assumed*, and so is every result that rests on them"
    },
    "ignored": {"columns": "list: columns known and not read. Others are reported as ignored too"},
}


def mapping_page() -> list[str]:
    """Every setting of the mapping file; fails where the reader knows one more or one less."""
    _check_settings()
    lines = [
        "# Mapping file",
        "",
        "A TOML file that says what a sender's columns mean.",
        "[Write a mapping file](../how-to/write-a-mapping.md) shows how to make one.",
        "",
    ]
    for section, settings in SETTINGS.items():
        lines += [f"## [{section}]", ""]
        if section.startswith("columns"):
            lines += [
                "A column that feeds several variables is written `[[columns.<column>]]`.",
                "",
            ]
        lines += table(
            ("setting", "meaning"), ((code(name), words) for name, words in settings.items())
        )
    return lines


def _check_settings() -> None:
    known: dict[str, set[str]] = {
        **reader._SETTINGS,
        "columns.<column>": reader._CELL | {"variable"},
        "combined.<variable>": {"any_of", "…"},
        "assumed": {"<variable>"},
    }
    told = {section: set(settings) for section, settings in SETTINGS.items()}
    if told != known:
        odd = {name: told.get(name, set()) ^ known.get(name, set()) for name in {*told, *known}}
        raise SystemExit(f"scripts/reference: SETTINGS differ from the reader's: {odd}")
