"""Payouts through WeChat Pay and Alipay, from the approval to the books: sent once for life, what
is not known asked, what is refused given back only when both sides say so (K5, K6)."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db import DatabaseError, transaction
from rest_framework.test import APIClient

from backend.accounts import tokens
from backend.accounts.models import Account
from backend.core.clock import now
from commissions import books, payouts
from commissions.models import Payout, PayoutAttempt, PayoutNotice
from commissions.payouts import sending
from commissions.providers import Answer, Result, alipay, wechat
from tests.commissions.alipay_double import AlipayDouble
from tests.commissions.channels import both, earner_of
from tests.commissions.money_out import AT, approved, cash, checker, money_of
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


def refused_as_not_paid(payout: Payout, at: datetime) -> bool:
    """Whether a checker's "not paid" is refused because the channel may still pay."""
    try:
        payouts.resolve(number=payout.number, by=checker(), paid=False, reason="seen", at=at)
    except payouts.MayStillPay:
        return True
    return False


def test_not_paid_is_refused_while_the_channel_may_still_pay(
    doubles: dict[str, WeChatDouble | AlipayDouble],
) -> None:
    """The payee has a day to confirm: money given back before that would be paid twice."""
    double = doubles["wechat"]
    assert isinstance(double, WeChatDouble)
    double.becomes = "WAIT_USER_CONFIRM"
    payout = sent("wechat")
    for hours in (0, 1, 23):
        payouts.reconcile_payouts(at=AT + hours * HOUR)
        assert refused_as_not_paid(payout, AT + hours * HOUR)
        assert told(payout) == ("unknown", (9_000, 1_000), 0)
    double.faults = ["lost"]  # silence after "it waits" takes nothing back
    payouts.reconcile_payouts(at=AT + 24 * HOUR)
    assert payout.attempts.latest("id").answer["result"] == "unclear"
    assert refused_as_not_paid(payout, AT + 25 * HOUR)
    double.confirm(payout.number)
    assert payouts.reconcile_payouts(at=AT + 26 * HOUR) == 1
    assert told(payout) == ("paid", (9_000, 0), 1_000)


def test_not_paid_is_refused_before_the_window_and_while_a_question_is_open(
    doubles: dict[str, WeChatDouble | AlipayDouble],
) -> None:
    """A worker may still be making the call, or be told "paid" at this moment; one that died
    keeps nobody waiting for longer than the window."""
    doubles["alipay"].faults = ["down"]
    payout = sent("alipay")
    assert refused_as_not_paid(payout, AT + 29 * MINUTE)
    asked = PayoutAttempt.objects.create(payout=payout, kind="query", started_at=AT + HOUR)
    assert refused_as_not_paid(payout, AT + HOUR + MINUTE)
    assert told(payout) == ("unknown", (9_000, 1_000), 0)
    assert not refused_as_not_paid(payout, asked.started_at + 31 * MINUTE)
    assert told(payout) == ("failed", (10_000, 0), 0)


def test_a_channel_that_is_silent_for_days_after_processing_leaves_it_to_a_person(
    doubles: dict[str, WeChatDouble | AlipayDouble],
) -> None:
    double = doubles["alipay"]
    double.becomes = "DEALING"
    payout = sent("alipay")
    assert refused_as_not_paid(payout, AT + 71 * HOUR)
    assert not refused_as_not_paid(payout, AT + 73 * HOUR)
    assert told(payout) == ("failed", (10_000, 0), 0)


def test_who_is_ended_by_a_person_is_asked_about_no_more(
    doubles: dict[str, WeChatDouble | AlipayDouble],
) -> None:
    """The question is put under the payout's lock: first the word, and there is no question."""
    doubles["alipay"].faults = ["down"]
    payout = sent("alipay")
    seen = Payout.objects.select_related("payee").get(pk=payout.pk)
    assert not refused_as_not_paid(payout, AT + HOUR)
    assert sending._ask(seen, AT + HOUR) is False
    assert payout.attempts.count() == 1


def test_an_answer_against_what_is_booked_is_cried_out_and_named_by_the_books(
    doubles: dict[str, WeChatDouble | AlipayDouble], caplog: pytest.LogCaptureFixture
) -> None:
    """The channel pays a number after all, or says that it never did what a person saw."""
    rule = "no channel has answered the opposite of what is booked"
    for paid, says in ((False, Result.PAID), (True, Result.FAILED)):
        doubles["alipay"].faults = ["down"]
        payout = sent("alipay")
        by, at = checker(), AT + HOUR
        payouts.resolve(number=payout.number, by=by, paid=paid, reason="seen", at=at)
        before = told(payout)
        assert rule not in {one.name for one in books.check(at=at)}
        attempt = PayoutAttempt.objects.create(payout=payout, kind="query", started_at=at)
        seen = Payout.objects.select_related("payee").get(pk=payout.pk)
        with caplog.at_level("ERROR", logger="commissions.payouts.sending"):
            sending._settle(seen, attempt, Answer(says), at)
        assert told(payout) == before
        error = f"payout {payout.number} is {payout.status} with us, the channel says {says}"
        assert error in [row.getMessage() for row in caplog.records]
        (finding,) = [one for one in books.check(at=at) if one.name == rule]
        assert {row["payout"] for row in finding.rows} == {payout.number}
        PayoutAttempt.objects.filter(payout=payout).update(outcome="unknown")


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
    for deep in ("[" * 100_000, '{"a":' * 100_000):
        nested = f"notify_id=a&sign=a&biz_content={deep}".encode()
        refused = client.generic("POST", "/v1/payouts/alipay/notices", nested, form)
        assert (refused.status_code, refused.json()["code"]) == (401, "forged_notice")
    assert PayoutNotice.objects.count() == 2


def test_a_channel_that_is_not_configured_takes_no_notice() -> None:
    for path in ("wechat", "alipay"):
        answer = APIClient().generic("POST", f"/v1/payouts/{path}/notices", b"{}")
        assert answer.status_code == 404
