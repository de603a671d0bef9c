"""The instruments on real people, against what others computed from the same data."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from careloop.dictionary.catalogue import load
from careloop.programmes.assessment import assess
from careloop.programmes.programme import programme
from careloop.records.snapshot import snapshot
from careloop.records.sources.opening import open_reading

pytestmark = pytest.mark.realdata
EXAMPLES = Path(__file__).parents[2] / "examples"


def assessed(path, mapping, as_of):
    reading = open_reading(path, dictionary=load(), mapping=EXAMPLES / mapping, as_of=as_of)
    facts = pl.concat(list(reading.batches()))
    taken = snapshot(facts, as_of, load())
    return assess(taken, programme("osteoporosis"), language="en").frame, reading.report


@pytest.fixture(scope="module")
def nhanes(data_dir):
    path = data_dir / "nhanes_2017_2020" / "nhanes_50plus.csv.gz"
    return assessed(path, "nhanes_2017_2020.toml", date(2020, 3, 31))


def auc(score, case):
    """Area under the ROC curve: the share of (case, other) pairs in the right order."""
    cases, others = score[case], score[~case]
    pairs = cases[:, None], others[None, :]
    return float((pairs[0] > pairs[1]).mean() + (pairs[0] == pairs[1]).mean() / 2)


def measured(frame, column, *, sex=None):
    """People with a femoral-neck T-score and the instrument's value."""
    people = frame.filter(pl.col("t_femoral_neck").is_not_null(), pl.col(column).is_not_null())
    people = people if sex is None else people.filter(pl.col("sex") == sex)
    return people[column].to_numpy().astype(float), (people["t_femoral_neck"] <= -2.5).to_numpy()


def test_prevalence_of_low_femoral_neck_t(nhanes):
    frame = nhanes[0].filter(pl.col("bmi_kg_m2").is_not_null())
    t = frame["t_femoral_neck"].drop_nulls()
    assert t.len() == 3526
    assert (t <= -2.5).mean() == pytest.approx(0.058, abs=0.0005)


@pytest.mark.parametrize(
    ("column", "sex", "sign", "published"),
    [
        ("osta", "female", -1, 0.809),
        ("osta", "male", -1, 0.804),
        ("osta", None, -1, 0.831),
        ("orai", "female", 1, 0.802),
        ("osiris", "female", -1, 0.811),
    ],
)
def test_auc_against_reference_analysis(nhanes, column, sex, sign, published):
    score, case = measured(nhanes[0], column, sex=sex)
    assert auc(sign * score, case) == pytest.approx(published, abs=0.003)


def test_ost_below_2_in_women_of_50_to_64(nhanes):
    women = nhanes[0].filter(pl.col("sex") == "female", pl.col("age_y") < 65)
    score, case = measured(women, "ost")
    assert (score[case] < 2).mean() == pytest.approx(0.783, abs=0.003)
    assert (score[~case] >= 2).mean() == pytest.approx(0.676, abs=0.003)


def test_results_on_assumed_inputs_say_so(nhanes):
    frame, report = nhanes
    assert report.assumptions == {"oestrogen_current": "false"}
    women = frame.filter(pl.col("sex") == "female", pl.col("orai").is_not_null())
    assert women["orai_assumed"].unique().to_list() == ["oestrogen_current"]
    assert women["osiris_assumed"].unique().to_list() == ["oestrogen_current"]


def test_an_assumed_sex_reaches_whom_an_instrument_applies_to_and_every_decision(data_dir):
    frame, _ = assessed(data_dir / "glow" / "GLOW500.txt", "glow500.toml", date(2010, 1, 1))
    for column in ("fracscore_assumed", "ost_assumed", "diagnosis_assumed", "next_step_assumed"):
        assert frame[column].unique().to_list() == ["sex"], column


def test_osta_does_not_apply_to_us_men_and_no_decision_uses_it(nhanes):
    men = nhanes[0].filter(pl.col("sex") == "male", pl.col("osta").is_not_null())
    assert not men["osta_applies"].any()
    assert men["osta_reason"].unique().to_list() == ["OSTA was made for women"]
    assert "osta" not in " ".join(men["next_step_because"].to_list())


def test_fracscore_against_published_column(data_dir):
    path = data_dir / "glow" / "GLOW500.txt"
    frame, _ = assessed(path, "glow500.toml", date(2010, 1, 1))
    published = pl.read_csv(path, separator="\t", schema_overrides={"SUB_ID": pl.String})
    both = frame.join(published, left_on="person_id", right_on="SUB_ID")
    assert both.height == 500
    assert np.array_equal(both["fracscore"].to_numpy(), both["FRACSCORE"].to_numpy())
