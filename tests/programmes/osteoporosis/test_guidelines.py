"""Every guideline against its own specification: facts in, answers out (facts.md §3)."""

import random
import re
from datetime import date, timedelta

import polars as pl
import pytest

from careloop.dictionary.catalogue import load
from careloop.guidance.comparison import compare_guidelines
from careloop.guidance.decisive import questions
from careloop.guidance.evaluation import guidance_reads, guided
from careloop.guidance.reading import UNKNOWN
from careloop.programmes.assessment import assessed, reads
from careloop.programmes.osteoporosis import programme
from careloop.programmes.osteoporosis.guidance_assembly import guidance
from careloop.records.snapshot import DTYPES
from plain_guidance import plain

AS_OF = date(2026, 6, 30)
GUIDANCE = guidance()
GUIDELINES = GUIDANCE.guidelines
NEVER_UNKNOWN = re.compile("IS NOT NULL|next_step")
TABLES = ("risk_class", "treatment", "referral")


def guide(people):
    """People's rows of the guided table, from facts alone."""
    names = list(dict.fromkeys([*reads(programme()), *guidance_reads(GUIDANCE)]))
    names = [name for name in names if name.partition("__")[0] in load()]
    schema = {
        name: (pl.Int32 if name.endswith("__age_d") else pl.String)
        if "__" in name
        else DTYPES[load()[name].kind]
        for name in names
    }
    for facts in people:
        assert not set(facts) - set(names), f"not read: {set(facts) - set(names)}"
    rows = [{name: facts.get(name) for name in names} for facts in people]
    frame = pl.DataFrame(rows, schema=schema).with_row_index("person_id")
    frame = frame.with_columns(pl.col("person_id").cast(pl.String), as_of=pl.lit(AS_OF))
    table = guided(assessed(frame.lazy(), programme(), language="en"), GUIDANCE)
    return table.collect().to_dicts()


def told(row, guideline, part):
    """The keys of a guideline's clauses that held, or that could not be told."""
    return {key for table in guideline.decisions() for key in row[f"{table.key}_{part}"].split()}


@pytest.fixture(scope="module")
def answers():
    return {each.key: guide([row.facts for row in each.spec]) for each in GUIDELINES}


@pytest.mark.parametrize("guideline", GUIDELINES, ids=lambda each: each.key)
def test_guideline_answers_its_specification(guideline, answers):
    faults = []
    common = set.intersection(*(set(spec.facts.items()) for spec in guideline.spec))
    for spec, row in zip(guideline.spec, answers[guideline.key], strict=True):
        held, unknown = told(row, guideline, "because"), told(row, guideline, "unknown")
        facts = dict(set(spec.facts.items()) - common)
        faults += [
            (facts, table, wanted, found)
            for table in TABLES
            if (wanted := spec.expect.get(table))
            and (found := row[f"{guideline.key}_{table}"] or UNKNOWN) != wanted
        ]
        for part, wrong in (
            ("holds", set(spec.expect.get("holds", ())) - held),
            ("fails", set(spec.expect.get("fails", ())) & (held | unknown)),
            ("unknown", set(spec.expect.get("unknown", ())) - unknown),
        ):
            if wrong:
                faults.append((facts, part, wrong))
    assert not faults, "\n" + "\n".join(map(str, faults))


@pytest.mark.parametrize("guideline", GUIDELINES, ids=lambda each: each.key)
def test_every_clause_has_a_positive_a_negative_and_an_unknown_row(guideline):
    for part in ("holds", "fails", "unknown"):
        named = {key for spec in guideline.spec for key in spec.expect.get(part, ())}
        clauses = {
            clause.key: clause
            for table in guideline.decisions()
            for outcome in table.outcomes
            for clause in outcome.clauses
        }
        wanted = {
            key
            for key, clause in clauses.items()
            if part != "unknown" or not NEVER_UNKNOWN.search(clause.sql)
        }
        assert named <= set(clauses), f"no such clause: {named - set(clauses)}"
        assert named >= wanted, f"{guideline.key}: no row in which these {part}: {wanted - named}"


# --- unknown is never a reason to treat

