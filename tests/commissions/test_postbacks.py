"""K10: how a partner's bytes become rows, postbacks with their signatures, and who may tell."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core import webhooks
from backend.core.errors import Invalid, NotFound
from commissions import conversions
from commissions.conversions import importing, reading
from commissions.models import ConversionImport
from seeds.factories import SkuFactory
from shops.models import Order
from tests.cast import Person
from tests.commissions.elsewhere import AT, Partner

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner(selena: Person) -> Partner:
    return Partner(selena.account)


# ---------------------------------------------------------------- reading
@settings(max_examples=80, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(1, 30))
def test_lines_are_the_same_however_a_file_is_cut(parts: list[bytes], size: int) -> None:
    """And reading that goes on at any line's position reads the rest."""
    content = b"\n".join(part.replace(b"\n", b"") for part in parts)
    pieces = [content[place : place + size] for place in range(0, len(content), size)]
    wanted = content.split(b"\n")
    wanted = wanted[:-1] if wanted[-1:] == [b""] else wanted
    found = list(reading.lines(pieces, 0))
    assert [line.content for line in found] == wanted
    for place, line in enumerate(found):
        rest = reading.lines([content[line.position :]], line.position)
        assert [again.content for again in rest] == wanted[place + 1 :]


def test_a_line_without_an_end_is_no_row_and_fills_no_memory() -> None:
    pieces = iter([b"a" * 50_000] * 20 + [b"\nb\n"])
    found = list(reading.lines(pieces, 0))
    assert [line.content for line in found] == [None, b"b"]
    assert found[-1].position == 50_000 * 20 + 3


# ---------------------------------------------------------------- postbacks
def test_a_postback_is_taken_once_however_often_it_comes(partner: Partner) -> None:
    assert partner.postback(partner.row()) == "accepted"
    assert partner.postback(partner.row()) == "accepted"
    assert partner.postback(partner.row("A2")) == "accepted", "the id is known: answered as before"
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": webhooks.new_secret()},
        {"at": AT + timedelta(minutes=5, seconds=2)},
        {"at": AT - timedelta(minutes=5, seconds=2)},
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": ""},
    ],
)
def test_a_forged_or_old_postback_is_refused(partner: Partner, changes: dict[str, Any]) -> None:
    with pytest.raises(conversions.PostbackForged):
        partner.postback(partner.row(), **changes)
    assert not Order.objects.exists()


def test_an_old_secret_opens_nothing_after_a_new_one(partner: Partner) -> None:
    fresh = conversions.new_secret(source_id=partner.source.pk, by=None, at=AT)
    with pytest.raises(conversions.PostbackForged):
        partner.postback(partner.row())
    assert partner.postback(partner.row(), secret=fresh) == "accepted"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"\xff", b"[" * 10_000, b"{}" + b" " * 20_000, b'{"a":1,"a":2}']
)
def test_a_signed_body_that_is_no_object_is_said_to_be_none(partner: Partner, body: bytes) -> None:
    with pytest.raises(conversions.PostbackUnreadable):
        partner.postback(body)


@pytest.mark.parametrize("body", [b"{}", b'{"a":1}', b'{"order":1e999}'])
def test_an_object_that_is_no_conversion_is_said_to_be_none(partner: Partner, body: bytes) -> None:
    with pytest.raises(conversions.MalformedConversion):
        partner.postback(body)


def test_the_postbacks_door_answers_the_verdict(partner: Partner, anyone: Any) -> None:
    from backend.core.clock import now

    body = json.dumps(partner.row(sku="J9")).encode()
    signed = webhooks.headers(message_id="m", body=body, secret=partner.secret, at=now())
    path = f"/v1/conversion-sources/{partner.source.pk}/postback"
    answer = anyone.generic("POST", path, body, content_type="application/json", headers=signed)
    assert (answer.status_code, answer.json()) == (200, {"verdict": "unknown_sku"})
    answer = anyone.generic("POST", path, body, content_type="text/plain", headers={})
    assert (answer.status_code, answer.json()["code"]) == (401, "postback_forged")


# ---------------------------------------------------------------- sources
def test_a_closed_source_takes_nothing(partner: Partner) -> None:
    conversions.set_open(
        source_id=partner.source.pk, is_active=False, by=None, reason="contract over", at=AT
    )
    with pytest.raises(conversions.SourceClosed):
        partner.postback(partner.row())
    with pytest.raises(conversions.SourceClosed):
        partner.upload(b"{}")


def test_a_strangers_source_is_none(partner: Partner, mallory: Person) -> None:
    for path in (
        f"/v1/conversion-sources/{partner.source.pk}/imports",
        f"/v1/conversion-imports/{partner.upload(b'{}')}",
    ):
        assert mallory.client.get(path).status_code == 404
    with pytest.raises(NotFound):
        conversions.own_source(account=mallory.account, source_id=partner.source.pk)


def test_an_article_is_a_sku_of_the_shop_alone(partner: Partner) -> None:
    with pytest.raises(Invalid):
        conversions.set_goods(
            account=partner.owner,
            source_id=partner.source.pk,
            external_sku="J3",
            sku_id=SkuFactory.create().pk,
            rate_bps=None,
        )


def test_an_empty_file_and_one_too_large_are_refused(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(conversions.FileTooLarge):
        partner.upload(b"")
    monkeypatch.setattr(importing, "MAX_BYTES", 3)
    with pytest.raises(conversions.FileTooLarge):
        partner.upload(b"1234")
    assert not ConversionImport.objects.exists()


def test_a_file_is_uploaded_and_watched_by_rest(partner: Partner, selena: Person) -> None:
    content = json.dumps(partner.row()).encode()
    path = f"/v1/conversion-sources/{partner.source.pk}/imports"
    file = io.BytesIO(content)
    file.name = "orders.jsonl"
    answer = selena.client.post(path, {"file": file, "kind": "jsonl"}, format="multipart")
    assert answer.status_code == 201, answer.json()
    told = answer.json()
    assert (told["status"], told["position"], told["size_bytes"]) == ("waiting", 0, len(content))
    conversions.run_imports(at=AT)
    told = selena.client.get(f"/v1/conversion-imports/{told['id']}").json()
    assert (told["status"], told["counts"]) == ("done", {"accepted": 1})
    assert selena.client.get(path).json()["results"][0]["id"] == told["id"]
