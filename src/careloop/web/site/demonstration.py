"""The demo community as a site: places, one login a role, and a few days of work.

Everything is made through the same doors as on a real site: facts by the import, people by the
registration, referrals through the gate. A site that holds the demo says so on every page.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from careloop.care.entry import DAY, read_entry
from careloop.error import CareloopError
from careloop.web.accounts.gate import Gate
from careloop.web.accounts.models import Organisation, User
from careloop.web.accounts.role import Role
from careloop.web.care.models import Listed, Referral, Task
from careloop.web.care.person import consent, message
from careloop.web.care.recording import Contact, record_visit
from careloop.web.care.standing import today
from careloop.web.care.visit.known import forms, known, read_by
from careloop.web.care.visit.task import after_save
from careloop.web.registry.models import Fact
from careloop.web.registry.resident import Resident
from careloop.web.site import simulated

LOGINS = "demo-logins"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is mistaken for another
_CENTRE, _CLINIC = "示例县云溪社区卫生服务中心", "白石村卫生室"


@dataclass(frozen=True, slots=True)
class Login:
    """A login of the demo."""

    role: Role
    username: str
    name: str
    password: str


_STAFF: Mapping[Role, tuple[str, str]] = {
    "manager": ("manager", "管理者（模拟）"),
    "doctor": ("doctor", "医生（模拟）"),
    "nurse": ("nurse", "护士（模拟）"),
    "village_doctor": ("village", "村医（模拟）"),
    "researcher": ("researcher", "研究者（模拟）"),
    "patient": ("patient", "居民（模拟）"),
}


def holds_other_facts() -> bool:
    """Whether there are facts of somebody else: then the demo is never added."""
    return not simulated.ask() and Fact.objects.exists()


def make_places() -> Organisation:
    """The bureau and the hospital; returns the hospital, under which the centres come."""
    bureau, _ = Organisation.objects.get_or_create(name="示例县卫生健康局", kind="bureau")
    hospital, _ = Organisation.objects.get_or_create(
        name="示例县医院", kind="hospital", parent=bureau
    )
    return hospital


def make_site(var: Path) -> list[Login]:
    """Users, referrals, messages and consents; call it once everybody is registered."""
    from careloop.web.imaging.measured.demonstration import add_forearm  # noqa: PLC0415 — heavy

    with transaction.atomic():
        logins = make_logins(var)
        _work()
        add_forearm(_gate("doctor"), User.objects.get(username=_STAFF["patient"][0]).resident)
        simulated.complete()
    return logins


def make_logins(var: Path) -> list[Login]:
    """One login a role, with new random passwords, kept in a file for its owner only."""
    hospital = Organisation.objects.get(name="示例县医院")
    centre = Organisation.objects.get(name=_CENTRE)
    clinic = Organisation.objects.get(name=_CLINIC, parent=centre)
    places = {
        "manager": hospital.parent,
        "doctor": hospital,
        "nurse": centre,
        "village_doctor": clinic,
        "researcher": hospital.parent,
    }
    logins = []
    for role, (username, name) in _STAFF.items():
        password = _password()
        user = User.objects.filter(username=username).first() or User(username=username)
        user.name, user.role, user.organisation = name, role, places.get(role)
        user.set_password(password)
        user.save()
        logins.append(Login(role, username, name, password))
    patient = User.objects.get(username=_STAFF["patient"][0])
    if patient.resident_id is None:
        patient.resident = _somebody(_gate("village_doctor"))
        patient.name = f"{patient.resident.name}（模拟）"
        patient.save()
    _keep(var, logins)
    return logins


def logins(var: Path) -> list[Login]:
    """The demo's logins as they were kept; empty where the file is lost."""
    file = var / LOGINS
    if not file.is_file():
        return []
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()]
    return [
        Login(row[0], row[1], row[2], row[3])  # type: ignore[arg-type]
        for row in rows
        if len(row) == 4
    ]


def _keep(var: Path, made: list[Login]) -> None:
    var.mkdir(parents=True, exist_ok=True)
    file = var / LOGINS
    file.unlink(missing_ok=True)
    handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        for one in made:
            out.write(f"{one.role}\t{one.username}\t{one.name}\t{one.password}\n")


