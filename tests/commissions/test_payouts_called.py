"""Payouts through WeChat Pay and Alipay, from the approval to the books: sent once for life, what
is not known asked, what is refused given back only when both sides say so (K5, K6)."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import DatabaseError, transaction
from rest_framework.test import APIClient

from backend.accounts import tokens
from backend.accounts.models import Account
from backend.core.clock import now
from commissions import payouts
from commissions.models import Payout, PayoutAttempt, PayoutNotice
from commissions.providers import alipay, wechat
from tests.commissions.alipay_double import AlipayDouble
from tests.commissions.channels import both, earner_of
from tests.commissions.money_out import AT, approved, cash, money_of
from tests.commissions.wechat_double import WeChatDouble

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def doubles(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, WeChatDouble | AlipayDouble]]:
    monkeypatch.setattr(wechat, "TIMEOUT", (1, 0.5))
    monkeypatch.setattr(alipay, "TIMEOUT", (1, 0.5))
    with both() as (one, other):
        yield {"wechat": one, "alipay": other}


def sent(provider: str) -> Payout:
    """A payout of 1,000 through this channel, sent."""
    payout = approved(earner_of(provider))
    assert payouts.send_payouts(at=AT) == 1
    payout.refresh_from_db()
    return payout


def told(payout: Payout) -> tuple[str, tuple[int, int], int]:
    """(state, (available, in transit), what the channels have paid)."""
    payout.refresh_from_db()
    return payout.status, money_of(payout.account), cash()


@pytest.mark.parametrize("provider", ["wechat", "alipay"])
def test_a_payout_is_paid_once_and_booked(
    doubles: dict[str, WeChatDouble | AlipayDouble], provider: str
) -> None:
    payout = sent(provider)
    assert told(payout) == ("paid", (9_000, 0), 1_000)
    assert doubles[provider].paid == {payout.number: 1_000}
    assert payouts.send_payouts(at=AT + MINUTE) == 0
    assert doubles[provider].sent == {payout.number: 1}
    assert doubles[provider].broken == []


@pytest.mark.parametrize("provider", ["wechat", "alipay"])
@pytest.mark.parametrize("fault", ["lost", "500", "flipped"])
def test_an_answer_that_is_none_is_asked_for_under_the_same_number(
    doubles: dict[str, WeChatDouble | AlipayDouble], provider: str, fault: str
) -> None:
    doubles[provider].faults = [fault]
    payout = sent(provider)
    assert told(payout) == ("unknown", (9_000, 1_000), 0)
    took_effect = fault != "500"
    assert payouts.reconcile_payouts(at=AT + MINUTE) == took_effect
    after = ("paid", (9_000, 0), 1_000) if took_effect else ("unknown", (9_000, 1_000), 0)
    assert told(payout) == after
    assert doubles[provider].sent == ({payout.number: 1} if took_effect else {})


@pytest.mark.parametrize("provider", ["wechat", "alipay"])
def test_a_refused_sending_is_failed_only_when_its_window_has_passed_unknown(
    doubles: dict[str, WeChatDouble | AlipayDouble], provider: str
) -> None:
    refuses = doubles[provider]
    if isinstance(refuses, WeChatDouble):
        refuses.balance_fen = 0
    else:
        refuses.refuses = "PAYER_BALANCE_NOT_ENOUGH"
    payout = sent(provider)
    assert told(payout) == ("unknown", (9_000, 1_000), 0)
    for minutes in (1, 5, 29):
        assert payouts.reconcile_payouts(at=AT + minutes * MINUTE) == 0
        assert told(payout) == ("unknown", (9_000, 1_000), 0)
    assert payouts.reconcile_payouts(at=AT + 2 * HOUR) == 1
    assert told(payout) == ("failed", (10_000, 0), 0)
    assert payout.reason.startswith("channel: ")
    assert refuses.paid == {}


@pytest.mark.parametrize("provider", ["wechat", "alipay"])
def test_a_sending_that_never_arrived_waits_for_a_person(
    doubles: dict[str, WeChatDouble | AlipayDouble], provider: str
) -> None:
    """Neither channel can close a number that it does not know."""
    doubles[provider].faults = ["down"]
    payout = sent(provider)
    for hours in (1, 3, 30):
        assert payouts.reconcile_payouts(at=AT + hours * HOUR) == 0
    assert told(payout) == ("unknown", (9_000, 1_000), 0)
    assert payout.reason.startswith("channel: CANNOT_VOID")
    assert doubles[provider].sent == {}


def test_a_transfer_waits_for_its_payee_who_is_given_what_to_confirm(
    doubles: dict[str, WeChatDouble | AlipayDouble],
) -> None:
    double = doubles["wechat"]
    assert isinstance(double, WeChatDouble)
    double.becomes = "WAIT_USER_CONFIRM"
    payout = sent("wechat")
    assert (payout.status, payout.reason) == ("unknown", "channel: WAIT_USER_CONFIRM")
    client = APIClient()
    path = f"/v1/me/payouts/{payout.number}/confirmation"

    def seen_by(account: Account) -> tuple[int, dict[str, str]]:
        token = tokens.issue(account=account, at=now())[0]
        answer = client.get(path, HTTP_AUTHORIZATION=f"Bearer {token}")
        return answer.status_code, answer.json()

    status, found = seen_by(payout.account)
    assert status == 200
    assert found == {
        "mchid": "1900000109",
        "app_id": "wxf636efh567hg4356",
        "package": "affffddafdfafddffda==",
    }
    assert seen_by(earner_of("wechat"))[0] == 404
    double.confirm(payout.number)
    assert payouts.reconcile_payouts(at=AT + MINUTE) == 1
    assert told(payout) == ("paid", (9_000, 0), 1_000)
    assert seen_by(payout.account)[0] == 404


@pytest.mark.parametrize("provider", ["wechat", "alipay"])
def test_a_notice_has_its_payout_asked_about_at_once_and_is_never_believed(
    doubles: dict[str, WeChatDouble | AlipayDouble], provider: str
) -> None:
    double = doubles[provider]
    double.becomes = "TRANSFERING" if provider == "wechat" else "DEALING"
    payout = sent(provider)
    assert payouts.reconcile_payouts(at=AT + MINUTE) == 0
    body = double.notice(payout.number, "N-1")  # it says SUCCESS
    at = AT + MINUTE + timedelta(seconds=1)
    stamp = int(at.timestamp())
    headers = double.headers(body, stamp) if isinstance(double, WeChatDouble) else {}

    def arrives() -> str:
        return payouts.take_notice(provider=provider, headers=headers, body=body, at=at)

    assert (arrives(), arrives()) == ("accepted", "repeated")
    assert PayoutNotice.objects.get().payout_id == payout.pk
    assert payouts.reconcile_payouts(at=at + timedelta(seconds=1)) == 0, "asked, and not so"
    assert PayoutAttempt.objects.filter(kind="query").count() == 2
    assert told(payout) == ("unknown", (9_000, 1_000), 0)
    assert payouts.reconcile_payouts(at=at + timedelta(seconds=9)) == 0
    assert PayoutAttempt.objects.filter(kind="query").count() == 2, "one notice, one question"
    with pytest.raises(payouts.ForgedNotice):
        payouts.take_notice(provider=provider, headers=headers, body=body[:-9], at=at)
    other = double.notice("P404", "N-2")
    signed = double.headers(other, stamp) if isinstance(double, WeChatDouble) else {}
    unknown = payouts.take_notice(provider=provider, headers=signed, body=other, at=at)
    assert unknown == "unknown"
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        PayoutNotice.objects.update(number="P1")


def test_the_doors_of_notices_answer_in_the_channels_own_words(
    doubles: dict[str, WeChatDouble | AlipayDouble],
) -> None:
    one, other = doubles["wechat"], doubles["alipay"]
    assert isinstance(one, WeChatDouble)
    client = APIClient()
    body = one.notice("P1", "N-1")
    headers = {f"HTTP_{name.upper().replace('-', '_')}": text for name, text in
               one.headers(body).items()}  # fmt: skip
    told_wechat = client.generic("POST", "/v1/payouts/wechat/notices", body, **headers)
    assert (told_wechat.status_code, told_wechat.json()) == (200, {"code": "SUCCESS"})
    form = "application/x-www-form-urlencoded"
    told_alipay = client.generic(
        "POST", "/v1/payouts/alipay/notices", other.notice("P1", "N-1"), form
    )
    assert (told_alipay.status_code, told_alipay.content) == (200, b"success")
    for path in ("wechat", "alipay"):
        forged = client.generic("POST", f"/v1/payouts/{path}/notices", b"{}")
        assert (forged.status_code, forged.json()["code"]) == (401, "forged_notice")
    assert PayoutNotice.objects.count() == 2


def test_a_channel_that_is_not_configured_takes_no_notice() -> None:
    for path in ("wechat", "alipay"):
        answer = APIClient().generic("POST", f"/v1/payouts/{path}/notices", b"{}")
        assert answer.status_code == 404
