"""What would decide: against trying every combination of the unknowns (facts of Kleene logic)."""

from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from careloop.dictionary.syntax import tree, value
from careloop.dictionary.variable import Text
from careloop.guidance.boundary import domains
from careloop.guidance.decisive import _rest, decisive
from careloop.risk.decision import Decision, NamedClause, Outcome

NAMES = ("a", "b", "c", "d")


def table(*outcomes, undecided=None, key="class"):
    """A decision table of (key, skip, conditions)."""
    return Decision(
        key,
        tuple(
            Outcome(
                name,
                Text(name, name),
                tuple(
                    NamedClause(f"{name}_{number}", sql, Text(sql, sql), "", "B")
                    for number, sql in enumerate(conditions)
                ),
                skip,
            )
            for name, skip, conditions in outcomes
        ),
        undecided,
    )


def answer(decision, row):
    """The slow, obvious way."""
    for outcome in decision.outcomes:
        said = [value(tree(clause.sql), row) for clause in outcome.clauses]
        if any(each is True for each in said):
            return outcome.key
        if None in said and not outcome.skip_unknown and decision.undecided is None:
            return None
    return decision.undecided


def by_trying(decision, row):
    """Every unknown that changes the answer under some values of the other unknowns."""
    trees = [tree(c.sql) for o in decision.outcomes for c in o.clauses]
    tried = {name: v for name, v in domains(trees).items() if row.get(name) is None}
    found = set()
    for name, values in tried.items():
        others = [each for each in tried if each != name]
        for combination in product(*(tried[each] for each in others)):
            given_ = {**row, **dict(zip(others, combination, strict=True))}
            if len({answer(decision, {**given_, name: each}) for each in values}) > 1:
                found.add(name)
    return found


atoms = st.sampled_from([*NAMES, "x > 3", "x <= 1", "w = 'p'", "w = 'q'", "a IS NULL"])
conditions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds(lambda one, two: f"({one}) AND ({two})", inner, inner),
        st.builds(lambda one, two: f"({one}) OR ({two})", inner, inner),
        st.builds(lambda one: f"NOT ({one})", inner),
    ),
    max_leaves=4,
)
tables = st.builds(
    lambda parts, undecided: table(
        *((f"o{n}", skip, sqls) for n, (skip, sqls) in enumerate(parts)), undecided=undecided
    ),
    st.lists(
        st.tuples(st.booleans(), st.lists(conditions, min_size=1, max_size=2)),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from([None, "rest"]),
)
people = st.fixed_dictionaries(
    {name: st.sampled_from([None, True, False]) for name in NAMES}
    | {"x": st.sampled_from([None, 0.0, 2.0, 5.0]), "w": st.sampled_from([None, "p", "z"])}
)


@given(tables, people)
def test_decisive_is_what_trying_every_combination_finds(decision, row):
    # Staying unknown is a value of its own only where a question for it (IS NULL) is still open;
    # one that the known facts have settled counts for the slow way, and does not here.
    clauses = [clause.sql for outcome in decision.outcomes for clause in outcome.clauses]
    still = domains([_rest(sql, row) for sql in clauses])
    assume(all(domains(map(tree, clauses))[name] == values for name, values in still.items()))
    assert set(decisive(row, decision)) == by_trying(decision, row)


CHINA = table(
    ("very_high", True, ["t < -3.0", "fracture AND months <= 24"]),
    ("high", True, ["t <= -2.5", "fracture AND hip"]),
    ("low", False, ["t > -1.0 AND NOT fracture"]),
)


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ({"t": -3.1, "fracture": None}, ()),  # nothing can change it
        ({"t": -2.6, "fracture": False}, ()),
        ({"t": -2.6, "fracture": True, "hip": None}, ("months",)),  # high already, hip or not
        ({"t": -0.5, "fracture": True, "months": 30.0}, ("hip",)),
        ({"t": None, "fracture": False}, ("t",)),
        ({"t": -2.0, "fracture": None}, ("fracture", "months", "hip")),
    ],
)
def test_decisive_of_a_small_guideline(row, wanted):
    assert decisive(row, CHINA) == wanted


def test_what_decides_alone_comes_first():
    both = table(("yes", False, ["a AND b", "c"]))
    assert decisive({}, both) == ("c", "a", "b")


def test_a_table_that_reads_another_asks_what_the_other_asks():
    risk = table(("high", True, ["t < -3.0"]), key="risk")
    treat = table(("treat", False, ["risk = 'high'"]), key="treat")
    assert decisive({"risk": None}, risk, treat) == ("t",)
