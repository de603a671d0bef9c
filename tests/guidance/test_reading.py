"""Reading a guideline: what it takes, and each fault named with its file."""

import pytest

from careloop.error import ConfigError
from careloop.guidance.reading import read_guideline, read_guidelines

GOOD = """
[guideline]
key = "small"
name = { zh = "小指南", en = "small guideline" }
edition = "1"
citation = "nobody"
mark = "B"

[[risk_class.outcome]]
key = "high"
label = { zh = "高", en = "high" }
unknown = "skip"
[[risk_class.outcome.clause]]
key = "h_t"
when = "t_lowest <= -2.5"
label = { zh = "低", en = "low T" }
source = "s"
mark = "A"

[[treatment.outcome]]
key = "treat"
label = { zh = "用药", en = "treat" }
[[treatment.outcome.clause]]
key = "t_high"
when = "small_risk_class = 'high'"
label = { zh = "高", en = "high" }
source = "s"
mark = "B"

[[first]]
risk_class = "high"
medicines = ["alendronate"]
section = "1"
mark = "B"

[base]
sex = "female"
age_y = 70.0

[[spec]]
facts = { t_femoral_neck = -2.5, sex = "unknown" }
expect = { risk_class = "high", holds = ["h_t"] }
"""


def read(tmp_path, text):
    file = tmp_path / "small.toml"
    file.write_text(text, encoding="utf-8")
    return read_guideline(file)


def test_guideline_is_read_whole(tmp_path):
    made = read(tmp_path, GOOD)
    assert [table.key for table in made.decisions()] == ["small_risk_class", "small_treatment"]
    assert made.risk_class.outcomes[0].skip_unknown
    assert made.first[0].medicines == ("alendronate",)
    assert made.spec[0].facts == {"sex": None, "age_y": 70.0, "t_femoral_neck": -2.5}
    assert made.unconfirmed
    assert read_guidelines(tmp_path, first="small") == (made,)


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ('key = "high"', 'key = "enormous"', "enormous"),
        ('key = "treat"', 'key = "perhaps"', "perhaps"),
        ("t_lowest <= -2.5", "t_lowest <=", "not a SQL condition"),
        ("t_lowest <= -2.5", "COALESCE(t_lowest, 0) < 1", "takes unknown for no"),
        ('mark = "A"', 'mark = "D"', "'D'"),
        ('risk_class = "high"\nmedicines', 'risk_class = "severe"\nmedicines', "severe"),
        ('zh = "小指南", ', "", "zh"),
        ("[base]", "[bases]", "bases"),
        ('holds = ["h_t"]', 'hold = ["h_t"]', "hold"),
        ('edition = "1"', "", "edition"),
        ("[guideline]", "[guideline", "TOML"),
        ('key = "t_high"', 'key = "h_t"', ""),
    ],
)
def test_each_fault_is_named(tmp_path, was, becomes, said):
    assert was in GOOD
    text = GOOD.replace(was, becomes, 1)
    if not said:  # the same key in two tables is no fault
        assert read(tmp_path, text)
        return
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, text)
    assert said in str(raised.value)
