"""Next steps in practice: read whole, or refused with file, step and fault."""

from __future__ import annotations

import pytest

from careloop.care.step import read_steps
from careloop.error import ConfigError

GOOD = """
[[step]]
key = "dxa"
where = "treated"
label = { zh = "复查", en = "again" }
patient = { zh = "请来", en = "please come" }
actions = ["dxa"]

[[step]]
key = "dxa"
patient = { zh = "请去", en = "please go" }
actions = ["refer", "dxa"]
"""


def read(tmp_path, text):
    file = tmp_path / "step.toml"
    file.write_text(text, encoding="utf-8")
    return read_steps(file)


def test_the_first_entry_that_fits_counts(tmp_path):
    steps = read(tmp_path, GOOD)

    def chosen(outcome, row):
        return next((step for step in steps if step.fits(outcome, row)), None)

    assert chosen("dxa", {"treated": True}).patient.zh == "请来"
    assert chosen("dxa", {"treated": False}).patient.zh == "请去"
    assert chosen("dxa", {}).actions == ("refer", "dxa")  # unknown is not true
    assert chosen("routine", {}) is None
    assert chosen(None, {}) is None


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('actions = ["refer", "dance"]', "dance"),
        ('action = ["refer"]', "actions"),
        ('actions = ["refer"]\ncolour = "red"', "colour"),
    ],
)
def test_a_fault_is_named(tmp_path, wrong, told):
    text = f'[[step]]\nkey = "x"\npatient = {{ zh = "一", en = "one" }}\n{wrong}\n'
    with pytest.raises(ConfigError, match=told) as error:
        read(tmp_path, text)
    assert "step.toml" in str(error.value)
    assert "step x" in str(error.value)


def test_words_in_both_languages_are_needed(tmp_path):
    with pytest.raises(ConfigError, match="en"):
        read(tmp_path, '[[step]]\nkey = "x"\npatient = { zh = "一" }\nactions = []\n')
