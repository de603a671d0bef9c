"""What a resident reads about a referral is said to them, not to a colleague."""

from __future__ import annotations

import pytest

from careloop.error import ConfigError
from careloop.guidance.reading import read_referrals
from careloop.programmes.diabetes.guidance_assembly import guidance as diabetes
from careloop.programmes.osteoporosis.guidance_assembly import guidance as osteoporosis


@pytest.mark.parametrize("made", [osteoporosis(), diabetes()], ids=lambda made: made.programme)
def test_every_referral_has_words_for_the_resident(made):
    outcomes = {
        each.key: each.label
        for guideline in made.guidelines
        if guideline.referral
        for each in guideline.referral.outcomes
    }
    assert set(made.referrals) == set(outcomes)
    for key, words in made.referrals.items():
        assert words.zh != outcomes[key].zh
        assert "请" in words.zh
        assert "please" in words.en.lower()


@pytest.mark.parametrize("text", ["[hospital", '[hospital]\nzh = "请"'])
def test_a_file_that_cannot_be_read_is_named(tmp_path, text):
    file = tmp_path / "referral.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"referral\.toml"):
        read_referrals(file)
