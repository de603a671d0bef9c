"""People for the tests of the medicine tables: facts in, the guided row out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl
import pytest

from careloop.dictionary.catalogue import load
from careloop.dictionary.condition import names_in
from careloop.guidance.advice import advice_columns, advice_reads
from careloop.guidance.choice import choice_columns
from careloop.guidance.flag import read_flags
from careloop.guidance.interaction import read_interactions
from careloop.guidance.medicines import read_medicines
from careloop.guidance.timer import read_timers
from careloop.programmes.osteoporosis import guidance_stage
from careloop.records.snapshot import DTYPES

FOLDER = files("careloop.programmes.osteoporosis") / "guidance"
AS_OF = date(2025, 6, 30)
SAFE: dict[str, Any] = {
    "sex": "female",
    "age_y": 72.0,
    "postmenopausal": True,
    "menopause_age_y": 50.0,
    "calcium_corrected_mmol_l": 2.3,
    "crcl_ml_min": 60.0,
}
"""A woman in whom nothing stands against any medicine but hormones (every boolean is no)."""


class Tables:
    """The programme's tables, and what they say of people given as facts."""

    def __init__(self) -> None:
        self.medicines = read_medicines(FOLDER / "medicine.toml", load())
        self.interactions = read_interactions(FOLDER / "interaction.toml", load(), self.medicines)
        self.timers = read_timers(FOLDER / "timer.toml", load(), self.medicines)
        self.flags = read_flags(FOLDER / "flag.toml")
        self.by_key = {medicine.key: medicine for medicine in self.medicines}
        self.clauses = [
            clause
            for each in self.medicines
            for clause in (*each.stops, *each.cautions, *each.checks)
        ]

    def variables(self) -> list[str]:
        names = [name for clause in (*self.clauses, *self.flags) for name in names_in(clause.sql)]
        names += [name for each in self.interactions for name in names_in(each.sql)]
        names += [medicine.current for medicine in self.medicines]
        names += ["osteoporosis_treatment_current", *advice_reads(self.timers)]
        names += [
            name for each in guidance_stage.guidance_columns() for name in each.meta.root_names()
        ]
        return [name for name in dict.fromkeys(names) if name != "as_of"]

    def safe(self, **facts: Any) -> dict[str, Any]:
        """A person with every boolean known to be no, and these facts."""
        made = {each.meta.output_name() for each in guidance_stage.guidance_columns()}
        no = {
            name: False
            for name in self.variables()
            if dtype(name) == pl.Boolean() and name not in made
        }
        return no | {"postmenopausal": True} | SAFE | facts

    def frame(self, people: Sequence[Mapping[str, Any]], *, stage: bool = True) -> pl.DataFrame:
        """People as rows; `stage` computes its columns (those given as facts stand)."""
        given = {name for person in people for name in person}
        names = list(dict.fromkeys([*self.variables(), *given]))
        frame = pl.DataFrame(
            {
                name: pl.Series([person.get(name) for person in people], dtype=dtype(name))
                for name in names
            }
        ).with_columns(as_of=pl.lit(AS_OF))
        if stage:
            made = guidance_stage.guidance_columns()
            frame = frame.with_columns(
                pl.coalesce(pl.col(each.meta.output_name()), each).alias(each.meta.output_name())
                if each.meta.output_name() in given
                else each
                for each in made
            )
        return frame

    def guided(self, people: Sequence[Mapping[str, Any]], guidelines: Any = ()) -> pl.DataFrame:
        frame = self.frame(people)
        columns = [column for medicine in self.medicines for column in medicine.columns()]
        columns += choice_columns(guidelines, self.medicines, self.interactions)
        return frame.with_columns(columns).with_columns(advice_columns(self.timers))

    def row(self, guidelines: Any = (), **facts: Any) -> dict[str, Any]:
        """The guided row of a safe person with these facts."""
        return self.guided([self.safe(**facts)], guidelines).row(0, named=True)


@cache
def dtype(name: str) -> pl.DataType:
    """The type a column has in the snapshot or comes out of the stage with."""
    key, _, beside = name.partition("__")
    if beside:
        return pl.Int32() if beside == "age_d" else pl.String()
    if key in load():
        return DTYPES[load()[key].kind]
    if key == "date_in_future":
        return pl.Boolean()
    return pl.String() if key.endswith(("_class", "_treatment")) else pl.Float64()


@pytest.fixture(scope="session")
def tables() -> Tables:
    return Tables()
