"""Every threshold of the rule data flips where it says, by Polars and by SQLite alike."""

import sqlite3
from contextlib import closing
from importlib.metadata import entry_points

import polars as pl
import pytest

from careloop.dictionary.condition import condition, names_in
from careloop.dictionary.syntax import Formula, comparisons, tree, value, walk
from careloop.error import ConfigError
from careloop.guidance.boundary import boundaries, domains
from careloop.programmes.programme import programme

PROGRAMMES = [
    made
    for entry in entry_points(group="careloop.programmes")
    if (made := programme(entry.name)).guidance
]


def clauses(disease):
    """Every condition of a programme's rule data, each once, with a name for messages."""
    guidance = disease.guidance()
    tables = [*disease.decisions, *(t for each in guidance.guidelines for t in each.decisions())]
    named = [(t.key, clause) for t in tables for o in t.outcomes for clause in o.clauses]
    for medicine in guidance.medicines:
        parts = (*medicine.stops, *medicine.cautions, *medicine.checks)
        named += [(medicine.key, clause) for clause in parts]
    for rule in (*guidance.advice, *guidance.monitoring):
        named += [(rule.key, each) for each in (*rule.clauses, *rule.stops, *rule.cautions)]
    named += [("flag", flag) for flag in guidance.flags]
    found = {clause.sql: f"{where} {clause.key}" for where, clause in named}
    for each in guidance.guidelines:
        found |= {choice.when: f"{each.key} first" for choice in each.first if choice.when}
    return found


CLAUSES = {sql: name for disease in PROGRAMMES for sql, name in clauses(disease).items()}


def by_polars(sql, people):
    """The condition over a table of people."""
    names = sorted(names_in(sql))
    types = {bool: pl.Boolean, float: pl.Float64, str: pl.String}
    schema = {name: types[type(tried[0])] for name, tried in domains([tree(sql)]).items()}
    frame = pl.DataFrame([{n: p.get(n) for n in names} for p in people], schema=schema)
    return frame.select(condition(sql).alias("said"))["said"].to_list()


def by_sqlite(sql, people):
    """The same by an engine that shares nothing with Polars; its logic is three-valued too."""
    names = sorted(names_in(sql))
    sql = sql.replace("::INT", "")  # SQLite has no such cast; here the values are numbers already
    with closing(sqlite3.connect(":memory:")) as base:
        base.create_function(
            "LEAST", -1, lambda *given: min((g for g in given if g is not None), default=None)
        )
        said = []
        for person in people:
            given = ", ".join(f":{name} AS {name}" for name in names)
            query = f"SELECT ({sql}) FROM (SELECT {given})"
            (answer,) = base.execute(query, {n: person.get(n) for n in names}).fetchone()
            said.append(None if answer is None else bool(answer))
    return said


def test_every_threshold_has_a_boundary_and_flips_there():
    faults, tested = [], 0
    for sql, name in CLAUSES.items():
        try:
            found = boundaries(sql)
        except ConfigError as error:
            faults.append((name, error.problem))
            continue
        assert len(found) == len(list(comparisons(tree(sql))))
        for each in found:
            people = [each.below, each.at, each.above]
            tested += 1
            for engine in (by_polars, by_sqlite):
                said = engine(sql, people)
                if said != list(each.expected):
                    faults.append((name, engine.__name__, each, said))
    assert not faults, "\n" + "\n".join(map(str, faults))
    assert tested > 100


def test_every_number_in_a_condition_is_in_a_tested_comparison():
    """No threshold hides where the boundary check does not look."""
    for sql, name in CLAUSES.items():
        if any(isinstance(node, Formula) for node in walk(tree(sql))):
            continue  # a factor in a formula is not a threshold
        bare = {
            node.value
            for node in walk(tree(sql))
            if hasattr(node, "value") and type(node.value) is float
        }
        tested = {each.threshold for each in boundaries(sql)}
        assert bare <= tested, name


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("t < -3.0", (True, False, False)),
        ("t <= -2.5", (True, True, False)),
        ("fracture AND months <= 24", (True, True, False)),
        ("frax_applies AND (mof > 30 OR hip > 4.5)", (False, False, True)),
        ("NOT (age >= 65)", (True, False, False)),
        ("t < -1.0 AND t > -2.5", (True, False, False)),
        ("dose = 5", (False, True, False)),
        ("known IS NOT NULL AND age - start >= 10", (False, True, True)),
    ],
)
def test_boundary_of_small_conditions(sql, expected):
    first = boundaries(sql)[0]
    people = [first.below, first.at, first.above]
    assert first.expected == expected
    assert by_sqlite(sql, people) == by_polars(sql, people) == list(expected)


@pytest.mark.parametrize("sql", ["age >= 50 OR age < 60", "b > 3 AND b < 2"])
def test_a_threshold_that_nothing_reaches_is_a_fault(sql):
    with pytest.raises(ConfigError, match="no facts reach"):
        boundaries(sql)


def test_a_wrong_operator_is_found():
    """The check can fail: had the rule said ≤ where it means <, the engines would disagree."""
    (meant,) = boundaries("t < -3.0")
    assert by_sqlite("t <= -3.0", [meant.below, meant.at, meant.above]) != list(meant.expected)


@pytest.mark.parametrize(
    ("sql", "row", "said"),
    [
        ("a AND b", {"a": False}, False),
        ("a AND b", {"a": True}, None),
        ("a OR b", {"a": True}, True),
        ("a OR b", {"a": False}, None),
        ("NOT a", {}, None),
        ("a IS NULL", {}, True),
        ("a = 'x' OR b", {"a": "y", "b": None}, None),
        ("a BETWEEN 1 AND 3", {"a": 3.0}, True),
        ("5 < a", {"a": 6.0}, True),
        ("-a + 2 * 3 >= 1", {"a": 5.0}, True),
        ("NULL OR TRUE", {}, True),
    ],
)
def test_tree_is_three_valued_as_the_engines(sql, row, said):
    assert value(tree(sql), row) is said


@pytest.mark.parametrize("sql", ["a AND", "abs(a) > 1", "a ? 1", "(a", "a IS 3"])
def test_what_cannot_be_read_is_refused(sql):
    with pytest.raises(ConfigError):
        tree(sql)
