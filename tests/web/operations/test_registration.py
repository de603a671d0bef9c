"""After an import: everybody registered, findable, at their place, with a standing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import count

import polars as pl
import pytest

from careloop.records.fact import FACT_SCHEMA
from careloop.records.reading import ImportReport, Source
from careloop.web.accounts.models import Organisation
from careloop.web.care import standing
from careloop.web.care.models import Listed, Standing, Task, Visit
from careloop.web.registry import registration
from careloop.web.registry.merge import merge, undo
from careloop.web.registry.pinyin import spelt
from careloop.web.registry.place import Places, kind_of
from careloop.web.registry.registration import after_import, refresh_standings, standings_are_of
from careloop.web.registry.resident import Resident
from careloop.web.registry.store import DatabaseStore

from .. import factory

_sources = count(1)


class Told:
    """Facts as a source of their own."""

    def __init__(self, *rows, at=datetime(2026, 3, 1)):
        known = {
            **dict.fromkeys(FACT_SCHEMA),
            "effective_at": at,
            "recorded_at": at,
            "status": "final",
        }
        self.source = Source(
            source_id=f"test-{next(_sources)}",
            kind="test",
            name="test",
            sha256="0" * 64,
            sender="test",
            read_at=datetime(2026, 3, 1, tzinfo=UTC),
        )
        self.report = ImportReport()
        self._frame = pl.DataFrame([known | row for row in rows], schema=FACT_SCHEMA).with_columns(
            source=pl.lit(self.source.source_id)
        )

    def batches(self):
        yield self._frame

    def rejected(self):
        return pl.DataFrame({"reason": []}, schema={"reason": pl.String})


def person(person_id, **values):
    """Rows of one person: text as text, numbers as numbers."""
    return [
        {
            "person_id": person_id,
            "variable": key,
            "text": value if isinstance(value, str) else None,
            "number": None if isinstance(value, str) else float(value),
        }
        for key, value in values.items()
    ]


def tell(*rows, **options):
    reading = Told(*rows, **options)
    DatabaseStore().add(reading)
    return reading.source.source_id


WANG = {
    "name": "单秀英",
    "sex": "female",
    "birth_date": "1950-05-01",
    "national_id": "990000195005010023",
    "phone": "12900000001",
    "address": "示例县白石村1号",
    "organisation": "东街社区卫生服务中心·东一村卫生室",
}


@pytest.fixture
def tree(db):
    return factory.Tree()


# --- names


@pytest.mark.parametrize(
    ("name", "pinyin", "initials"),
    [
        ("单秀英", "shanxiuying", "sxy"),
        ("仇国华", "qiuguohua", "qgh"),
        ("曾红", "zenghong", "zh"),
        ("解玉兰", "xieyulan", "xyl"),
        ("任平", "renping", "rp"),
        ("区志强", "ouzhiqiang", "ozq"),
        ("查良", "zhaliang", "zl"),
        ("朴金花", "piaojinhua", "pjh"),
        ("翟梅", "zhaimei", "zm"),
        ("覃芳", "qinfang", "qf"),
        ("尉迟敬", "yuchijing", "ycj"),
        ("令狐兰", "linghulan", "lhl"),
        ("吕梅", "lvmei", "lm"),
        ("王　秀 英", "wangxiuying", "wxy"),
        ("阿卜杜拉·买买提", "abodulamaimaiti", "abdlmmt"),
        ("Ada Lovelace", "adalovelace", "al"),
        ("", "", ""),
        ("？？", "", ""),
    ],
)
def test_names_are_spelt_as_surnames_are_read(name, pinyin, initials):
    assert spelt(name) == (pinyin, initials)


def test_spelling_always_fits_its_columns():
    pinyin, initials = spelt("双" * 60)
    assert len(pinyin) <= 120
    assert len(initials) <= 12


# --- places


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("示范医院", "hospital"),
        ("县人民医院", "hospital"),
        ("青禾社区卫生服务中心", "centre"),
        ("青禾镇卫生院", "centre"),
        ("上塘村卫生室", "clinic"),
        ("柳岸社区卫生服务站", "clinic"),
        ("区卫健局", "bureau"),
        ("市疾病预防控制中心", "bureau"),
    ],
)
def test_the_ending_tells_the_kind(name, kind):
    assert kind_of(name) == kind


def test_a_known_place_is_found_by_its_name(tree):
    places, before = Places("default"), Organisation.objects.count()
    assert places.of("东街社区卫生服务中心·东一村卫生室") == tree.clinic
    assert places.of("东一村卫生室") == tree.clinic
    assert places.of("东街社区卫生服务中心·东街本部") == tree.centre
    assert places.of("") == tree.bureau
    assert Organisation.objects.count() == before


def test_the_same_name_below_another_place_is_another_place(tree):
    other = Places("default").of("西街社区卫生服务中心·东一村卫生室")
    assert (other.parent, other.kind) == (tree.other_centre, "clinic")
    assert other != tree.clinic


def test_unknown_places_are_made_below_the_only_hospital(tree):
    made = Places("default").of("北街社区卫生服务中心·北一村卫生室")
    assert (made.kind, made.parent.kind, made.parent.parent) == ("clinic", "centre", tree.hospital)
    assert made.path.startswith(tree.hospital.path)


def test_without_any_tree_a_root_is_made(db):
    made = Places("default").of("北街社区卫生服务中心")
    assert (made.parent.kind, made.parent.parent) == ("bureau", None)


# --- people


def test_everybody_is_registered_as_facts_tell(tree):
    tell(*person("P1", **WANG), *person("P2", weight_kg=60))
    done = after_import()
    assert (done.people, done.new, done.standings) == (2, 2, 2)
    one = Resident.gated.get(person_id="P1")
    assert (one.name, one.pinyin, one.initials) == ("单秀英", "shanxiuying", "sxy")
    assert (one.sex, one.birth_date) == ("female", date(1950, 5, 1))
    assert (one.national_id, one.national_id_tail) == (WANG["national_id"], "010023")
    assert (one.phone, one.address) == (WANG["phone"], WANG["address"])
    assert one.organisation == tree.clinic
    assert Resident.gated.get(person_id="P2").organisation == tree.bureau
    assert Standing.gated.count() == 2
    assert standings_are_of(standing.today())


def test_again_changes_nothing(tree):
    tell(*person("P1", **WANG))
    after_import()
    before = Resident.gated.values().get()
    done = after_import()
    assert (done.people, done.new, done.changed) == (1, 0, 0)
    assert Resident.gated.values().get() == before
    assert Standing.gated.count() == 1


def test_newer_facts_change_what_they_tell_and_nothing_else(tree):
    tell(*person("P1", **WANG))
    after_import()
    tell(*person("P1", phone="12900000009"), at=datetime(2026, 4, 1))
    done = after_import()
    assert (done.new, done.changed) == (0, 1)
    one = Resident.gated.get()
    assert (one.phone, one.name, one.address) == ("12900000009", "单秀英", WANG["address"])


def test_only_people_of_the_sources_told_are_touched(tree):
    tell(*person("P1", **WANG))
    second = tell(*person("P2", **WANG | {"name": "王兰"}))
    done = after_import([second])
    assert (done.people, done.new) == (1, 1)
    assert list(Resident.gated.values_list("person_id", flat=True)) == ["P2"]


def test_somebody_who_moved_takes_every_row_along(tree):
    tell(*person("P1", **WANG))
    after_import()
    one = Resident.gated.get()
    Visit.gated.create(
        request_key="11111111-1111-1111-1111-111111111111",
        resident=one,
        organisation=tree.clinic,
        programme="osteoporosis",
        kind="home",
        happened_on=date(2026, 3, 2),
        author=factory.user("nurse", tree.centre),
        source="x",
    )
    tell(*person("P1", organisation="西街社区卫生服务中心"), at=datetime(2026, 4, 1))
    assert after_import().changed == 1
    for model in (Resident, Visit, Standing, Listed):
        places = {row.organisation_id for row in model.gated.all()}
        assert places <= {tree.other_centre.pk}, model


def test_a_place_above_the_present_one_moves_nobody_up(tree):
    tell(*person("P1", **WANG))
    after_import()
    tell(*person("P1", organisation="东街社区卫生服务中心"), at=datetime(2026, 4, 1))
    after_import()
    assert Resident.gated.get().organisation == tree.clinic


def test_a_withdrawn_fact_is_not_believed(tree):
    rows = person("P1", **WANG)
    wrong = person("P1", phone="12911111111")[0]
    tell(*rows)
    tell(wrong, at=datetime(2026, 4, 1))
    tell(
        wrong | {"status": "entered_in_error", "recorded_at": datetime(2026, 4, 2)},
        at=datetime(2026, 4, 1),
    )
    after_import()
    assert Resident.gated.get().phone == WANG["phone"]


def test_a_death_is_taken_over_and_takes_people_off_every_list(tree):
    tell(*person("P1", **WANG, weight_kg=40, fragility_fracture_hip=1))
    after_import()
    assert Listed.gated.exists()
    tell(*person("P1", death_date="2026-03-20"), at=datetime(2026, 4, 1))
    after_import()
    assert Resident.gated.get().state == "dead"
    assert not Listed.gated.exists()


def test_a_merged_registration_stays_merged_and_its_facts_count_for_the_other(tree):
    tell(*person("P1", **WANG), *person("P2", name="单秀英", sex="female", weight_kg=38))
    after_import()
    stays, other = (Resident.gated.get(person_id=each) for each in ("P1", "P2"))
    Resident.gated.filter(pk=other.pk).update(state="merged", merged_into=stays)
    Standing.gated.filter(resident=other).delete()
    done = after_import()
    assert (done.people, done.standings) == (2, 1)
    assert Resident.gated.get(pk=other.pk).state == "merged"
    assert Standing.gated.get().resident == stays
    alone = standing.row_of(DatabaseStore().facts_of("P1"), standing.today())
    assert alone.get("weight_kg") is None
    assert "osta" in Standing.gated.get().answers


def _merged(stays, other):
    stays, other = (Resident.gated.get(person_id=each) for each in (stays, other))
    Resident.gated.filter(pk=other.pk).update(state="merged", merged_into=stays)
    for model in (Standing, Listed):
        model.gated.filter(resident=other).delete()
    return stays


def test_what_is_told_under_the_id_of_a_merged_registration_counts_at_once(tree):
    tell(*person("P1", **WANG), *person("P2", name="单秀英", sex="female"))
    after_import()
    stays = _merged("P1", "P2")
    after_import()
    assert "osta" not in Standing.gated.get().answers
    source = tell(*person("P2", weight_kg=38), at=datetime(2026, 4, 1))
    assert after_import([source]).standings == 1
    assert "osta" in Standing.gated.get().answers
    assert Listed.gated.filter(resident=stays).exists()
    source = tell(*person("P2", death_date="2026-05-20"), at=datetime(2026, 6, 1))
    after_import([source])
    stays.refresh_from_db()
    assert stays.state == "dead"
    assert not Listed.gated.exists()


@pytest.mark.parametrize("died", ["P1", "P2"])
def test_a_death_told_during_a_merge_stays_with_whom_it_was_told_of(tree, died):
    tell(*person("P1", **WANG), *person("P2", name="单秀英", sex="female"))
    after_import(below=tree.hospital)
    gate = factory.gate("nurse", tree.bureau)
    stays, other = (Resident.gated.get(person_id=each) for each in ("P1", "P2"))
    done = merge(gate, stays, other)
    source = tell(*person(died, death_date="2026-05-20"), at=datetime(2026, 6, 1))
    after_import([source])
    stays.refresh_from_db()
    assert stays.state == "dead"
    undo(gate, done)
    states = dict(Resident.gated.values_list("person_id", "state"))
    assert states == {"P1": "active", "P2": "active"} | {died: "dead"}


def test_each_fact_of_a_merged_registration_is_read_once(tree, monkeypatch):
    tell(*person("P1", **WANG), *person("P2", name="单秀英", weight_kg=38))
    after_import()
    _merged("P1", "P2")
    read = []
    monkeypatch.setattr(
        registration.upkeep, "bring_all", lambda _who, facts, **_: read.append(facts)
    )
    after_import()
    (facts,) = read
    assert facts.filter(variable="weight_kg").height == 1


def test_a_death_without_its_day_is_a_death(tree):
    tell(*person("P1", **WANG, weight_kg=40, fragility_fracture_hip=1))
    after_import()
    assert Listed.gated.exists()
    tell(*person("P1", deceased=1), at=datetime(2026, 4, 1))
    after_import()
    assert Resident.gated.get().state == "dead"
    assert not Listed.gated.exists()


def test_a_move_is_taken_over_and_undone_by_a_return(tree):
    tell(*person("P1", **WANG, weight_kg=40, fragility_fracture_hip=1))
    tell(*person("P2", name="周桂兰", moved_away=1))
    after_import()
    assert Resident.gated.get(person_id="P2").state == "moved"  # at once, at the first import
    assert {each.resident.person_id for each in Listed.gated.all()} == {"P1"}
    tell(*person("P1", moved_away=1), at=datetime(2026, 4, 1))
    after_import()
    assert Resident.gated.get(person_id="P1").state == "moved"
    assert not Listed.gated.exists()
    assert not Task.gated.filter(state="open").exists()
    tell(*person("P1", weight_kg=41), at=datetime(2026, 4, 2))  # says nothing of it
    after_import()
    assert Resident.gated.get(person_id="P1").state == "moved"
    tell(*person("P1", moved_away=0), at=datetime(2026, 5, 1))
    after_import()
    assert Resident.gated.get(person_id="P1").state == "active"
    assert Listed.gated.exists()
    tell(*person("P1", moved_away=1, death_date="2026-05-20"), at=datetime(2026, 6, 1))
    after_import()
    assert Resident.gated.get(person_id="P1").state == "dead"


def test_senders_spell_as_they_like_and_people_are_found(tree):
    told = {"name": "单　秀英", "phone": "+86 129-0000-0001", "national_id": "11010519491231002x"}
    tell(*person("P1", **WANG | told), *person("P2", **WANG | {"national_id": "110105491231002"}))
    after_import()
    one, two = Resident.gated.order_by("person_id")
    assert (one.name, one.phone, one.national_id) == ("单秀英", "12900000001", two.national_id)
    assert one.national_id_tail == "31002X"


def test_more_people_than_one_step_takes(tree, monkeypatch):
    monkeypatch.setattr(registration, "_PEOPLE", 2)
    for number in range(5):
        tell(*person(f"P{number}", **WANG | {"phone": f"1290000000{number}"}))
    steps = []
    done = after_import(told=lambda now, of: steps.append((now, of)))
    assert (done.new, done.standings) == (5, 5)
    assert steps == [(2, 5), (4, 5), (5, 5)]


# --- standings


def test_everybody_at_once_is_as_one_at_a_time(tree):
    for number, values in enumerate(
        (
            {"weight_kg": 40, "height_cm": 150},
            {"fragility_fracture_hip": 1, "t_femoral_neck": -2.9, "t_total_hip": -2.7},
            {"falls_12m": 3, "glucocorticoid_over_3m": 1, "weight_kg": 70},
            {"denosumab_last_on": "2026-01-10", "denosumab_current": 1},
        )
    ):
        tell(*person(f"P{number}", **WANG | {"phone": f"1290000000{number}"} | values))
    after_import()
    shown = ("level", "next_step", "answers", "as_of")
    many = {
        each.resident_id: [getattr(each, name) for name in shown] for each in Standing.gated.all()
    }
    lists = set(Listed.gated.values_list("resident", "worklist", "rank", "due_on"))
    assert lists
    for one in Resident.gated.all():
        standing.refresh(one, DatabaseStore().facts_of(one.person_id))
    single = {
        each.resident_id: [getattr(each, name) for name in shown] for each in Standing.gated.all()
    }
    assert single == many
    assert set(Listed.gated.values_list("resident", "worklist", "rank", "due_on")) == lists


def test_a_visit_saved_while_everybody_is_computed_is_not_overwritten(tree, monkeypatch):
    tell(*person("P1", **WANG, weight_kg=60), *person("P2", **WANG, weight_kg=60))
    after_import()
    one = Resident.gated.get(person_id="P1")
    original = standing.guided_frame

    def slow(*args, **options):
        made = original(*args, **options)
        if not Resident.gated.filter(person_id="P1", standings__answers__marked=True).exists():
            tell(*person("P1", weight_kg=35), at=datetime(2026, 5, 1))
            Standing.gated.filter(resident=one).update(answers={"marked": True})
        return made

    monkeypatch.setattr(standing, "guided_frame", slow)
    assert refresh_standings() == 1  # the other
    assert Standing.gated.get(resident=one).answers == {"marked": True}
