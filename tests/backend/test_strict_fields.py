"""Fields of the API refuse what DRF's own read as something else, and what people cannot see."""

from typing import Any

import pytest
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.test import APIClient

from backend.core.texts import problem_of
from backend.rest.fields import Day, Flag, Listed, Pattern, Plain, Text
from seeds.factories import ProductFactory
from tests.cast import Person


@pytest.mark.parametrize("value", ["true", "yes", "on", "1", "", 0, 1, 1.0, None, [], {}])
def test_only_true_and_false_are_booleans(value: Any) -> None:
    with pytest.raises(ValidationError):
        Flag().run_validation(value)
    assert Flag().run_validation(True) is True


@pytest.mark.parametrize(
    "value", ["20260101", "2026-W01-1", "２０２６-０１-０１", "2026-02-30", 20260101, None]
)
def test_a_day_has_one_spelling(value: Any) -> None:
    with pytest.raises(ValidationError):
        Day().run_validation(value)
    assert str(Day().run_validation("2026-02-28")) == "2026-02-28"


@pytest.mark.parametrize("value", [310_000, 310_000.0, True, None, ["310000"]])
def test_a_code_is_a_text_and_no_number(value: Any) -> None:
    for field in (Pattern(r"\A[0-9]{6}\Z"), Plain()):
        with pytest.raises(ValidationError):
            field.run_validation(value)
    assert Pattern(r"\A[0-9]{6}\Z").run_validation("310000") == "310000"


def test_a_long_list_is_told_its_length_and_not_its_items() -> None:
    field = Listed(child=serializers.IntegerField(), max_length=3)
    with pytest.raises(ValidationError) as caught:
        field.run_validation([None] * 1_000)
    assert caught.value.detail == ["At most 3."]
    assert field.run_validation([1, 2, 3]) == [1, 2, 3]


# Drawn as nothing, or as space: the last of them are "letters" to a computer.
@pytest.mark.parametrize(
    "text",
    ["\u3164", "\uffa0", "\u115f", "\u1160", "\u2800", "\u034f", "\u17b4", "\u180e", "\u180b",
     "\U0001d173", "\U000e0001", "\U000e0061", "🏴\U000e0067", "\u200b", "\ufeff", "\u2062"],
)  # fmt: skip
def test_what_nobody_can_see_is_refused(text: str) -> None:
    assert problem_of(f"大{text}衣")
    with pytest.raises(ValidationError):
        Text().run_validation(text)


_ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize("text", [_ENGLAND, "葛\U000e0100", "👩‍👩‍👧", "❤️", "한글", "नमस्ते", "ไทย"])
def test_what_people_write_passes(text: str) -> None:
    assert problem_of(text) is None
    assert Text().run_validation(text) == text


@pytest.mark.parametrize("text", ["", "  ", "\u3000", "\u200d\u200d", "\ufe0f"])
def test_a_text_of_nothing_is_the_empty_text(text: str) -> None:
    """So that "neither title nor body" means it."""
    assert Text(allow_blank=True).run_validation(text) == ""
    with pytest.raises(ValidationError):
        Text().run_validation(text)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        b'{"kind":"image","media":[' + b"{}," * 349_000 + b"{}]}",
        b'{"kind":"image","topics":[' + b"1," * 9_000 + b"1]}",
        b"{" + b",".join(b'"f%d":1' % number for number in range(9_000)) + b"}",
    ],
)
def test_a_body_of_many_mistakes_is_told_a_few(lily: Person, body: bytes) -> None:
    """A megabyte of {} was answered with 50, after 30 seconds."""
    answer = lily.client.generic("POST", "/v1/notes", body, content_type="application/json")
    assert answer.status_code in (400, 422)
    assert len(answer.content) < 10_000


@pytest.mark.django_db
@pytest.mark.parametrize("parameter", ["page_size=5", "cursor=x", "format=json", "price_fen=1"])
def test_no_parameter_is_ignored(lily: Person, parameter: str) -> None:
    """Neither at a single thing, nor with what changes something."""
    for method, path in [
        ("get", "/v1/me"),
        ("patch", "/v1/me"),
        ("post", "/v1/me/addresses"),
        ("delete", "/v1/auth/token"),
    ]:
        answer = getattr(lily.client, method)(f"{path}?{parameter}")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_query"), path
    assert lily.client.get("/v1/me").status_code == 200


@pytest.mark.django_db
def test_the_list_of_what_does_not_exist_does_not_exist(anyone: APIClient, selena: Person) -> None:
    hidden = ProductFactory.create(status="draft")
    shown = ProductFactory.create()
    for path in ("accounts/nobody/notes", "topics/9999/notes", f"products/{hidden.pk}/notes"):
        assert anyone.get(f"/v1/{path}").status_code == 404, path
    for path in ("accounts/selena/notes", f"products/{shown.pk}/notes"):
        assert anyone.get(f"/v1/{path}").json() == {"results": [], "next": None}, path
