"""The one gate: who reaches whom, what is written down, and that nobody goes round it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone

from careloop.web.accounts.guard import PersonData, UngatedError
from careloop.web.accounts.models import BreakGlass, Organisation
from careloop.web.accounts.role import ROLES
from careloop.web.audit.models import Concerned, Entry
from careloop.web.care.models import Referral, Standing, Visit
from careloop.web.registry.resident import Resident

from . import factory

WEB = Path(__file__).resolve().parents[2] / "src" / "careloop" / "web"
MAY_GO_ROUND = {
    "accounts/gate.py": "is the gate",
    "accounts/guard.py": "declares what it is the gate to",
    "care/away.py": "tells who is called for nothing, of everybody at once too",
    "care/called.py": "keeps beside every list who is off it, for everybody at once too",
    "care/lapse.py": "lets results of calls lapse, for everybody at once too",
    "care/standing.py": "computes what lists show, for everybody at once after an import",
    "care/recording.py": "keeps each version of a visit that the gate has opened",
    "care/visit/upkeep.py": "brings everybody's tasks in step after an import and at night",
    "registry/registration.py": "brings residents in step with imported facts",
}
"""Modules that may name `gated`, each with the reason."""
KEEP_FACTS = {
    "accounts/gate.py": "reads one person's, for whoever may",
    "registry/registration.py": "reads everybody's after an import and at night",
    "registry/enrolment.py": "adds those of a registration",
    "care/recording.py": "adds those of a visit",
    "imaging/measured/recording.py": "adds those of an image",
    "registry/store.py": "is the store",
    "registry/models.py": "declares them",
    "site/demonstration.py": "asks whether there are any at all",
}
"""Modules that may name the tables of facts or their store, each with the reason."""
RAW_SQL = {
    "registry/sqlite.py": "moves facts in bulk for the store",
    "registry/postgresql.py": "moves facts in bulk for the store",
    "audit/chain.py": "takes the lock of the chain",
}


@pytest.fixture
def tree(db):
    return factory.Tree()


# --- who reaches whom


@pytest.mark.parametrize("role", ["doctor", "nurse", "village_doctor"])
def test_reach_follows_the_tree_downwards(tree, role):
    here, below = factory.resident(tree.centre), factory.resident(tree.clinic)
    above, beside = factory.resident(tree.hospital), factory.resident(tree.other_centre)
    gate = factory.gate(role, tree.centre)
    assert {*gate.residents()} == {here, below}
    assert gate.open(below.public_id) == below
    for far in (above, beside):
        with pytest.raises(Http404):
            gate.open(far.public_id)


@pytest.mark.parametrize("role", ["manager", "researcher"])
def test_managers_and_researchers_see_no_person(tree, role):
    known = factory.resident(tree.centre)
    gate = factory.gate(role, tree.bureau)
    with pytest.raises(PermissionDenied):
        gate.residents()
    with pytest.raises(PermissionDenied):
        gate.open(known.public_id)


def test_a_patient_reaches_only_their_own_record(tree):
    own, other = factory.resident(tree.centre), factory.resident(tree.centre)
    gate = factory.Gate(factory.user("patient", resident=own))
    assert gate.open(own.public_id, "own.read") == own
    with pytest.raises(Http404):
        gate.open(other.public_id, "own.read")
    with pytest.raises(PermissionDenied):
        gate.open(own.public_id, "person.read")
    assert list(gate.residents()) == [own]


def test_unknown_and_out_of_reach_are_told_the_same(tree):
    gate = factory.gate("nurse", tree.clinic)
    with pytest.raises(Http404) as unknown:
        gate.open(uuid4())
    with pytest.raises(Http404) as far:
        gate.open(factory.resident(tree.other_clinic).public_id)
    assert str(unknown.value) == str(far.value)


def test_rows_of_every_table_are_held_back_by_place(tree):
    near, far = factory.resident(tree.clinic), factory.resident(tree.other_centre)
    for resident in (near, far):
        Standing.gated.create(
            resident=resident,
            organisation=resident.organisation,
            programme="osteoporosis",
            as_of=timezone.localdate(),
        )
    rows = factory.gate("nurse", tree.centre).rows(Standing)
    assert [row.resident for row in rows] == [near]


# --- breaking the glass


def test_break_glass_opens_one_person_for_an_hour(tree):
    far, other = factory.resident(tree.other_centre), factory.resident(tree.other_centre)
    gate = factory.gate("doctor", tree.centre)
    gate.break_glass(far.public_id, "急诊")
    assert gate.open(far.public_id) == far
    with pytest.raises(Http404):
        gate.open(other.public_id)
    entry = Entry.objects.get(action="break_glass")
    assert entry.detail == {"reason": "急诊"}
    BreakGlass.objects.update(until=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Http404):
        gate.open(far.public_id)


def test_a_village_doctor_cannot_break_the_glass(tree):
    with pytest.raises(PermissionDenied):
        factory.gate("village_doctor", tree.clinic).break_glass(uuid4(), "急诊")


# --- what is written down


def test_every_opening_is_written_down(tree):
    known = factory.resident(tree.centre)
    gate = factory.gate("nurse", tree.centre)
    gate.open(known.public_id)
    gate.listed([known], page="worklist")
    assert list(Entry.objects.values_list("action", flat=True)) == ["read", "list"]
    assert Concerned.objects.filter(resident_public_id=known.public_id).count() == 2


def test_a_write_that_fails_leaves_nothing_behind(tree):
    known = factory.resident(tree.centre)
    gate = factory.gate("nurse", tree.centre)

    def fails():
        with gate.writing(known, "visit.write"):
            Standing.gated.create(
                resident=known,
                organisation=tree.centre,
                programme="osteoporosis",
                as_of=timezone.localdate(),
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert not Standing.gated.exists()
    assert not Entry.objects.exists()


# --- nobody goes round it


def test_tables_with_persons_data_refuse_plain_queries(db):
    guarded = [model for model in apps.get_models() if issubclass(model, PersonData)]
    assert Resident in guarded
    assert Visit in guarded
    for model in guarded:
        with pytest.raises(UngatedError):
            model.objects.all()


def test_every_table_that_points_to_a_resident_is_guarded(db):
    pointing = {
        model.__name__
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if field.many_to_one and field.related_model is Resident
    }
    guarded = {m.__name__ for m in apps.get_models() if issubclass(m, PersonData)}
    assert pointing - guarded == {"BreakGlass"}


def _faults(text: str) -> list[str]:
    """Ways round the gate in the text of a module."""
    names, called = {"gated", "_base_manager", "_default_manager"}, {"raw", "extra", "cursor"}
    tree = [*ast.walk(ast.parse(text))]
    found = [node for node in tree if isinstance(node, ast.Attribute) and node.attr in names]
    calls = [node.func for node in tree if isinstance(node, ast.Call)]
    found += [func for func in calls if isinstance(func, ast.Attribute) and func.attr in called]
    return [f"line {node.lineno}: .{node.attr}" for node in found]


def _names_facts(text: str) -> list[str]:
    """Where a module names the tables of facts and persons, or the store of facts."""
    names = {"Fact", "Person", "DatabaseStore", "open_store"}
    imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    return [each.name for node in imports for each in node.names if each.name in names]


def _related(text: str) -> list[str]:
    """Rows asked for through a row: `resident.visits.all()` is a query like any other."""
    accessors = {
        relation.get_accessor_name()
        for model in apps.get_models()
        for relation in model._meta.related_objects
        if issubclass(relation.related_model, PersonData)
    } - {"+", None}
    asks = {"all", "filter", "exclude", "get", "first", "last", "count", "exists", "aggregate"}
    asks |= {"values", "values_list", "order_by", "create", "update", "delete", "iterator"}
    calls = [node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    return [
        f"line {func.lineno}: .{func.value.attr}.{func.attr}()"
        for func in calls
        if isinstance(func, ast.Attribute)
        and func.attr in asks
        and isinstance(func.value, ast.Attribute)
        and func.value.attr in accessors
    ]


def _modules(but: set[str]) -> Iterator[tuple[str, str]]:
    for file in WEB.rglob("*.py"):
        name = file.relative_to(WEB).as_posix()
        if "migrations/" not in name and name not in but:
            yield name, file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("ways", "but"),
    [
        (_faults, {*MAY_GO_ROUND, *RAW_SQL}),
        (_names_facts, {*KEEP_FACTS}),
        (_related, {"accounts/gate.py"}),
    ],
)
def test_no_other_module_goes_round_the_gate(ways, but):
    found = {name: faults for name, text in _modules(but) if (faults := ways(text))}
    assert found == {}


def test_every_exception_is_one():
    """A module that is named as an exception, and goes round nothing any more, is named no more."""
    texts = dict(_modules(set()))
    for ways, names in ((_faults, {*MAY_GO_ROUND, *RAW_SQL}), (_names_facts, {*KEEP_FACTS})):
        needless = {name for name in names if not ways(texts[name])}
        assert needless <= {"accounts/guard.py", "registry/store.py", "registry/models.py"}


@pytest.mark.parametrize(
    "text",
    [
        "Resident.gated.all()",
        "Visit._base_manager.all()",
        "connection.cursor()",
        "M.objects.raw('x')",
    ],
)
def test_a_way_round_is_found(text):
    assert _faults(text)


def test_facts_and_rows_of_rows_are_found_too():
    assert _names_facts("from careloop.web.registry.models import Fact")
    assert _names_facts("from careloop.web.registry.store import DatabaseStore as Other")
    assert _related("resident.visits.all()")
    assert _related("user.resident.tasks.filter(state='open').count()")
    assert not _related("form.visits")


def test_every_role_has_a_name(db):
    assert len({*ROLES}) == 6


# --- a referral, and numbers


def _referred(tree, to, **fields):
    known = factory.resident(tree.clinic)
    return Referral.gated.create(
        request_key=uuid4(),
        resident=known,
        organisation=tree.clinic,
        from_organisation=tree.clinic,
        to_organisation=to,
        reason="…",
        author=factory.user("village_doctor", tree.clinic),
        **fields,
    )


def test_a_referral_opens_one_person_to_the_receiving_place(tree):
    other = factory.resident(tree.clinic)
    referral = _referred(tree, tree.other_centre)
    known = referral.resident
    receiver = factory.gate("doctor", tree.other_centre)
    assert receiver.open(known.public_id) == known
    assert list(receiver.residents()) == [known]
    assert list(receiver.rows(Referral, referred=True)) == [referral]
    assert not receiver.rows(Referral).exists()
    with pytest.raises(Http404):
        receiver.open(other.public_id)
    for place in (tree.other_clinic, Organisation.objects.create(name="北村", kind="clinic")):
        with pytest.raises(Http404):
            factory.gate("doctor", place).open(known.public_id)


@pytest.mark.parametrize("field", ["answered_at", "cancelled_at"])
def test_a_closed_referral_opens_for_thirty_days_more(tree, field):
    state = field.removesuffix("_at")
    for days, opens in ((29, True), (31, False)):
        at = timezone.now() - timedelta(days=days)
        known = _referred(tree, tree.other_centre, state=state, **{field: at}).resident
        gate = factory.gate("doctor", tree.other_centre)
        assert gate.residents().filter(pk=known.pk).exists() is opens


def test_numbers_count_without_showing_anybody(tree):
    factory.resident(tree.clinic)
    factory.resident(tree.other_centre)
    numbers = factory.gate("researcher", tree.centre).numbers(Resident)
    assert numbers.count(["organisation"]) == [{"organisation": tree.clinic.pk, "people": 1}]
    with pytest.raises(ValueError, match="not counted by"):
        numbers.count(["name"])
    for role in ("nurse", "village_doctor"):
        with pytest.raises(PermissionDenied):
            factory.gate(role, tree.centre).numbers(Resident)
