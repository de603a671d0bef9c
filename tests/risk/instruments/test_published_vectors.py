"""Every published vector in the instruments' own data files, of every installed programme."""

from importlib.metadata import entry_points
from pathlib import Path

import polars as pl
import pytest

from careloop.dictionary.catalogue import PROGRAMMES, load
from careloop.programmes.programme import programme
from careloop.records.snapshot import DTYPES
from careloop.risk.instruments.evaluation import evaluate, input_variables

TESTS = Path(__file__).parent.parent.parent
INSTRUMENTS = [
    each
    for name in sorted(entry.name for entry in entry_points(group=PROGRAMMES))
    for each in programme(name, experimental=True).instruments
]
NOT_MEASURED = {
    # a scan that was not made: the publication defines the score without it
    ("fracture_index", "t_total_hip"),
    ("caroc", "t_lumbar_spine"),
    # FRAX itself takes an average dose where none is given
    ("frax", "glucocorticoid_dose_mg_day"),
    ("frax", "glucocorticoid_current"),
}
VECTORS = [(each, test) for each in INSTRUMENTS for test in each.tests]


def one(instrument, facts):
    names = input_variables([instrument])
    keys = {name: load()[name.partition("__")[0]] for name in names}
    schema = {
        name: pl.String() if "__" in name else DTYPES[variable.kind]
        for name, variable in keys.items()
    }
    row = {name: facts.get(name) for name in names}
    frame = pl.DataFrame([row], schema=schema)
    return evaluate(frame, [instrument], language="en").collect().row(0, named=True)


@pytest.mark.parametrize(("instrument", "test"), VECTORS, ids=lambda each: getattr(each, "key", ""))
def test_against_published_vectors(instrument, test):
    result = one(instrument, test)
    expected = {name: value for name, value in test.items() if name.startswith(instrument.key)}
    expected = {name: value for name, value in expected.items() if name in result}
    inputs = set(input_variables([instrument]))
    assert set(expected) - inputs, "a vector that expects nothing"
    for name in set(expected) - inputs:
        want = expected[name]
        got = result[name]
        assert got == pytest.approx(want, abs=1e-9) if isinstance(want, float) else got == want


def test_every_instrument_has_vectors():
    """In its table, or (a function with many coefficients) in a file of answers among the tests."""
    assert {"osta", "cdrs"} <= {each.key for each in INSTRUMENTS}
    for each in INSTRUMENTS:
        assert each.tests or list(TESTS.rglob(f"{each.key}*.csv")), each.key


def test_keys_are_unique_across_programmes():
    keys = [each.key for each in INSTRUMENTS]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda each: each.key)
def test_unknown_is_never_no(instrument):
    """Taking away any one input never changes a value into another: it stays or is unknown."""
    for test in instrument.tests:
        whole = one(instrument, test)
        for name in set(test) & set(input_variables([instrument])):
            less = one(instrument, {key: value for key, value in test.items() if key != name})
            if (instrument.key, name) in NOT_MEASURED:
                continue
            for output in instrument.outputs:
                if output != "iof_items":  # it lists what is known to be yes
                    assert less[output] in (None, whole[output]), (name, output)


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda each: each.key)
def test_words_are_complete_in_both_languages(instrument):
    texts = [instrument.name, *(each.label for each in instrument.classes)]
    texts += [clause.otherwise for clause in (*instrument.domain, *instrument.population)]
    texts += [term.label for term in instrument.terms if term.label.zh or term.label.en]
    texts += [text for text in (instrument.note, instrument.disclaimer) if text]
    for text in texts:
        assert text.zh
        assert text.en
    assert instrument.citation
    assert instrument.mark in "ABC"
    assert not (instrument.mark == "C" and not instrument.experimental)
