"""The pages of a plan: one A4 page for the patient, the whole plan for the doctor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from careloop import __version__
from careloop.guidance.plan import Plan
from careloop.programmes.patient_page import patient_page
from careloop.programmes.plan_view import GuidelineView, PlanWords
from careloop.programmes.report import environment


def patient_html(
    plan: Plan, words: PlanWords, row: Mapping[str, Any] | None = None, *, note: str = ""
) -> str:
    """The patient's page as HTML; printed, it is at most one A4 page."""
    page = patient_page(plan, words.guidance, language=words.language)
    return _rendered("plan_patient.html", plan, words, row, note=note, page=page)


def doctor_html(
    plan: Plan,
    words: PlanWords,
    row: Mapping[str, Any] | None = None,
    *,
    note: str = "",
    comparison: Sequence[GuidelineView] = (),
) -> str:
    """The doctor's pages as HTML, with everything the plan says."""
    return _rendered("plan_doctor.html", plan, words, row, note=note, comparison=comparison)


def _rendered(
    template: str,
    plan: Plan,
    words: PlanWords,
    row: Mapping[str, Any] | None,
    **parts: object,
) -> str:
    page: str = (
        environment(words.language)
        .get_template(template)
        .render(
            lang="zh-CN" if words.language.startswith("zh") else "en",
            version=__version__,
            plan=words.view(plan, row),
            **parts,
        )
    )
    return page
