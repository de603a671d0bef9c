"""The difference between two plans, as the command line prints it."""

from pathlib import Path

from typer.testing import CliRunner

from careloop.cli import app

MAPPING = """
[person]
id = "id"
[dates]
effective = "date"
[columns.sex]
variable = "sex"
values = { F = "female" }
[columns.born]
variable = "birth_date"
[columns.hip]
variable = "fragility_fracture_hip"
values = { "1" = true, "0" = false }
"""
ROWS = "id,date,sex,born,hip\nP1,2023-05-01,F,1950-01-01,0\nP1,2025-05-01,F,1950-01-01,1\n"


def run(folder: Path, *more: str) -> str:
    (folder / "centre.csv").write_text(ROWS, encoding="utf-8")
    (folder / "centre.toml").write_text(MAPPING, encoding="utf-8")
    arguments = ["plan", str(folder / "centre.csv"), "-m", str(folder / "centre.toml")]
    arguments += ["--as-of", "2026-01-01", "--person", "P1", *more]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_a_fracture_since_then_is_the_reason_for_what_is_new(tmp_path):
    printed = run(tmp_path, "--since", "2024-01-01", "--lang", "en")
    changes = printed[printed.index("Changes since 2024-01-01") :]
    assert "new: " in changes
    assert "holds now: hip fragility fracture" in changes
    assert "risk class: ? → high" in changes
    assert "items unchanged" in changes
    assert "Changes since" not in run(tmp_path, "--lang", "en")


def test_the_plan_is_also_written_as_fhir(tmp_path):
    run(tmp_path, "--out", str(tmp_path / "out"))
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"P1-patient.html", "P1-doctor.html", "P1.json", "P1.fhir.json"}
    text = (tmp_path / "out" / "P1.fhir.json").read_text(encoding="utf-8")
    assert '"CarePlan"' in text
