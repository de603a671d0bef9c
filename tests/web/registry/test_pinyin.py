"""How names are spelt: surnames that are read otherwise, compound ones, names of other scripts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.web.registry.pinyin import spelt


@pytest.mark.parametrize(
    ("name", "pinyin", "initials"),
    [
        ("王秀英", "wangxiuying", "wxy"),
        ("单秀英", "shanxiuying", "sxy"),
        ("曾国华", "zengguohua", "zgh"),
        ("解玉珍", "xieyuzhen", "xyz"),
        ("仇桂兰", "qiuguilan", "qgl"),
        ("区建国", "oujianguo", "ojg"),
        ("查春梅", "zhachunmei", "zcm"),
        ("任素芬", "rensufen", "rsf"),
        ("欧阳兰", "ouyanglan", "oyl"),
        ("尉迟敬", "yuchijing", "ycj"),
        ("吕梅", "lvmei", "lm"),
        (" 王 秀英 ", "wangxiuying", "wxy"),
        ("Ada Lovelace", "adalovelace", "al"),
        ("", "", ""),
    ],
)
def test_names_are_spelt_as_they_are_read(name, pinyin, initials):
    assert spelt(name) == (pinyin, initials)


@given(st.text(max_size=60))
def test_any_text_gives_letters_that_the_table_can_hold(name):
    pinyin, initials = spelt(name)
    assert len(pinyin) <= 120
    assert len(initials) <= 12
    for each in (pinyin, initials):
        assert each == "" or (each.isascii() and each.isalnum() and each == each.lower())
