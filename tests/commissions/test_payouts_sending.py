"""Sending: at most once for life, and an unknown result is asked, never guessed (K5, K6)."""

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.db import transaction
from pytest_django import Settings

from backend.core.errors import NotAllowed, WrongState
from backend.core.models import AuditEntry
from commissions import payouts
from commissions.models import Journal, Payout, PayoutAttempt, SandboxTransfer
from commissions.providers import CHANNELS, Answer, ChannelTimeout, Result, Transfer
from tests.commissions.money_out import (
    AT,
    CARD,
    DUPLICATE,
    FAIL,
    LOST,
    OK,
    PAID_LATE,
    SLOW,
    WRONG,
    approved,
    cash,
    checker,
    earner,
    maker,
    money_of,
)

MINUTE = timedelta(minutes=1)


def sent(number: str) -> Payout:
    """A payout of 1,000 to somebody with this account number, sent."""
    payout = approved(earner(number=number))
    payouts.send_payouts(at=AT)
    payout.refresh_from_db()
    return payout


@pytest.mark.parametrize("number", [OK, DUPLICATE])
def test_a_payout_is_sent_and_booked_once(db: None, number: str) -> None:
    payout = sent(number)
    assert (payout.status, payout.finished_at) == ("paid", AT)
    assert money_of(payout.account) == (9_000, 0)
    assert cash() == 1_000
    assert payouts.send_payouts(at=AT) == 0
    attempt = PayoutAttempt.objects.get()
    assert (attempt.kind, attempt.outcome) == ("send", "paid")
    assert SandboxTransfer.objects.get().calls == 1


def test_the_fee_stays_with_the_platform(db: None, settings: Settings) -> None:
    settings.PAYOUT_FEE_FEN = 150
    payout = sent(OK)
    assert SandboxTransfer.objects.get(number=payout.number).amount_fen == 850
    assert money_of(payout.account) == (9_000, 0)
    assert cash() == 850


def test_what_the_channel_refuses_comes_back(db: None) -> None:
    payout = sent(FAIL)
    assert (payout.status, payout.reason) == ("failed", "channel: ACCOUNT_CLOSED")
    assert money_of(payout.account) == (10_000, 0)
    assert cash() == 0


def test_an_answer_that_got_lost_is_asked_for_under_the_same_number(db: None) -> None:
    payout = sent(PAID_LATE)
    assert payout.status == "unknown"
    assert money_of(payout.account) == (9_000, 1_000)
    assert payouts.send_payouts(at=AT + MINUTE) == 0
    assert payouts.reconcile_payouts(at=AT + MINUTE) == 1
    payout.refresh_from_db()
    assert payout.status == "paid"
    assert (money_of(payout.account), cash()) == ((9_000, 0), 1_000)
    assert SandboxTransfer.objects.get().number == payout.number
    assert SandboxTransfer.objects.get().calls == 1
    assert set(PayoutAttempt.objects.values_list("kind", "outcome")) == {
        ("send", "paid"),
        ("query", "paid"),
    }


def test_not_found_is_not_failed_before_the_window_has_passed(db: None) -> None:
    payout = sent(LOST)
    for minutes in (1, 3, 6, 9):
        assert payouts.reconcile_payouts(at=AT + minutes * MINUTE) == 0
        payout.refresh_from_db()
        assert (payout.status, money_of(payout.account)) == ("unknown", (9_000, 1_000))
    assert payouts.reconcile_payouts(at=AT + timedelta(hours=1)) == 1
    payout.refresh_from_db()
    assert (payout.status, payout.reason) == ("failed", "channel: VOIDED")
    assert money_of(payout.account) == (10_000, 0)


def test_a_worker_that_wakes_after_the_window_finds_its_number_voided(db: None) -> None:
    """The money is back with the person: the late call must not pay."""
    payout = sent(LOST)
    payouts.reconcile_payouts(at=AT + timedelta(hours=1))
    transfer = Transfer(payout.number, 1_000, "李小鱼", OK)
    assert CHANNELS["sandbox"].send(transfer, at=AT).result is Result.FAILED
    assert SandboxTransfer.objects.get().state == "failed"
    assert (money_of(payout.account), cash()) == ((10_000, 0), 0)


def test_a_slow_channel_is_asked_until_it_knows(db: None) -> None:
    payout = sent(SLOW)
    assert payout.status == "unknown"
    assert payouts.reconcile_payouts(at=AT + timedelta(seconds=40)) == 0
    assert payouts.reconcile_payouts(at=AT + 3 * MINUTE) == 1
    payout.refresh_from_db()
    assert (payout.status, money_of(payout.account)) == ("paid", (9_000, 0))


def test_a_channel_is_asked_less_and_less_often(db: None) -> None:
    sent(WRONG)
    for seconds in range(0, 3_600, 10):
        payouts.reconcile_payouts(at=AT + timedelta(seconds=seconds))
    assert PayoutAttempt.objects.filter(kind="query").count() == 6


def test_another_amount_than_ours_waits_for_a_person(db: None) -> None:
    payout = sent(WRONG)
    assert payouts.reconcile_payouts(at=AT + timedelta(hours=1)) == 0
    payout.refresh_from_db()
    assert payout.status == "unknown"
    assert payout.reason == "the channel paid 999 fen instead of 1000"
    assert money_of(payout.account) == (9_000, 1_000)