# Removing these may raise an answer by a convention of their own, each stated where it is made:
# a woman of 50 whose menopause is unknown counts as postmenopausal (dxa.lowest_columns), and an
# entered FRAX result stands as entered where the glucocorticoid dose is unknown (frax.adjusted).
CONVENTIONS = {"postmenopausal", "glucocorticoid_current", "glucocorticoid_dose_mg_day"}
DATES = ("fracture_last_on", "fracture_vertebral_last_on")
NUMBERS = {
    "age_y": (35, 90),
    "t_femoral_neck": (-4, 0.5),
    "t_lumbar_spine": (-4, 0.5),
    "t_radius_33": (-4, 0.5),
    "z_femoral_neck": (-4, 2),
    "frax_mof_pct": (1, 45),
    "frax_hip_pct": (0, 8),
    "glucocorticoid_dose_mg_day": (0, 40),
    "glucocorticoid_cumulative_g_year": (0, 8),
    "fragility_fracture_count": (0, 4),
    "fragility_fracture_vertebral_count": (0, 4),
    "qct_lumbar_mg_cm3": (60, 140),
    "creatinine_umol_l": (40, 200),
    "weight_kg": (40, 90),
}
CODES = {
    "sex": ("female", "female", "male"),
    "nogg_class_entered": ("low", "intermediate", "high", "very_high"),
}
ANSWERS = [
    name
    for name in dict.fromkeys(n for each in GUIDELINES for t in each.decisions() for n in t.reads())
    if name in load() and load()[name].kind == "boolean"
] + ["postmenopausal", "hyperparathyroidism"]


def someone(rng):
    """A person of whom about two facts in three are known."""
    facts = {name: rng.choice((True, False)) for name in ANSWERS}
    facts |= {name: float(round(rng.uniform(*span), 1)) for name, span in NUMBERS.items()}
    facts |= {name: rng.choice(words) for name, words in CODES.items()}
    facts |= {name: AS_OF - timedelta(days=rng.randrange(2000)) for name in DATES}
    return {name: given for name, given in facts.items() if rng.random() < 0.7}


def test_removing_a_fact_never_makes_a_treatment():
    rng = random.Random(20260630)
    rows, removed = [], []
    for _ in range(120):
        facts = someone(rng)
        for name in (None, *(name for name in facts if name not in CONVENTIONS)):
            rows.append({key: given for key, given in facts.items() if key != name})
            removed.append(name)
    told_of = guide(rows)
    treated, before = 0, {}
    for name, row in zip(removed, told_of, strict=True):
        if name is None:
            before = row
            continue
        for each in GUIDELINES:
            column = each.treatment.key
            treated += row[column] == "treat"
            assert not (row[column] == "treat" and before[column] != "treat"), (each.key, name)
    assert treated > 1000


def test_tables_answer_as_one_person_at_a_time():
    """The slow, obvious twin of the benchmark against the vectorised way."""
    rng = random.Random(7)
    for row in guide([someone(rng) for _ in range(200)]):
        slow = plain(row, GUIDANCE)
        assert slow == {name: row[name] for name in slow}


@pytest.mark.parametrize("guideline", GUIDELINES, ids=lambda each: each.key)
def test_of_a_person_of_whom_nothing_is_known_nothing_is_said(guideline):
    (row,) = guide([{}])
    assert row[guideline.risk_class.key] is None
    assert row[guideline.treatment.key] is None


# --- the answers side by side, and what to ask


def test_guidelines_differ_side_by_side():
    (row,) = guide([dict(GUIDANCE.default.spec[0].facts) | {"t_femoral_neck": -2.6}])
    said = {each.guideline.key: each for each in compare_guidelines(row, GUIDANCE)}
    assert next(iter(said)) == "china_2022"
    assert said["china_2022"].risk_class == "very_high"
    assert {reason.key for reason in said["china_2022"].because} >= {"vh_recent_fracture"}
    assert said["aace_2020"].risk_class == "high"  # 23 months is not recent there
    assert said["endocrine_society_2020"].treatment == "treat"
    assert said["acr_giop_2022"].risk_class is None  # takes no glucocorticoid
    assert "zoledronate" in said["china_2022"].first


def test_questions_are_variables_that_could_change_the_answer():
    base = dict(next(s.facts for s in GUIDANCE.default.spec if s.expect.get("risk_class") == "low"))
    known, without = guide([base, base | {"t_femoral_neck": None}])
    assert "t_femoral_neck" not in questions(known, GUIDANCE, GUIDANCE.default)
    asked = questions(without, GUIDANCE, GUIDANCE.default)
    assert "t_femoral_neck" in asked
    assert set(asked) <= set(load())
    (osteoporosis,) = guide([base | {"t_femoral_neck": -3.5}])
    assert questions(osteoporosis, GUIDANCE, GUIDANCE.default) == ()


def test_what_is_asked_instead_of_a_computed_column_is_in_the_dictionary():
    for column, asked in GUIDANCE.asks.items():
        assert column not in load()
        assert asked
        assert set(asked) <= set(load())


@pytest.mark.parametrize("guideline", GUIDELINES, ids=lambda each: each.key)
def test_what_no_source_says_is_marked_as_our_own(guideline):
    """Mark C stands where, and only where, the source says that the rule is our own."""
    for table in guideline.decisions():
        for outcome in table.outcomes:
            for clause in outcome.clauses:
                own = clause.source.startswith("careloop's own")
                assert own == (clause.mark == "C"), (table.key, clause.key)
