"""The Chinese catalogue: complete, compiled, and with the placeholders of the English words."""

from __future__ import annotations

import string
import subprocess
import sys
from gettext import GNUTranslations
from pathlib import Path

import pytest

from careloop.language import translator

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "src" / "careloop" / "locale" / "zh_CN" / "LC_MESSAGES"


def test_catalogue_is_complete_and_compiled():
    pytest.importorskip("babel")
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "translate"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_check_finds_what_is_missing(tmp_path):
    """A copy with one translation taken out and nothing compiled anew must fail."""
    pytest.importorskip("babel")
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "translate"
    script.write_text((ROOT / "scripts" / "translate").read_text(encoding="utf-8"))
    package = tmp_path / "src" / "careloop"
    (package / "locale" / "zh_CN" / "LC_MESSAGES").mkdir(parents=True)
    (package / "code.py").write_text("def f(_):\n    return _('Data quality'), _('{n} new')\n")

    def run(*options: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, str(script), *options],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, done.stderr

    assert "not translated: Data quality" in run()[1]
    po = package / "locale" / "zh_CN" / "LC_MESSAGES" / "careloop.po"
    text = po.read_text(encoding="utf-8")
    text = text.replace('msgid "Data quality"\nmsgstr ""', 'msgid "Data quality"\nmsgstr "质量"')
    po.write_text(text.replace('msgid "{n} new"\nmsgstr ""', 'msgid "{n} new"\nmsgstr "{m} 新"'))
    assert "placeholders differ: {n} new" in run()[1]
    po.write_text(po.read_text(encoding="utf-8").replace("{m}", "{n}"), encoding="utf-8")
    code, said = run("--check")
    assert code == 1
    assert "not compiled" in said
    assert run() == (0, "")
    assert run("--check") == (0, "")


def test_placeholders_survive():
    with (FOLDER / "careloop.mo").open("rb") as file:
        catalogue = dict(GNUTranslations(file)._catalog)
    catalogue.pop("")
    assert len(catalogue) > 100
    for english, chinese in catalogue.items():
        assert _fields(english) == _fields(chinese), english


def _fields(text: str) -> set[str]:
    braces = {name for _, name, _, _ in string.Formatter().parse(text) if name}
    return braces | {part.partition(")")[0] for part in text.split("%(")[1:]}


@pytest.mark.parametrize(
    ("language", "said"), [("zh", "数据质量"), ("zh-CN", "数据质量"), ("en", "Data quality")]
)
def test_translator(language, said):
    assert translator(language)("Data quality") == said
    assert translator(language)("never written") == "never written"
