"""Money in: H1, reliability row 24 (forged, replayed, old notices), row 25."""

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from backend.core.clock import now
from backend.core.models import Event
from shops import orders, payments, providers
from shops.models import Checkout, Order, OrderLine, Payment, PaymentNotice
from shops.providers import sandbox
from tests.cast import Person
from tests.shops.sales import HOUR, callback, figures, place, refused, shop_of, sku_in


@pytest.fixture
def placed(selena: Person, lily: Person) -> Checkout:
    return place(lily.account, (sku_in(shop_of(selena.account), shipping_fee_fen=600), 2))


def test_the_pay_answer_holds_a_callback_that_pays(
    placed: Checkout, lily: Person, anyone: APIClient
) -> None:
    """The tour by curl: what the answer holds is posted as it stands."""
    started = lily.client.post(f"/v1/checkouts/{placed.number}/pay", {}, format="json")
    assert started.status_code == 200, started.content
    ready = started.json()["sandbox_callback"]
    answer = anyone.post(
        "/" + ready["url"].split("/", 3)[3],
        data=ready["body"],
        content_type="application/json",
        headers=ready["headers"],
    )
    assert (answer.status_code, answer.json()) == (200, {"outcome": "accepted"})
    again = lily.client.post(f"/v1/checkouts/{placed.number}/pay", {}, format="json")
    refused(again, 409, "already_paid")


def test_in_production_no_callback_is_given_away(
    placed: Checkout, lily: Person, settings: Any
) -> None:
    settings.PRODUCTION = True
    started = lily.client.post(f"/v1/checkouts/{placed.number}/pay", {}, format="json")
    assert "sandbox_callback" not in started.json()
    settings.PAYMENT_SANDBOX_SECRET = ""
    started = lily.client.post(f"/v1/checkouts/{placed.number}/pay", {}, format="json")
    refused(started, 404, "not_found")


def test_a_payment_pays_the_orders_and_their_lines_exactly(
    placed: Checkout, anyone: APIClient
) -> None:
    assert callback(anyone, placed).json() == {"outcome": "accepted"}
    order, line = Order.objects.get(), OrderLine.objects.get()
    assert (order.status, order.paid_fen, order.payable_fen) == ("paid", 26_400, 26_400)
    assert (line.paid_fen, line.product.sales_count) == (25_800, 2)
    assert order.ship_by == order.paid_at + timedelta(hours=72)  # type: ignore[operator]
    assert list(order.history.order_by("id").values_list("kind", flat=True)) == ["placed", "paid"]
    assert Event.objects.filter(kind="order.paid", subject_id=order.pk).count() == 1
    placed.refresh_from_db()
    assert placed.status == "paid"


def test_the_same_notice_again_changes_nothing(placed: Checkout, anyone: APIClient) -> None:
    fields = {"notice_id": "msg_1", "transaction_id": "t1"}
    assert callback(anyone, placed, **fields).status_code == 200
    before = figures()
    again = callback(anyone, placed, **fields)
    assert (again.status_code, again.json()) == (200, {"outcome": "accepted"})
    assert figures() == before
    assert (PaymentNotice.objects.count(), Event.objects.filter(kind="order.paid").count()) == (
        1,
        1,
    )


def test_the_same_transaction_under_another_notice_changes_nothing(
    placed: Checkout, anyone: APIClient
) -> None:
    callback(anyone, placed, transaction_id="t1")
    before = figures()
    assert callback(anyone, placed, transaction_id="t1").json() == {"outcome": "repeated"}
    assert figures() == before


def test_a_second_transaction_goes_back_whole(placed: Checkout, anyone: APIClient) -> None:
    callback(anyone, placed, transaction_id="t1")
    assert callback(anyone, placed, transaction_id="t2").json() == {"outcome": "second"}
    assert dict(Payment.objects.values_list("transaction_id", "status")) == {
        "t1": "accepted",
        "t2": "returning",
    }
    assert payments.return_payments(at=now()) == 1
    assert Payment.objects.get(transaction_id="t2").status == "returned"
    assert payments.return_payments(at=now()) == 0
    assert Order.objects.get().status == "paid"


def test_a_late_payment_goes_back_whole_and_wakes_no_order(
    placed: Checkout, anyone: APIClient
) -> None:
    assert orders.expire_checkouts(at=now() + HOUR) == 1
    assert callback(anyone, placed).json() == {"outcome": "late"}
    assert (Order.objects.get().status, Order.objects.get().paid_fen) == ("cancelled", 0)
    assert Payment.objects.get().status == "returning"
    assert payments.return_payments(at=now()) == 1
    assert Payment.objects.get().status == "returned"


