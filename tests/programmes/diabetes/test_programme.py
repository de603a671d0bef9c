"""A second disease goes through everything the first one does, and nothing else knows its name."""

import re
import tomllib
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import careloop
from careloop.cli import app
from careloop.dictionary.catalogue import PROGRAMMES, load, read_variables
from careloop.dictionary.codes import check_code
from careloop.programmes.diabetes import programme
from careloop.programmes.programme import programme as find_programme
from careloop.programmes.wording import Wording

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
FOLDER_MODULE = "careloop.programmes.diabetes"
FOLDER = files(FOLDER_MODULE)
AS_OF = "2026-11-22"
BONE = re.compile(r"osteopor|fracture|\bbones?\b|\bDXA\b|T-score|骨|T 值", re.IGNORECASE)
EXPECTED = {
    "A1": "routine",
    "A2": "ogtt",
    "A3": "confirm",
    "A4": "follow_up_3_months",
    "A5": "urgent_referral",
    "A6": "follow_up_due",
    "A7": "complete_data",  # nobody asked whether diabetes is diagnosed
}


def careloop_assess(*words):
    done = CliRunner().invoke(
        app,
        [
            *("assess", str(HERE / "people.csv"), "--mapping", str(HERE / "people.toml")),
            *("--programme", "diabetes", "--as-of", AS_OF, *words),
        ],
    )
    assert done.exit_code == 0, f"{done.output}\n{done.exception!r}"
    return done.output


# --- from the command line


@pytest.mark.parametrize("language", ["zh", "en"])
def test_assess_from_file_to_report(tmp_path, language):
    careloop_assess("--out", str(tmp_path), "--lang", language)
    table = pl.read_parquet(tmp_path / "assessments.parquet")
    assert dict(table.select("person_id", "next_step").iter_rows()) == EXPECTED
    assert "diabetes_progression" not in table.columns
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert programme().name[language] in page
    words = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    assert BONE.findall(words) == []
    for decision in programme().decisions:
        assert Wording(load(), programme(), language=language).name(decision.key) in words


@pytest.mark.parametrize("language", ["zh", "en"])
def test_one_person_and_the_experimental_model(language):
    plain = careloop_assess("--person", "A4", "--lang", language)
    assert "175" not in plain
    whole = careloop_assess("--person", "A4", "--lang", language, "--experimental")
    assert "175" in whole
    assert ("不是发病风险" if language == "zh" else "not the risk of getting") in re.sub(
        r"\s+", "" if language == "zh" else " ", whole
    )
    assert BONE.findall(whole) == []


def test_instruments_are_listed():
    done = CliRunner().invoke(app, ["instruments", "--programme", "diabetes"])
    assert done.exit_code == 0
    for each in programme(experimental=True).instruments:
        shown = CliRunner().invoke(app, ["instruments", each.key, "--programme", "diabetes"])
        assert shown.exit_code == 0
        assert each.key in shown.output


# --- added without touching anything else


def test_an_entry_point_is_how_it_announces_itself():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert declared["project"]["entry-points"][PROGRAMMES]["diabetes"] == FOLDER_MODULE
    installed = {entry.name: entry.module for entry in entry_points(group=PROGRAMMES)}
    if "diabetes" not in installed:
        pytest.skip("this installation is older than the entry point: pip install -e . again")
    assert find_programme("diabetes") is programme()


def test_nothing_outside_the_folder_knows_it():
    package = Path(careloop.__file__).parent
    inside = package / "programmes" / "diabetes"
    names = [path.stem for path in inside.glob("*.py") if path.stem not in ("__init__", "shown")]
    variables = {
        each.key
        for file in (FOLDER / "variables").iterdir()
        if file.name.endswith(".toml")
        for each in read_variables(file)
    }
    instruments = {each.key for each in programme(experimental=True).instruments}
    assert {"progression", "assembly"} <= set(names)
    assert variables
    own = re.compile(rf"programmes[./]diabetes|\b({'|'.join(sorted(variables | instruments))})\b")
    texts = (path for kind in ("py", "toml", "html") for path in package.rglob(f"*.{kind}"))
    known = {
        str(path.relative_to(package)): own.findall(path.read_text(encoding="utf-8"))
        for path in texts
        if inside not in path.parents
    }
    assert {path: found for path, found in known.items() if found} == {}


def test_the_folder_imports_no_other_programme():
    for path in (ROOT / "src" / "careloop" / "programmes" / "diabetes").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "osteoporosis" not in text
        assert "sklearn" not in text


def test_the_core_dictionary_is_reused():
    own = {
        each.key
        for file in (FOLDER / "variables").iterdir()
        if file.name.endswith(".toml")
        for each in read_variables(file)
    }
    for key in ("waist_cm", "sbp_mmhg", "hba1c_pct", "glucose_fasting_mmol_l", "diabetes_type2"):
        assert key in load()
        assert key not in own


# --- words, sources and codes


def test_words_are_complete_in_both_languages():
    disease = programme(experimental=True)
    texts = [disease.name, disease.caution, *(words for words, _ in disease.cascade)]
    texts += [each.label for each in disease.results]
    for decision in disease.decisions:
        for outcome in decision.outcomes:
            texts += [outcome.label, *(clause.label for clause in outcome.clauses)]
    for each in disease.instruments:
        texts += [each.name, each.note, *(one.label for one in each.classes)]
        texts += [clause.otherwise for clause in (*each.domain, *each.population)]
        texts += [term.label for term in each.terms]
    for text in texts:
        assert text.zh
        assert text.en
        assert not re.search(r"[\u3400-\u9fff]", text.en), text.en


def test_every_clause_has_its_source_and_its_mark():
    for decision in programme().decisions:
        for outcome in decision.outcomes:
            for clause in outcome.clauses:
                assert clause.source, clause.key
                assert clause.mark in ("A", "B"), clause.key


def test_codes_pass_their_check_digits():
    for file in (FOLDER / "variables").iterdir():
        for variable in read_variables(file):
            for code in variable.codes:
                check_code(code, where=variable.key)


def test_columns_have_names():
    wording = Wording(load(), programme(experimental=True), language="en")
    disease = programme(experimental=True)
    for column in (*disease.shown, *disease.measures, *(each.key for each in disease.ranking)):
        assert wording.name(column) != column
    for stage in disease.before:
        for expression in stage.columns():
            assert wording.name(expression.meta.output_name()) != expression.meta.output_name()
