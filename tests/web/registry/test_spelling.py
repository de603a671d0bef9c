"""One spelling of a name, a telephone, an identity number, however they were typed."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest

from careloop.web.registry import search, spelling
from careloop.web.registry.enrolment import AlikeError, register
from careloop.web.registry.form import read
from careloop.web.registry.likeness import alike

from .. import factory

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("王　芳", "王芳"),
        (" 王 秀 英 ", "王秀英"),
        ("阿依古丽•买买提", "阿依古丽·买买提"),
        ("阿依古丽・买买提", "阿依古丽·买买提"),
        ("阿依古丽．买买提", "阿依古丽·买买提"),
        ("阿依古丽 · 买买提", "阿依古丽·买买提"),
        ("𠮷田·阿里", "𠮷田·阿里"),
        ("Ada  Lovelace", "Ada Lovelace"),
        ("J. Smith", "J. Smith"),
        ("", ""),
    ],
)
def test_a_name_is_kept_in_one_way(told, kept):
    assert spelling.name(told) == kept
    assert spelling.name(kept) == kept


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("120 1111 2222", "12011112222"),
        ("+86 120-1111-2222", "12011112222"),
        ("＋８６１２０１１１１２２２２", "12011112222"),
        ("0086 12011112222", "12011112222"),
        ("86-120-1111-2222", "12011112222"),
        ("120–1111–2222", "12011112222"),
        ("(0100) 1234567", "01001234567"),
        ("+86 100 1234567", "1001234567"),
        ("8612345", "8612345"),
        ("+44 20 7946 0000", "+442079460000"),
    ],
)
def test_a_telephone_is_kept_in_one_way(told, kept):
    assert spelling.phone(told) == kept
    assert spelling.phone(kept) == kept


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("11010519491231002x", "11010519491231002X"),
        ("110105 19491231 002X", "11010519491231002X"),
        ("110105491231002", "11010519491231002X"),
        ("000000000000000", "000000000000000"),
        ("", ""),
    ],
)
def test_an_identity_number_is_kept_in_one_way(told, kept):
    assert spelling.identity(told, today=TODAY) == kept


TYPED = {"sex": "female", "birth_date": "1950-05-01", "phone": "+86 120 1111 2222"}


@pytest.mark.parametrize(
    ("name", "searches"),
    [
        ("王　芳", ["王芳", "王 芳", "王　芳", "王", "wf", "wangfang"]),
        ("阿依古丽•买买提", ["阿依古丽·买买提", "阿依古丽.买买提", "阿依古丽・买", "买买提"]),
    ],
)
def test_whoever_was_typed_with_a_space_or_another_dot_is_found_and_known_again(
    tree, name, searches
):
    gate = factory.gate("nurse", tree.centre)
    made = register(gate, read(TYPED | {"name": name}, gate).details, request_key=uuid4())
    for told in [*searches, "12011112222", "008612011112222", "+86 120 1111 2222"]:
        assert [row.resident for row in search.find(gate, told).rows] == [made], told
    again = read(TYPED | {"name": searches[0], "phone": "12011112222"}, gate).details
    assert [each.because for each in alike(gate, again).alike] == ["name_birth"]
    with pytest.raises(AlikeError):
        register(gate, again, request_key=uuid4())
