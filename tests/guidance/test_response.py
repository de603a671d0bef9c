"""Response tables: percent change, answers in order, reasons, items of the plan."""

from __future__ import annotations

import polars as pl
import pytest

from careloop.error import ConfigError
from careloop.guidance.response import (
    judgements,
    percent_change,
    read_response,
    response_items,
    responses,
)

FILE = """
[[table]]
key = "marker"
[[table.outcome]]
key = "fell"
label = { zh = "降", en = "fell" }
clause = [{ key = "half", when = "change_pct <= -50", label = { zh = "半", en = "half" }, source = "S", mark = "A" }]
[[table.outcome]]
key = "not_fell"
label = { zh = "未降", en = "did not fall" }
clause = [{ key = "less", when = "change_pct > -50", label = { zh = "少", en = "less" }, source = "S", mark = "B" }]
[[table]]
key = "step"
undecided = { key = "wait", label = { zh = "等", en = "wait" } }
[[table.outcome]]
key = "ask"
label = { zh = "先问", en = "ask first" }
unknown = "skip"
clause = [{ key = "bad_unknown", when = "taken IS NULL AND marker = 'not_fell'", label = { zh = "未知", en = "not known" }, source = "S", mark = "B" }]
[[table.outcome]]
key = "change"
label = { zh = "换", en = "change" }
clause = [{ key = "bad_though_taken", when = "taken AND marker = 'not_fell'", label = { zh = "差", en = "bad" }, source = "S", mark = "B" }]
[items]
ask = { kind = "alert", priority = 5, patient = { zh = "问", en = "we ask" } }
change = { kind = "alert", priority = 4 }
wait = { kind = "monitoring", priority = 30 }
"""  # noqa: E501


@pytest.fixture
def write(tmp_path):
    def written(text):
        file = tmp_path / "response.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return written


def _row(response, change, taken):
    frame = pl.LazyFrame(
        {"change_pct": [change], "taken": [taken]},
        schema={"change_pct": pl.Float64, "taken": pl.Boolean},
    )
    return responses(frame, response).collect().row(0, named=True)


@pytest.mark.parametrize(
    ("change", "taken", "marker", "items"),
    [
        (-50.0, True, "fell", ["response_wait"]),
        (-49.9, True, "not_fell", ["response_change"]),
        (-49.9, False, "not_fell", ["response_wait"]),
        (-49.9, None, "not_fell", ["response_ask"]),
        (None, True, None, ["response_wait"]),
        (None, None, None, ["response_wait"]),
    ],
)
def test_answers_follow_one_another(write, change, taken, marker, items):
    response = read_response(write(FILE))
    assert response.reads() == ("change_pct", "taken")
    row = _row(response, change, taken)
    first, _ = judgements(row, response)
    assert first.outcome == marker
    assert [reason.key for reason in first.because] == (
        [] if marker is None else ["half"] if marker == "fell" else ["less"]
    )
    assert [item.key for item in response_items(row, response)] == items


def test_what_is_missing_is_named(write):
    response = read_response(write(FILE))
    (item,) = response_items(_row(response, None, True), response)
    assert item.after_checking == ("change_pct",)
    (item,) = response_items(_row(response, -10.0, None), response)
    assert (item.after_checking, item.mark, item.patient.en) == ((), "B", "we ask")


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [(500, 220, -56.0), (50, 31, -38.0), (0.8, 0.76, -5.0), (0, 5, None), (None, 5, None),
     (5, None, None), (-1, 5, None)],
)  # fmt: skip
def test_percent_change(before, after, change):
    frame = pl.DataFrame({"a": [before], "b": [after]}, schema={"a": pl.Float64, "b": pl.Float64})
    assert frame.select(percent_change("a", "b")).item() == change


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("wait = {", "hope = {", "item 'hope'"),
        ('kind = "monitoring"', 'kind = "hope"', "item 'wait'"),
        ("change_pct <= -50", "change_pct <=", "not a SQL condition"),
        ('key = "marker"', 'ky = "marker"', "KeyError"),
        ("[items]", "[items", "at line"),
    ],
)
def test_a_bad_file_is_refused(write, old, new, problem):
    with pytest.raises(ConfigError) as caught:
        read_response(write(FILE.replace(old, new, 1)))
    assert problem in str(caught.value)