def test_money_goes_back_once_although_the_provider_is_away_at_first(
    placed: Checkout, lily: Person, anyone: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders.cancel(buyer=lily.account, number=placed.orders.get().number, at=now())
    callback(anyone, placed)
    asked: list[str] = []

    def refund(self: Any, *, refund_number: str, **_: Any) -> None:
        asked.append(refund_number)
        if len(asked) == 1:
            raise providers.ProviderAway

    monkeypatch.setattr(sandbox.Sandbox, "refund", refund)
    assert payments.return_payments(at=now()) == 0
    assert Payment.objects.get().status == "returning"
    assert payments.return_payments(at=now()) == 1
    assert len(set(asked)) == 1


@pytest.mark.parametrize("amount_fen", [1, 26_399, 26_401])
def test_another_amount_is_kept_and_moves_nothing(
    placed: Checkout, anyone: APIClient, amount_fen: int
) -> None:
    before = figures()
    refused(callback(anyone, placed, amount_fen=amount_fen), 422, "amount_mismatch")
    assert figures() == before
    assert PaymentNotice.objects.get().outcome == "amount_mismatch"
    assert callback(anyone, placed).json() == {"outcome": "accepted"}


def test_a_notice_about_an_unknown_checkout_is_kept(placed: Checkout, anyone: APIClient) -> None:
    refused(callback(anyone, placed, checkout_number="C0-none"), 404, "not_found")
    assert PaymentNotice.objects.get().outcome == "unknown_checkout"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"amount_fen": 1}, 422, "amount_mismatch"),
        ({"checkout_number": "C20261122-nobodys"}, 404, "not_found"),
    ],
)
def test_a_refused_notice_is_refused_again_however_often_it_comes(
    placed: Checkout, anyone: APIClient, changes: dict[str, Any], status: int, code: str
) -> None:
    """A repeated refusal never reads like a success."""
    for _ in range(3):
        refused(callback(anyone, placed, notice_id="msg_again", **changes), status, code)
    assert PaymentNotice.objects.count() == 1
    assert Payment.objects.count() == 0