@pytest.mark.parametrize(("paid", "after"), [(True, (9_000, 0)), (False, (10_000, 0))])
def test_a_person_with_evidence_ends_an_unknown_payout(
    db: None, paid: bool, after: tuple[int, int]
) -> None:
    payout, at = sent(WRONG), AT + timedelta(hours=1)
    with pytest.raises(NotAllowed):
        payouts.resolve(number=payout.number, by=maker(), paid=paid, reason="x", at=at)
    with pytest.raises(payouts.ReasonMissing):
        payouts.resolve(number=payout.number, by=checker(), paid=paid, reason="", at=at)
    by = checker()
    payouts.resolve(number=payout.number, by=by, paid=paid, reason="statement 17", at=at)
    assert money_of(payout.account) == after
    assert cash() == (1_000 if paid else 0)
    entry = AuditEntry.objects.get(action="payout.resolve")
    assert (entry.actor, entry.reason, entry.data["paid"]) == (by, "statement 17", paid)
    with pytest.raises(WrongState):
        payouts.resolve(number=payout.number, by=by, paid=paid, reason="twice", at=at)
    assert money_of(payout.account) == after


class Died(BaseException):
    """The worker is gone: nothing after this line runs."""


@pytest.mark.parametrize("moment", ["before the call", "after the call"])
def test_a_worker_that_dies_around_the_call_never_sends_twice(
    db: None, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    payout = approved(earner())
    channel = CHANNELS["sandbox"]
    real = channel.send

    def dies(*args: object, **kwargs: object) -> Answer:
        if moment == "after the call":
            real(*args, **kwargs)  # type: ignore[arg-type]
        raise Died

    monkeypatch.setattr(channel, "send", dies)
    with pytest.raises(Died):
        payouts.send_payouts(at=AT)
    monkeypatch.undo()
    payout.refresh_from_db()
    assert payout.status == "sending"
    assert PayoutAttempt.objects.get().outcome == "pending"
    assert payouts.send_payouts(at=AT + MINUTE) == 0
    assert payouts.reconcile_payouts(at=AT + MINUTE) == 0, "the call may still be running"
    assert PayoutAttempt.objects.count() == 1
    payouts.reconcile_payouts(at=AT + timedelta(minutes=3))
    payout.refresh_from_db()
    if moment == "after the call":
        assert (payout.status, money_of(payout.account), cash()) == ("paid", (9_000, 0), 1_000)
    else:
        assert (payout.status, money_of(payout.account)) == ("unknown", (9_000, 1_000))
        payouts.reconcile_payouts(at=AT + timedelta(hours=1))
        assert (money_of(payout.account), cash()) == ((10_000, 0), 0)


def test_a_client_that_breaks_leaves_the_result_unknown(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    payout = approved(earner())
    monkeypatch.setattr(CHANNELS["sandbox"], "send", lambda *a, **k: 1 // 0)
    assert payouts.send_payouts(at=AT) == 1
    payout.refresh_from_db()
    assert (payout.status, payout.reason) == ("unknown", "channel: ZeroDivisionError")
    assert money_of(payout.account) == (9_000, 1_000)


def test_a_channel_that_does_not_answer_a_query_is_asked_again(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    payout = sent(PAID_LATE)

    def silent(number: str, at: object) -> Answer:
        raise ChannelTimeout

    monkeypatch.setattr(CHANNELS["sandbox"], "query", silent)
    assert payouts.reconcile_payouts(at=AT + timedelta(hours=2)) == 0
    monkeypatch.undo()
    assert payouts.reconcile_payouts(at=AT + timedelta(hours=3)) == 1
    assert money_of(payout.account) == (9_000, 0)


@pytest.mark.django_db(transaction=True)
def test_the_channel_is_never_called_inside_a_transaction() -> None:
    approved(earner())
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        payouts.send_payouts(at=AT)
    assert not SandboxTransfer.objects.exists()
    assert not PayoutAttempt.objects.exists()


def test_bank_accounts_wait_for_their_file(db: None) -> None:
    payout = approved(earner(number=CARD, provider="bank_file"))
    assert payouts.send_payouts(at=AT) == 0
    payout.refresh_from_db()
    assert payout.status == "approved"
    assert not Journal.objects.filter(kind=Journal.Kind.PAYOUT_PAID).exists()


def test_a_payee_that_cannot_be_read_stays_approved_and_the_others_are_sent(
    db: None, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """A key was dropped too early: nothing is claimed that cannot be sent, and once the key is
    back the payout goes out as if nothing had been."""
    key, other = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_KEYS = [key]
    lost = approved(earner())
    banked = approved(earner(number=CARD, provider="bank_file"))
    settings.FIELD_KEYS = [other]
    fine = [approved(earner()) for _ in range(2)]
    card = approved(earner(number=CARD, provider="bank_file"))
    with caplog.at_level("ERROR", logger="commissions.payouts.sending"):
        assert payouts.send_payouts(at=AT) == 2
    (said,) = [row.getMessage() for row in caplog.records]
    assert said == f"1 payouts wait for a payee that cannot be read with FIELD_KEYS: {lost.number}"
    batch = payouts.build_batch(by=maker(), at=AT)
    assert list(batch.payouts.all()) == [card]
    with pytest.raises(payouts.NothingToBatch, match="FIELD_KEYS"):
        payouts.build_batch(by=maker(), at=AT)
    assert set(Payout.objects.filter(pk__in=[one.pk for one in fine]).values_list("status")) == {
        ("paid",)
    }
    for payout in (lost, banked):
        payout.refresh_from_db()
        assert (payout.status, payout.attempts.count()) == ("approved", 0)
        assert money_of(payout.account) == (9_000, 1_000)
    assert payouts.send_payouts(at=AT) == 0
    settings.FIELD_KEYS = [other, key]
    assert payouts.send_payouts(at=AT) == 1
    assert payouts.build_batch(by=maker(), at=AT).payouts_count == 1
    assert money_of(lost.account) == (9_000, 0)
