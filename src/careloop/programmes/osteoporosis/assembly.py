"""The osteoporosis programme, put together from its data files."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from careloop.care.examination import Examination, Standard, read_examination
from careloop.care.form import Forms, read_forms
from careloop.care.record import Record, read_record
from careloop.care.schedule import Schedule, read_schedule
from careloop.care.step import Step, read_steps
from careloop.care.worklist import Worklists, read_worklists
from careloop.dictionary.catalogue import load
from careloop.dictionary.variable import Text
from careloop.programmes.osteoporosis import dxa, shown
from careloop.programmes.osteoporosis.guidance_assembly import guidance
from careloop.programmes.osteoporosis.precision import bmd_changes
from careloop.programmes.osteoporosis.response import proposals
from careloop.programmes.programme import Programme, Stage
from careloop.risk.decision import read_decision
from careloop.risk.instruments.reading import read_instruments

_FOLDER = files("careloop.programmes.osteoporosis")


@cache
def worklists() -> Worklists:
    """The day's lists."""
    return read_worklists(_FOLDER / "care" / "worklist.toml")


@cache
def forms() -> Forms:
    """What is asked at which contact."""
    return read_forms(_FOLDER / "care" / "form.toml", load())


@cache
def schedule() -> Schedule:
    """When a person is to be seen again."""
    return read_schedule(_FOLDER / "care" / "schedule.toml", load())


@cache
def steps() -> tuple[Step, ...]:
    """What each next step means in practice."""
    return read_steps(_FOLDER / "care" / "step.toml")


@cache
def record() -> Record:
    """What a person's record shows of osteoporosis."""
    return read_record(_FOLDER / "care" / "record.toml", load())


@cache
def examination() -> Examination:
    """Bone density, with the references that T-scores are made by."""
    standards = tuple(
        Standard(
            reference=row.database,
            device=row.device,
            sex=row.sex,
            measured=f"bmd_{row.site}_g_cm2",
            score=f"t_{row.site}",
            mean=row.mean,
            sd=row.sd,
            unconfirmed=row.unconfirmed,
        )
        for rows in dxa.references().values()
        for row in rows
    )
    return read_examination(
        _FOLDER / "care" / "dxa.toml",
        load(),
        references=dxa.reference_names(),
        standards=standards,
    )


@cache
def assemble(*, experimental: bool = False) -> Programme:
    """Read instruments and rules; `experimental` adds what is not yet confirmed."""
    instruments = tuple(
        each
        for each in read_instruments(_FOLDER / "instruments", load())
        if experimental or not each.experimental
    )
    return Programme(
        key="osteoporosis",
        name=Text("骨质疏松症", "osteoporosis"),
        instruments=instruments,
        decisions=(
            read_decision(_FOLDER / "rules" / "diagnosis.toml", "diagnosis"),
            read_decision(_FOLDER / "rules" / "next_step.toml", "next_step"),
        ),
        before=(Stage(dxa.t_columns, tuple(dxa.inputs())), Stage(dxa.lowest_columns)),
        after=(
            Stage(
                lambda: (
                    dxa.who_class().alias("who_class"),
                    dxa.qct_class().alias("qct_class"),
                    dxa.genant_grade().alias("genant_grade"),
                    dxa.genant_type().alias("genant_type"),
                )
            ),
        ),
        shown=(
            "sex",
            "age_y",
            "height_cm",
            "weight_kg",
            "bmi_kg_m2",
            "organisation",
            "osteoporosis_treatment_current",
        ),
        results=shown.RESULTS,
        cascade=(
            (Text("已登记", "registered"), "person_id IS NOT NULL"),
            (
                Text("已筛查（OSTA 或 IOF）", "screened (OSTA or IOF test)"),
                "osta IS NOT NULL OR iof_positive IS NOT NULL",
            ),
            (
                Text("需进一步检查或治疗", "needs DXA or treatment assessment"),
                "next_step = 'dxa' OR next_step = 'treatment_assessment' OR t_lowest IS NOT NULL",
            ),
            (Text("已测骨密度", "bone density measured"), "t_lowest IS NOT NULL"),
            (
                Text("诊断骨质疏松症", "osteoporosis diagnosed"),
                "diagnosis = 'osteoporosis' OR diagnosis = 'severe_osteoporosis'",
            ),
            (
                Text("正在抗骨质疏松治疗", "on osteoporosis treatment"),
                (
                    "(diagnosis = 'osteoporosis' OR diagnosis = 'severe_osteoporosis')"
                    " AND osteoporosis_treatment_current"
                ),
            ),
        ),
        ranking=shown.RANKING,
        measures=shown.MEASURES,
        distributions=shown.DISTRIBUTIONS,
        qualifiers=dxa.reference_names(),
        changes=bmd_changes,
        guidance=guidance,
        proposals=proposals,
        worklists=worklists,
        steps=steps,
        forms=forms,
        schedule=schedule,
        examination=examination,
        record=record,
        caution=Text(
            "本报告供有资质的医务人员参考，也可用于科研；不是诊断。",
            "Decision support for qualified clinicians and a research tool; not a diagnosis.",
        ),
    )
