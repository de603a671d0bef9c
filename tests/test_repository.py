"""The repository itself: its texts agree with the code and each other; nothing private is in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path

import pytest

import careloop

ROOT = Path(__file__).resolve().parent.parent
TEXTS = {
    ".py",
    ".toml",
    ".md",
    ".html",
    ".txt",
    ".json",
    ".csv",
    ".sh",
    ".lock",
    ".cfg",
    ".yml",
    "",
}
LONGEST_MODULE = 400
LONGER_MODULES: dict[str, str] = {}
"""Modules that may be longer, each with the reason."""

# Written in pieces, so that this file does not find itself.
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:wo" + r"rk/|ro" + r"ot/|ho" + r"me/\w|Us" + r"ers/\w)")
SECRETS = re.compile(
    "BEGIN [A-Z ]*PRIV" + "ATE KEY|AK" + r"IA[0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{30}"
    r"|(?i:secret|password|token)\w*\s*=\s*[\"'][0-9A-Za-z+/_-]{20,}[\"']"
)
REGISTRIES = re.compile(
    "pypi" + r"\.org/simple|pythonhos" + r"ted\.org|index-" + "url|find-" + "links"
)


@cache
def files() -> list[Path]:
    """Every text file that is, or is about to be, in version control."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.is_file() and path.suffix in TEXTS]


def _hits(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {hit[0]}"
        for path in files()
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
        )
        if (hit := pattern.search(line))
    ]


# --- nothing private


@pytest.mark.parametrize(
    ("pattern", "example"),
    [
        (MACHINE_PATHS, "open('/ho" + "me/ann/x.csv')"),
        (SECRETS, "-----BEGIN RSA PRIV" + "ATE KEY-----"),
        (SECRETS, "api_tok" + "en = 'abcdefghij0123456789'"),
        (REGISTRIES, "--index-" + "url somewhere"),
    ],
    ids=["machine paths", "keys", "tokens", "package registries"],
)
def test_nothing_private_in_the_repository(pattern, example):
    assert pattern.search(example)
    assert _hits(pattern) == []


# --- pins


def _names(lock: str) -> set[str]:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z0-9-]+)==", text, flags=re.MULTILINE))


def _wanted(requirements: list[str]) -> set[str]:
    return {re.split(r"[\s\[<>=!~;]", text)[0].lower().replace(".", "-") for text in requirements}


def test_locks_pin_what_pyproject_asks_for():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = pyproject["dependency-groups"]
    run, dev = _names("run.lock"), _names("dev.lock")
    wanted = _wanted(pyproject["project"]["dependencies"]) | _wanted(groups["build"])
    assert wanted <= run, "run scripts/lock"
    assert _wanted([text for text in groups["dev"] if isinstance(text, str)]) <= dev
    assert run <= dev
    for lock in ("run.lock", "dev.lock"):
        text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
        pins = re.split(r"^(?=[a-z0-9-]+==)", text, flags=re.MULTILINE)[1:]
        assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []


@pytest.mark.parametrize("name", ["run", "test", ".ci/run", "scripts/setup", "scripts/lock"])
def test_scripts_start(name):
    script = ROOT / name
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True, timeout=10)
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")


def test_licences_are_there():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    texts = {
        name: (ROOT / name).read_text(encoding="utf-8")
        for name in pyproject["project"]["license-files"]
    }
    assert "Apache License" in texts["LICENSE"]
    (qfracture,) = (text for name, text in texts.items() if name.endswith("QFRACTURE"))
    for words in ("ClinRisk Ltd", "GNU LESSER GENERAL PUBLIC LICENSE", "svn.clinrisk.co.uk"):
        assert words in qfracture


# --- words that agree


def _commands(name: str) -> set[str]:
    """The commands in the code blocks of a text, comments and prompts taken off."""
    blocks = re.findall(
        r"^```(?:bash|sh|console)?\n(.*?)^```", (ROOT / name).read_text("utf-8"), re.M | re.S
    )
    lines = (line.partition("  #")[0].strip() for block in blocks for line in block.splitlines())
    return {line for line in lines if line and not line.startswith("#")}


def test_both_readmes_name_the_same_commands():
    english = _commands("README.md")
    assert {"./run", "./test"} <= english
    assert _commands("README.zh-CN.md") == english


def test_changelog_tells_of_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[?{re.escape(careloop.__version__)}\b", text, re.MULTILINE)


def _links(page: Path) -> set[Path]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = (target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text))
    return {
        (page.parent / target).resolve() for target in targets if target and "://" not in target
    }


def test_every_page_of_the_docs_is_reachable_and_no_link_is_broken():
    pages = [path for path in files() if path.suffix == ".md"]
    broken = [
        f"{page.relative_to(ROOT)} → {target}"
        for page in pages
        for target in sorted(_links(page))
        if not target.exists()
    ]
    assert broken == []
    seen: set[Path] = set()
    waiting = [ROOT / "docs" / "index.md"]
    while waiting:
        page = waiting.pop()
        if page not in seen and page.suffix == ".md":
            seen.add(page)
            waiting += _links(page)
    assert sorted(set((ROOT / "docs").rglob("*.md")) - seen) == []


def test_generated_reference_is_up_to_date():
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "reference"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


# --- size


def test_modules_stay_short():
    long = {}
    for path in (ROOT / "src").rglob("*.py"):
        name = path.relative_to(ROOT / "src").as_posix()
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST_MODULE and "/migrations/" not in name:
            long[name] = lines
    assert long.keys() - LONGER_MODULES.keys() == set(), long
    assert LONGER_MODULES.keys() <= long.keys(), "take out what has become short"


# --- what is delivered


def test_wheel_holds_every_data_file_and_licence(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    source = ROOT / "src"
    wanted = {
        path.relative_to(source).as_posix() for path in files() if path.is_relative_to(source)
    }
    assert wanted - packed == set()
    licences = {name for name in packed if ".dist-info/licenses/" in name}
    assert {name.rsplit("/", 1)[1] for name in licences} == {
        "LICENSE",
        "LICENSE-OFL.txt",
        "LICENSE-QFRACTURE",
        "NOTICE",
    }