def _password() -> str:
    parts = ("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))
    return "-".join(parts)


def _gate(role: Role) -> Gate:
    return Gate(User.objects.get(username=_STAFF[role][0]))


def _somebody(gate: Gate) -> Resident:
    """Somebody with much to see: a treatment is to be decided on, else the first on any list."""
    listed = gate.rows(Listed).select_related("resident").order_by("rank", "pk")
    first = listed.filter(worklist="treatment_undecided").first() or listed.first()
    return first.resident if first else gate.residents().order_by("pk")[0]


def _work() -> None:
    """A few visits, referrals in every state, a message and a consent: lists are alive."""
    village, doctor = _gate("village_doctor"), _gate("doctor")
    if doctor.rows(Referral).exists():
        return
    hospital, clinic = doctor.user.organisation, village.user.organisation
    wanted = village.rows(Listed).filter(worklist="dxa_wanted").select_related("resident")
    reasons = (
        "风险较高，请安排双能X线骨密度检查",
        "背痛加重、身高下降，请评估椎体骨折",
        "请复核用药",
    )
    people = [each.resident for each in wanted.order_by("rank", "pk")[: len(reasons)]]
    for place, (resident, reason) in enumerate(zip(people, reasons, strict=False)):
        with village.writing(resident, "referral.write"):
            referral = Referral(
                request_key=uuid4(),
                resident=resident,
                organisation_id=resident.organisation_id,
                from_organisation=clinic,
                to_organisation=hospital,
                urgent=place == 1,
                reason=f"{reason}（模拟）",
                author=village.user,
            )
            referral.save(force_insert=True)
        if place:
            _take_on(doctor, referral, answer="已安排检查（模拟）" if place == 2 else "")
    patient = User.objects.get(username=_STAFF["patient"][0])
    resident = village.residents().get(pk=patient.resident_id)
    _visits(village)
    consent.give(village, resident, "care")
    message.send(
        village, resident, "您的骨质疏松风险评估结果已出，请带上身份证到村卫生室。（模拟）"
    )


def _visits(gate: Gate) -> None:
    """A village doctor's last days: a home visit, a telephone call, a fracture reported."""
    late = gate.rows(Task).filter(state="open", due_on__lt=today()).select_related("resident")
    note = {"follow_up_note": "（模拟）"}
    seen = {"falls_12m": "0", "sure-since_last": "yes"} | note
    broken = {
        "outcome_reported": "fracture",
        "fracture_site": "forearm",
        "fracture_mechanism": "standing_fall",
        "fracture_on": _day(-5),
    }
    days: list[tuple[str, int, dict[str, str]]] = [
        ("home", -9, seen | {"follow_up_next_on": _day(0)}),
        ("phone", -2, seen | {"follow_up_next_on": _day(1)}),
        ("outcome", -4, broken | note),
    ]
    chosen = [task.resident for task in late.order_by("due_on", "pk")[: len(days)]]
    for resident, (kind, days_on, answers) in zip(chosen, days, strict=False):
        _record(gate, resident, kind, answers | {DAY: _day(days_on)})


def _record(gate: Gate, resident: Resident, kind: str, posted: Mapping[str, str]) -> None:
    """Save a visit as its form would."""
    row = known(resident, gate.facts(resident), read_by(kind), as_of=today())
    entry = read_entry(forms(), forms()[kind], posted, known=row, today=today())
    if entry.errors or entry.happened_on is None:
        raise CareloopError(f"the demo's {kind} visit is refused: {sorted(entry.errors)}")
    record_visit(
        gate,
        resident,
        Contact(kind, entry.happened_on, entry.recorded()),
        request_key=uuid4(),
        also=lambda visit, row: after_save(gate, resident, visit, row),
    )


def _day(days_on: int) -> str:
    return (today() + timedelta(days=days_on)).isoformat()


def _take_on(doctor: Gate, referral: Referral, *, answer: str) -> None:
    with doctor.writing(referral.resident, "referral.write"):
        referral.acknowledged_by = doctor.user
        referral.acknowledged_at = timezone.now()
        referral.state = "answered" if answer else "acknowledged"
        referral.answer = answer
        if answer:
            referral.answered_by, referral.answered_at = doctor.user, timezone.now()
        referral.save()
