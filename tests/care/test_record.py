"""What a record shows of a programme is read from its file, and a slip in it is named."""

from __future__ import annotations

import pytest

from careloop.care.record import read_record
from careloop.dictionary.catalogue import load
from careloop.dictionary.variable import Text
from careloop.error import ConfigError
from careloop.programmes.programme import programme
from careloop.programmes.wording import Wording


def test_the_file_of_osteoporosis_names_what_the_dictionary_has():
    made = programme("osteoporosis").record()
    assert made.groups["fracture"] == Text("骨折", "Fractures")
    assert made.adherence
    assert all("medicine" in key for key in made.adherence)
    assert programme("diabetes").record().groups == {}


def test_citations_are_chinese_on_a_chinese_page_and_papers_keep_their_names():
    zh, en = (Wording(load(), programme("osteoporosis"), language=each) for each in ("zh", "en"))
    source = "vitamin D; indications: Endocrine Society 2011"
    assert zh.cited(source) == "维生素 D；适应证：Endocrine Society 2011"
    assert zh.cited("labels of bisphosphonates") == "双膦酸盐说明书"  # the longest words first
    assert zh.cited("unlabelled") == "unlabelled"
    assert en.cited(source) == source
    other = Wording(load(), programme("diabetes"), language="zh")
    assert other.cited(source) == source


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('adherence = ["no_such_answer"]', "no_such_answer"),
        ('[group]\nsky = { zh = "天", en = "Sky" }', "sky"),
        ('[group]\nfracture = { zh = "骨折" }', "record.toml"),
        ("colour = 1", "colour"),
        ("[group", "record.toml"),
    ],
)
def test_a_slip_is_named(tmp_path, text, named):
    file = tmp_path / "record.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=named):
        read_record(file, load())