def test_a_return_that_breaks_stops_no_other(
    lily: Person, placed: Checkout, anyone: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in one answer of the provider must not keep the money of everybody behind it."""
    for transaction_id in ("t1", "broken", "t3"):
        callback(anyone, placed, transaction_id=transaction_id)
    really = sandbox.Sandbox.refund

    def refund(self: Any, *, transaction_id: str, **rest: Any) -> None:
        if transaction_id == "broken":
            raise ValueError("an answer nobody can read")
        really(self, transaction_id=transaction_id, **rest)

    monkeypatch.setattr(sandbox.Sandbox, "refund", refund)
    assert payments.return_payments(at=now()) == 1
    found = dict(Payment.objects.values_list("transaction_id", "status"))
    assert found == {"t1": "accepted", "broken": "returning", "t3": "returned"}


def test_a_forged_notice_is_refused_and_not_kept(placed: Checkout, anyone: APIClient) -> None:
    before = figures()
    ready = sandbox.build_callback(
        checkout_number=placed.number, amount_fen=placed.total_fen, at=now()
    )
    forged = [
        {"headers": {"webhook-signature": "v1,AAAA"}},
        {"headers": {"webhook-signature": ""}},
        {"headers": {"webhook-signature": "v1,é".encode().decode("latin-1")}},
        {"headers": {"webhook-id": "msg_other"}},
        {"headers": {"webhook-id": "a b"}},
        {"headers": {"webhook-timestamp": "x"}},
        {"headers": {"webhook-timestamp": "9" * 30}},
        {"body": ready.body.replace(str(placed.total_fen), "1")},
        {"at": now() - timedelta(minutes=6)},
        {"at": now() + timedelta(minutes=6)},
    ]
    for changes in forged:
        refused(callback(anyone, placed, **changes), 401, "bad_signature")
    assert figures() == before
    assert PaymentNotice.objects.count() == 0


def test_the_signature_is_that_of_standard_webhooks(settings: Any) -> None:
    """Computed here by hand, over id.timestamp.body."""
    at = datetime.fromisoformat("2026-11-22T06:00:00+00:00")
    ready = sandbox.build_callback(
        checkout_number="C1", amount_fen=1, at=at, notice_id="msg_1", transaction_id="t1"
    )
    text = f"msg_1.{int(at.timestamp())}.{ready.body}"
    digest = hmac.digest(settings.PAYMENT_SANDBOX_SECRET.encode(), text.encode(), hashlib.sha256)
    assert ready.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_the_published_example_of_standard_webhooks_is_signed_alike() -> None:
    """The one that its libraries carry; a secret is base64 behind whsec_."""
    signed = sandbox.sign(
        notice_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1_614_265_330,
        body=b'{"test": 2432232314}',
        secret="whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_one_of_several_signatures_is_enough(placed: Checkout, anyone: APIClient) -> None:
    """While a secret is being changed the provider signs with both."""
    at = now()
    ready = sandbox.build_callback(
        checkout_number=placed.number, amount_fen=placed.total_fen, at=at, notice_id="msg_1"
    )
    both = f"v1,{'A' * 43}= {ready.headers['webhook-signature']}"
    answer = anyone.post(
        sandbox.PATH,
        data=ready.body,
        content_type="application/json",
        headers={**ready.headers, "webhook-signature": both},
    )
    assert answer.json() == {"outcome": "accepted"}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        "nonsense",
        '{"type":"other","data":{}}',
        json.dumps(
            {
                "type": "payment.succeeded",
                "data": {
                    "transaction_id": "a\u0000b",
                    "checkout": "C1",
                    "amount_fen": 1,
                    "paid_at": "2026-01-01T00:00:00Z",
                },
            }
        ),
        json.dumps(
            {
                "type": "payment.succeeded",
                "data": {
                    "transaction_id": "a",
                    "checkout": "C1",
                    "amount_fen": 1.5,
                    "paid_at": "2026-01-01T00:00:00Z",
                },
            }
        ),
        json.dumps(
            {
                "type": "payment.succeeded",
                "data": {
                    "transaction_id": "a",
                    "checkout": "C1",
                    "amount_fen": 1,
                    "paid_at": "0001-01-01T00:00:00+14:00",
                },
            }
        ),
    ],
)
def test_a_signed_notice_that_cannot_be_read_is_refused(
    anyone: APIClient, settings: Any, db: None, body: str
) -> None:
    stamp = int(now().timestamp())
    signature = sandbox.sign(
        notice_id="m1",
        timestamp=stamp,
        body=body.encode(),
        secret=settings.PAYMENT_SANDBOX_SECRET,
    )
    answer = anyone.post(
        sandbox.PATH,
        data=body,
        content_type="application/json",
        headers={
            "webhook-id": "m1",
            "webhook-timestamp": str(stamp),
            "webhook-signature": signature,
        },
    )
    refused(answer, 400, "malformed")


def test_an_unknown_provider_is_not_found(anyone: APIClient, db: None) -> None:
    refused(anyone.post("/v1/payments/paypal/callback"), 404, "not_found")


def test_a_stray_token_does_not_hide_a_provider(placed: Checkout, anyone: APIClient) -> None:
    anyone.credentials(HTTP_AUTHORIZATION="Bearer nonsense")
    assert callback(anyone, placed).status_code == 200


def test_a_checkout_past_its_time_is_not_started(placed: Checkout, lily: Person) -> None:
    Checkout.objects.update(expires_at=now())
    answer = lily.client.post(f"/v1/checkouts/{placed.number}/pay", {}, format="json")
    refused(answer, 409, "expired")


def test_a_payment_just_before_the_sweep_is_still_taken(
    placed: Checkout, anyone: APIClient
) -> None:
    """The stock is still held: nobody is hurt by taking it."""
    Checkout.objects.update(expires_at=now() - HOUR)
    assert callback(anyone, placed).json() == {"outcome": "accepted"}
    assert orders.expire_checkouts(at=now()) == 0


def test_the_paid_day_is_the_providers_but_within_reason(placed: Checkout) -> None:
    at = now()
    payments.record_payment(
        provider="sandbox",
        notice_id="m",
        transaction_id="t",
        checkout_number=placed.number,
        amount_fen=placed.total_fen,
        payer="",
        paid_at=at - timedelta(days=900),
        at=at,
    )
    assert Order.objects.get().paid_at == placed.created_at


def test_the_command_pays_over_real_http(
    transactional_db: None, live_server: Any, selena: Person, lily: Person
) -> None:
    placed = place(lily.account, (sku_in(shop_of(selena.account)), 1))
    out = StringIO()
    call_command("sandbox_pay", placed.number, base_url=live_server.url, stdout=out)
    assert out.getvalue().strip() == '200 {"outcome":"accepted"}'
    assert Order.objects.get().status == "paid"
    with pytest.raises(CommandError, match="no such checkout"):
        call_command("sandbox_pay", "C0-none", base_url=live_server.url)
