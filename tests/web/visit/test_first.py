"""Of many answers a form offers some to tap and the others in a list: one question, one answer."""

from __future__ import annotations

import pytest

from careloop.care.form import forms_of
from careloop.dictionary.catalogue import load
from careloop.error import ConfigError

from . import form_page


@pytest.mark.parametrize(
    ("posted", "kept"),
    [
        ({"ethnic_group": "chinese"}, "chinese"),
        ({"ethnic_group-other": "white"}, "white"),
        ({"ethnic_group": "chinese", "ethnic_group-other": "white"}, "white"),
        ({"ethnic_group": "unknown"}, None),
    ],
)
def test_the_answer_tapped_or_chosen_from_the_list_is_kept(save, page, posted, kept):
    offered = page("screening")
    assert offered.radios["ethnic_group"] == ["chinese", "unknown"]
    assert "white" in offered.selects["ethnic_group-other"]
    assert "chinese" not in offered.selects["ethnic_group-other"]
    visit = save("screening", weight_kg="50", **posted)
    assert visit.answers["ethnic_group"] == kept


def test_no_answer_to_tap_that_the_variable_does_not_have():
    words = {"zh": "字", "en": "word"}
    question = {"variable": "ethnic_group", "first": ["martian"]}
    section = {"key": "a", "title": words, "question": [question]}
    form = {"key": "screening", "label": words, "sections": ["a"]}
    with pytest.raises(ConfigError, match="martian"):
        forms_of({"form": [form], "section": [section]}, load(), where="form.toml")
    question["first"] = ["chinese"]
    made = forms_of({"form": [form], "section": [section]}, load(), where="form.toml")
    assert made["screening"].question("ethnic_group").first == ("chinese",)


def test_what_does_not_change_is_asked_until_it_is_known(page, save, client):
    """Ancestry and the greatest height are asked once; who corrects that visit sees them again."""
    assert {"ethnic_group", "height_peak_cm"} <= {
        *page("screening").fields,
        *page("screening").radios,
    }
    visit = save("screening", weight_kg="45", height_peak_cm="160", ethnic_group="chinese")
    for kind in ("screening", "home"):
        again = page(kind)
        assert not {"ethnic_group", "height_peak_cm"} & {*again.fields, *again.radios}, kind
    corrected = form_page.read(client.get(f"/visits/{visit.public_id}").content.decode())
    assert corrected.fields["height_peak_cm"] == "160"
    assert corrected.fields["ethnic_group"] == "chinese"
