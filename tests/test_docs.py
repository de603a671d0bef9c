"""The documentation runs: its Python, its TOML, its commands and the tutorial."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from careloop.cli import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GROUP = typer.main.get_command(app)


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.M | re.S
    )


def commands(page: Path) -> list[str]:
    """Every `careloop …` in the code blocks of a page."""
    lines = (line for block in blocks(page, "bash") for line in block.splitlines())
    return [line.partition("  #")[0].strip() for line in lines if "bin/careloop " in line]


def with_blocks(language: str) -> list[Path]:
    return [page for page in PAGES if blocks(page, language)]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", with_blocks("toml"), ids=name)
def test_toml_is_toml(page):
    for block in blocks(page, "toml"):
        tomllib.loads(block)


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=name)
def test_commands_exist_with_their_options(page):
    for line in commands(page):
        _, *words = shlex.split(line)
        if not words[0].startswith("-"):
            command = GROUP.commands[words[0]]
            command.make_context(words[0], words[1:], resilient_parsing=False)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder that looks like the root of the repository but may be written to."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", with_blocks("python"), ids=name)
@pytest.mark.usefixtures("elsewhere")
def test_python_runs(page, capsys):
    scope: dict[str, object] = {}
    for block in blocks(page, "python"):
        exec(compile(block, name(page), "exec"), scope)
    assert capsys.readouterr().out


def test_tutorial_does_what_it_says(elsewhere):
    page = ROOT / "docs" / "tutorial" / "first-community.md"
    said = ""
    for line in commands(page):
        done = CliRunner().invoke(app, shlex.split(line)[1:])
        assert done.exit_code == 0, f"{line}\n{done.output}\n{done.exception!r}"
        said += done.output
    for block in re.findall(r"(?:^    .*\n)+", page.read_text(encoding="utf-8"), re.MULTILINE):
        for line in block.splitlines():
            assert line.strip() in said

    assert (elsewhere / "var" / "first" / "report.html").is_file()
    assert (elsewhere / "centre-rejected.csv").is_file()
    table = pl.read_parquet(elsewhere / "var" / "first" / "assessments.parquet")
    assert "score_assumed" in table.columns
    row = {each["person_id"]: each for each in table.to_dicts()}
    assert row["1003"]["osta"] is not None
    assert row["1003"]["osta_applies"] is False
    assert row["1010"]["osta"] is None
    assert "weight_kg" in row["1010"]["missing"].split()
    assert [row[person]["next_step"] for person in ("1010", "1012")] == ["dxa", "dxa"]
    assert row["1009"]["diagnosis"] == "severe_osteoporosis"
