"""One person's reasons in a terminal: complete, readable at 80 columns, harmless, bilingual."""

from __future__ import annotations

import io
import re
from datetime import date

import polars as pl
import pytest
from rich.cells import cell_len
from rich.console import Console

from careloop.command.person import print_reasons
from careloop.dictionary.catalogue import load
from careloop.programmes.programme import programme
from careloop.programmes.reasons import Reasons, reasons
from careloop.records.snapshot import Snapshot
from careloop.risk.instruments.evaluation import input_variables

AS_OF = date(2026, 11, 22)
PROGRAMME = programme("osteoporosis")
CJK = re.compile(r"[\u3400-\u9fff]")
PATIENT = {
    "person_id": "P1",
    "sex": "female",
    "age_y": 74.0,
    "weight_kg": 46.0,
    "height_cm": 150.0,
    "bmi_kg_m2": 20.4,
    "ethnic_group": "chinese",
    "postmenopausal": True,
    "fragility_fracture": True,
    "fracture_prior": True,
    "oestrogen_current": False,
    "oestrogen_current__assumed": True,
    "t_lumbar_spine": -3.0,
    "t_lumbar_spine__reference_db": "china_women_2007",
    "t_femoral_neck": -2.46,
    "t_femoral_neck__reference_db": "somebody's own",
    "smoking_level": "non",
    "smoking_status": "never",
    "alcohol_level": "none",
}


def found(patient: dict[str, object], language: str) -> Reasons:
    (qfracture,) = (each for each in PROGRAMME.instruments if each.key == "qfracture")
    names = (name for name in input_variables([qfracture]) if name in load())
    known = {name: False for name in names if load()[name].kind == "boolean"}
    row = {**known, **patient} if patient.get("sex") else patient
    schema = {
        key: {"number": pl.Float64, "boolean": pl.Boolean}.get(load()[key].kind, pl.String)
        for key in row
        if key in load()
    }
    taken = Snapshot(pl.DataFrame([row], schema_overrides=schema), AS_OF, load())
    return reasons(taken, PROGRAMME, [str(row["person_id"])], language=language)[0]


def printed(patient: dict[str, object], language: str = "zh", **settings: object) -> str:
    file = io.StringIO()
    console = Console(file=file, **({"width": 80, "highlight": False} | settings))
    print_reasons(
        found(patient, language), PROGRAMME, load(), as_of=AS_OF, language=language, console=console
    )
    return file.getvalue()


def flat(text: str) -> str:
    """The words without line breaks (Chinese breaks anywhere)."""
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_everything_found_is_said(language):
    said, person = printed(PATIENT, language), found(PATIENT, language)
    words = flat(said)
    assert "P1" in said
    assert "2026-11-22" in said
    assert flat(PROGRAMME.caution[language]) in words
    for verdict in person.verdicts:
        assert flat(verdict.label[language]) in words
        outcome = next(
            (each for each in verdict.decision.outcomes if each.key == verdict.outcome), None
        )
        for clause in outcome.clauses if outcome else ():
            assert (flat(clause.label[language] + f"[{clause.source}]") in words) == (
                clause.key in verdict.because
            )
    for finding in person.findings:
        usable = finding.applies and finding.outputs[finding.instrument.value] is not None
        if usable and finding.risk_class:
            assert flat(finding.risk_class[language]) in words
        if not usable:
            assert flat(finding.reason) in words
    for name in person.missing:
        assert flat(load()[name].label[language]) in words
    assert person.missing


def test_measurements_name_their_reference():
    words = flat(printed(PATIENT))
    assert "腰椎(L1–L4)T值−3.0" in words
    assert "股骨颈T值−2.46" in words
    assert "参考数据库：中国多中心女性（Zhang2007）" in words
    assert "参考数据库：somebody'sown" in words


def test_drivers_show_values_and_points():
    said = printed(PATIENT)
    (osta,) = re.findall(r"^  OSTA  .*?(?=^  \S)", said, flags=re.MULTILINE | re.DOTALL)
    assert "−5.6" in osta
    assert "高风险" in osta
    assert re.search(r"体重 +46 kg +\+9\.2", osta)
    assert re.search(r"年龄 +74 岁 +−14\.8", osta)


def test_assumed_inputs_are_flagged():
    assumed = flat(printed(PATIENT))
    assert "否(假定)" in assumed
    assert "来源单位假定、未询问：正在使用雌激素=否" in assumed
    told = flat(printed({**PATIENT, "oestrogen_current__assumed": False}))
    assert "假定" not in told


@pytest.mark.parametrize("language", ["zh", "en"])
def test_disclaimer_stands_with_the_score_and_only_with_it(language):
    (qfracture,) = (each for each in PROGRAMME.instruments if each.key == "qfracture")
    disclaimer = flat(qfracture.disclaimer[language])
    assert disclaimer in flat(printed(PATIENT, language))
    assert disclaimer not in flat(printed({**PATIENT, "bmi_kg_m2": 19.0}, language))


def test_unconfirmed_clauses_are_marked():
    person = found(PATIENT, "en")
    marks = {
        clause.unconfirmed
        for verdict in person.verdicts
        for key in verdict.because
        for clause in [verdict.decision.clause(key)]
    }
    assert marks == {True, False}
    said = printed(PATIENT, "en", width=200)
    assert re.search(r"osteoporosis is diagnosed +\[China 2022\] +unconfirmed", said)
    assert re.search(r"fragility fracture +\[WHO 1994\]$", said, flags=re.MULTILINE)


def test_undecided_says_what_cannot_be_judged():
    said = flat(printed({"person_id": "P2", "sex": None, "age_y": None}))
    assert "资料不足，无法判断" in said
    assert "现有资料无法判断：" in said
    assert "?髋部脆性骨折" in said


def test_instruments_for_others_are_told_apart():
    said = printed({**PATIENT, "sex": "male"})
    before, after = said.split("可以计算但不适用于此人")
    assert "OSTA 用于女性" in after
    assert "OSTA 用于女性" not in before


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [80, 60])
def test_nothing_is_wider_than_the_terminal(language, width):
    for line in printed(PATIENT, language, width=width).splitlines():
        assert cell_len(line) <= width


def test_no_colours_when_piped_and_colours_in_a_terminal():
    assert "\x1b" not in printed(PATIENT)
    terminal = printed(PATIENT, force_terminal=True, color_system="standard")
    assert "\x1b[" in terminal
    assert flat(re.sub(r"\x1b\[[\d;]*m", "", terminal)) == flat(printed(PATIENT))


def test_ids_cannot_steer_the_terminal():
    said = printed({**PATIENT, "person_id": "[red]x[/red]\x1b[2J\x07\nnext"})
    assert "[red]x[/red]" in said
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "\nnext" not in said


def test_english_has_no_chinese():
    assert not CJK.search(printed(PATIENT, "en"))
    assert not CJK.search(printed({"person_id": "P2", "sex": None, "age_y": None}, "en"))


def test_standard_output_is_the_default(capsys):
    print_reasons(found(PATIENT, "zh"), PROGRAMME, load(), as_of=AS_OF, language="zh")
    assert "P1" in capsys.readouterr().out
