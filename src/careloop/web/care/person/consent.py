"""What a resident agreed to: one answer a purpose, given and withdrawn with one press each.

Personal Information Protection Law of China, Art. 14 (informed, voluntary, explicit), Art. 15
(withdrawing is as easy), Art. 16 (no refusal of service), Art. 29 (separate for sensitive data),
Art. 39 (separate for providing it abroad).
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from careloop.dictionary.variable import Text
from careloop.web.accounts.gate import Gate
from careloop.web.care.away import CARE
from careloop.web.care.models import Consent
from careloop.web.care.person import follow
from careloop.web.care.standing import refresh
from careloop.web.registry.resident import Resident
from careloop.web.registry.store import lock_imports

VERSION = "2026-11-22/2"
"""Of the texts below: change it with every change of theirs."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One purpose, and the words that a resident agrees to."""

    key: str
    title: Text
    text: Text


SCOPES = (
    Scope(
        "care",
        Text("诊疗与随访", "Care and follow-up"),
        Text(
            "我同意村卫生室、社区卫生服务中心和医院为慢性病防治给我建档、随访，并互相转诊。",
            "I agree that the village clinic, the health centre and the hospital keep a record of "
            "me to prevent and treat chronic disease, follow me up, and refer me to one another.",
        ),
    ),
    Scope(
        "sensitive",
        Text("处理敏感健康信息", "Use of sensitive health data"),
        Text(
            "我同意为上述诊疗使用我的健康信息（病史、用药、检查结果）。这些信息只给照护我的人看，每次查看都有记录。",
            "I agree that my health data (history, medicines, results) is used for this care. Only "
            "those who look after me see it, and every look is written down.",
        ),
    ),
    Scope(
        "research",
        Text("用于科学研究", "Use for research"),
        Text(
            "我同意去掉姓名等身份信息后，把我的数据用于科学研究。不同意不影响我的诊疗。",
            "I agree that my data, without my name and other identity, is used for research. My "
            "care does not depend on it.",
        ),
    ),
    Scope(
        "model_training",
        Text("用于训练模型", "Use for training models"),
        Text(
            "我同意去掉身份信息后，用我的数据训练和检验计算机模型。不同意不影响我的诊疗。",
            "I agree that my data, without my identity, is used to train and test computer models. "
            "My care does not depend on it.",
        ),
    ),
    Scope(
        "cross_border",
        Text("提供到境外", "Use abroad"),
        Text(
            "我同意去掉身份信息后，把我的数据提供给境外的合作研究者。不同意不影响我的诊疗。",
            "I agree that my data, without my identity, is given to research partners abroad. My "
            "care does not depend on it.",
        ),
    ),
)
_KEYS = {scope.key for scope in SCOPES}


@dataclass(frozen=True, slots=True)
class Answer:
    """One purpose with the newest answer (None: never asked) and all answers, newest first."""

    scope: Scope
    newest: Consent | None
    history: tuple[Consent, ...]

    @property
    def given(self) -> bool:
        """Whether the resident agrees now."""
        return self.newest is not None and self.newest.withdrawn_at is None

    @property
    def outdated(self) -> bool:
        """Whether it was given to other words than stand here now."""
        return self.given and self.newest is not None and self.newest.text_version != VERSION


def answers(gate: Gate, resident: Resident) -> list[Answer]:
    """Every purpose with its answers."""
    rows: QuerySet[Consent] = gate.about(resident, Consent)
    by_scope: dict[str, list[Consent]] = {}
    for row in rows.select_related("recorded_by").order_by("-given_at", "-pk"):
        by_scope.setdefault(row.scope, []).append(row)
    return [
        Answer(scope, found[0] if found else None, tuple(found))
        for scope in SCOPES
        for found in [by_scope.get(scope.key, [])]
    ]


def give(gate: Gate, resident: Resident, scope: str) -> bool:
    """Keep that a resident agrees; false where they already do, to these words."""
    if scope not in _KEYS:
        return False
    with gate.writing(resident, "consent.write", consent=scope, given=True, version=VERSION):
        now = timezone.now()
        standing = gate.about(resident, Consent).filter(scope=scope, withdrawn_at=None)
        if standing.filter(text_version=VERSION).exists():
            return False
        standing.update(withdrawn_at=now)  # another text stands from now on
        Consent(
            resident=resident,
            organisation_id=resident.organisation_id,
            scope=scope,
            text_version=VERSION,
            given_at=now,
            recorded_by=gate.user,
        ).save(force_insert=True)
        _follow(gate, resident, scope)
    return True


def withdraw(gate: Gate, resident: Resident, scope: str) -> bool:
    """Keep that a resident agrees no more; false where they did not."""
    if scope not in _KEYS:
        return False
    with gate.writing(resident, "consent.write", consent=scope, given=False):
        standing = gate.about(resident, Consent).filter(scope=scope, withdrawn_at=None)
        withdrawn = bool(standing.update(withdrawn_at=timezone.now()))
        if withdrawn:
            _follow(gate, resident, scope)
    return withdrawn


def _follow(gate: Gate, resident: Resident, scope: str) -> None:
    """Nobody is followed up without consent: lists and tasks, in the same transaction."""
    if scope == CARE:
        lock_imports()  # nobody records anything of them meanwhile
        facts = gate.facts(resident)
        follow.up(gate, resident, facts)
        refresh(resident, facts)
