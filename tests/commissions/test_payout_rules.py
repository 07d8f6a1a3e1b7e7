"""Payout rules: fee, windows, limits, two checkers, holds. K5, K6."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from backend.core.clock import now
from backend.core.errors import NotAllowed, WrongState
from backend.core.models import AuditEntry
from commissions import books, payout_rules, payouts
from commissions.models import Payout, PayoutRule
from commissions.payout_rules import Window
from tests.cast import Person
from tests.commissions.money_out import (
    AT,
    CARD,
    checker,
    credit,
    earner,
    maker,
    money_of,
    officer,
    payee,
)
from tests.commissions.ruled import rule

URL = "/v1/me/payout-rules"
SHANGHAI = "Asia/Shanghai"


# ---------------------------------------------------------------- fee and minimum
@pytest.mark.parametrize(
    ("fields", "amount", "fee"),
    [
        ({}, 10_000, 0),
        ({"fee_fen": 150}, 10_000, 150),
        ({"fee_bps": 60}, 10_000, 60),
        ({"fee_fen": 100, "fee_bps": 60}, 10_000, 160),
        ({"fee_bps": 1}, 5_000, 0),  # half a fen, to the even one
        ({"fee_bps": 60, "fee_least_fen": 200}, 10_000, 200),
        ({"fee_bps": 60, "fee_most_fen": 2_500}, 1_000_000, 2_500),
    ],
)
def test_the_fee_is_fixed_part_and_share_between_floor_and_ceiling(
    db: None, fields: dict[str, int], amount: int, fee: int
) -> None:
    rule(**fields)
    assert payout_rules.at(AT).fee_of(amount) == fee


def test_the_least_amount_is_more_than_its_own_fee(db: None) -> None:
    rule(minimum_fen=100, fee_fen=95, fee_bps=1_000, fee_least_fen=50)
    terms = payout_rules.at(AT)
    least = terms.least()
    assert terms.fee_of(least) < least
    assert terms.fee_of(least - 1) >= least - 1


def test_a_rule_holds_from_its_instant_until_the_next_begins(db: None) -> None:
    rule(minimum_fen=500)
    payout_rules.publish(
        by=None, effective_from=AT + timedelta(days=1), note="dearer", at=AT, minimum_fen=900
    )
    found = [payout_rules.at(AT + timedelta(hours=hours)).minimum_fen for hours in (-1, 0, 23, 24)]
    assert found == [100, 500, 500, 900]
    assert payout_rules.newest().minimum_fen == 900


def test_the_payout_keeps_the_rule_it_was_asked_under(db: None) -> None:
    account = earner(100_000)
    first = rule(fee_fen=100, second_over_fen=50_000)
    payout = payouts.request(account=account, amount_fen=60_000, at=AT)
    rule(AT + timedelta(hours=1), fee_fen=900)
    payout.refresh_from_db()
    assert (payout.rule, payout.fee_fen, payout.needs_second) == (first, 100, True)


@pytest.mark.parametrize(
    "fields",
    [
        {"zone": "Mars/Olympus"},
        {"request_weekdays": [0]},
        {"send_month_days": [32]},
        {"request_from": 600, "request_to": 600},
        {"fee_least_fen": 10, "fee_most_fen": 9},
        {"effective_from": AT - timedelta(seconds=1)},
        {"note": " "},
        {"person_daily_count": 0},
        {"fee_bps": 5_001},
    ],
)
def test_a_rule_that_cannot_hold_is_refused(db: None, fields: dict[str, Any]) -> None:
    given = {"effective_from": AT, "note": "x", **fields}
    with pytest.raises(payout_rules.RuleNotPossible):
        payout_rules.publish(by=None, at=AT, **given)
    assert not PayoutRule.objects.exists()


def test_rules_are_published_with_a_right_and_never_edited(db: None) -> None:
    with pytest.raises(NotAllowed):
        payout_rules.publish(by=maker(), effective_from=AT, note="x", at=AT)
    by = officer("publish_payoutrule")
    made = payout_rules.publish(by=by, effective_from=AT, note="x", at=AT, fee_fen=7)
    with pytest.raises(payout_rules.RuleTaken):
        payout_rules.publish(by=by, effective_from=AT, note="x", at=AT)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.data["before"], entry.data["after"]["fee_fen"]) == (by, {}, 7)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        PayoutRule.objects.filter(pk=made.pk).update(fee_fen=8)


# ---------------------------------------------------------------- windows
def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


OFFICE = Window(SHANGHAI, (1, 2, 3, 4, 5), (), 9 * 60, 18 * 60)


@pytest.mark.parametrize(
    ("window", "instant", "opens"),
    [
        (OFFICE, "2026-11-20T09:59:59", "2026-11-20T09:59:59"),  # Friday 17:59:59 there
        (OFFICE, "2026-11-20T10:00:00", "2026-11-23T01:00:00"),  # 18:00 is no more in it
        (OFFICE, "2026-11-22T16:00:00", "2026-11-23T01:00:00"),
        (Window(SHANGHAI, (), (1, 15)), "2026-11-14T16:00:00", "2026-11-14T16:00:00"),
        (Window(SHANGHAI, (), (1, 15)), "2026-11-15T16:00:00", "2026-11-30T16:00:00"),
        (Window(SHANGHAI, (), (0,)), "2027-02-01T00:00:00", "2027-02-27T16:00:00"),
        # Summer time begins: 9:00 on the wall comes an hour earlier.
        (
            Window("Europe/Berlin", (7,), (), 540, 600),
            "2027-03-22T00:00:00",
            "2027-03-28T07:00:00",
        ),
    ],
)
def test_a_window_opens_by_the_clock_on_its_wall(window: Window, instant: str, opens: str) -> None:
    found = window.next_open(at(instant))
    assert found == at(opens)
    assert window.is_open(found)
    assert window.is_open(at(instant)) is (instant == opens)


def test_outside_the_window_nothing_is_asked_for_and_the_answer_says_when(linda: Person) -> None:
    credit(linda.account, 5_000)
    payee(linda.account)
    rule(request_weekdays=[1], request_from=540, request_to=600)
    with pytest.raises(payouts.WindowClosed) as refused:
        payouts.request(account=linda.account, amount_fen=1_000, at=AT)
    assert refused.value.extra == {"next_at": "2026-11-23T01:00:00+00:00"}
    assert money_of(linda.account) == (5_000, 0)
    opens = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    payouts.request(account=linda.account, amount_fen=1_000, at=opens)
    assert money_of(linda.account) == (4_000, 1_000)


def _approved(amount: int = 1_000, **where: str) -> Payout:
    payout = payouts.request(account=earner(10_000, **where), amount_fen=amount, at=AT)
    payouts.prepare(number=payout.number, by=maker(), at=AT)
    return payouts.approve(number=payout.number, by=checker(), at=AT)


def test_what_is_approved_outside_the_sending_window_waits_for_it(db: None) -> None:
    rule(send_weekdays=[1], send_from=540, send_to=600)
    opens = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    called, banked = _approved(), _approved(number=CARD, provider="bank_file")
    assert {called.send_from, banked.send_from} == {opens}
    assert payouts.send_payouts(at=AT + timedelta(hours=1)) == 0
    with pytest.raises(payouts.NothingToBatch):
        payouts.build_batch(by=maker(), at=AT)
    late = "no money waits ten minutes for a job that gives it back or sends it"
    assert late not in {one.name for one in books.check(at=opens - timedelta(hours=1))}
    # The worker slept: an hour later the window is shut, and what waited waits for the next one.
    assert payouts.send_payouts(at=opens + timedelta(hours=2)) == 0
    called.refresh_from_db()
    assert called.send_from == opens + timedelta(days=7)
    assert payouts.send_payouts(at=called.send_from) == 1
    assert payouts.build_batch(by=maker(), at=called.send_from).payouts_count == 1


# ---------------------------------------------------------------- limits of a day
def test_a_person_asks_for_no_more_than_the_day_allows(db: None) -> None:
    rule(person_daily_count=2, person_daily_fen=3_000)
    account = earner(10_000)
    payouts.request(account=account, amount_fen=2_000, at=AT)
    with pytest.raises(payouts.DailyLimit) as refused:
        payouts.request(account=account, amount_fen=1_001, at=AT)
    assert refused.value.extra == {
        "left_count": 1,
        "left_fen": 1_000,
        "next_at": "2026-11-22T16:00:00+00:00",
    }
    second = payouts.request(account=account, amount_fen=1_000, at=AT)
    with pytest.raises(payouts.DailyLimit):
        payouts.request(account=account, amount_fen=100, at=AT)
    # What came back does not count; tomorrow begins at midnight there.
    payouts.cancel(account=account, number=second.number, at=AT)
    payouts.request(account=account, amount_fen=500, at=AT)
    payouts.request(account=account, amount_fen=3_000, at=AT + timedelta(hours=12))
    assert money_of(account) == (4_500, 5_500)


def test_all_together_ask_for_no_more_than_the_market_allows(db: None) -> None:
    rule(market_daily_fen=3_000)
    payouts.request(account=earner(), amount_fen=2_000, at=AT)
    other = earner()
    with pytest.raises(payouts.MarketLimit):
        payouts.request(account=other, amount_fen=1_001, at=AT)
    assert money_of(other) == (10_000, 0)
    payouts.request(account=other, amount_fen=1_000, at=AT)


# ---------------------------------------------------------------- two checkers
def test_over_the_limit_three_people_agree(db: None) -> None:
    rule(second_over_fen=4_999)
    account = earner()
    small = payouts.request(account=account, amount_fen=4_999, at=AT)
    large = payouts.request(account=account, amount_fen=5_000, at=AT)
    first, second = checker(), checker()
    both = officer("prepare_payout", "approve_payout")
    for payout in (small, large):
        payouts.prepare(number=payout.number, by=both, at=AT)
    assert payouts.approve(number=small.number, by=first, at=AT).status == "approved"
    assert payouts.approve(number=large.number, by=first, at=AT).status == "checked"
    with pytest.raises(payouts.SameChecker):
        payouts.approve(number=large.number, by=first, at=AT)
    with pytest.raises(payouts.SamePerson):
        payouts.approve(number=large.number, by=both, at=AT)
    assert payouts.send_payouts(at=AT) == 1
    done = payouts.approve(number=large.number, by=second, at=AT)
    assert (done.status, done.checked_by, done.approved_by) == ("approved", first, second)
    acts = AuditEntry.objects.filter(target_id=str(large.pk)).order_by("id")
    assert list(acts.values_list("action", flat=True)) == [
        "payout.prepare",
        "payout.check",
        "payout.approve",
    ]


def test_the_table_itself_asks_for_three_people(db: None) -> None:
    rule(second_over_fen=0)
    account = earner()
    payout = payouts.request(account=account, amount_fen=1_000, at=AT)
    who, one, two = maker(), checker(), checker()
    payouts.prepare(number=payout.number, by=who, at=AT)
    row = Payout.objects.filter(pk=payout.pk)
    for name, changes in {
        "payout_second_checker": {"status": "approved", "approved_by": one},
        "payout_six_eyes": {"status": "approved", "checked_by": one, "approved_by": one},
        "payout_six_eyes ": {"status": "checked", "checked_by": who},
        "payout_six_eyes  ": {"status": "checked", "checked_by": account},
        "payout_maker_not_payee": {"prepared_by": account},
        "payout_held": {"held_at": AT, "held_by": one},
        "never changes": {"tax_fen": 1},
        "never changes ": {"needs_second": False},
    }.items():
        with pytest.raises(IntegrityError, match=name.strip()), transaction.atomic():
            row.update(**changes)
    row.update(status="approved", checked_by=one, approved_by=two)
    copy = Payout(number="P0", account=account, payee=payout.payee, amount_fen=9, requested_at=AT)
    copy.tax_fen = 9
    with pytest.raises(IntegrityError, match="payout_something_arrives"), transaction.atomic():
        copy.save(force_insert=True)


def test_a_payout_checked_once_is_rejected_like_any_other(db: None) -> None:
    rule(second_over_fen=0)
    account = earner()
    payout = payouts.request(account=account, amount_fen=1_000, at=AT)
    payouts.prepare(number=payout.number, by=maker(), at=AT)
    payouts.approve(number=payout.number, by=checker(), at=AT)
    payouts.reject(number=payout.number, by=checker(), reason="no", at=AT)
    assert money_of(account) == (10_000, 0)


# ---------------------------------------------------------------- holds
def test_what_is_held_goes_nowhere_until_it_is_released(db: None) -> None:
    account = earner()
    payout = payouts.request(account=account, amount_fen=1_000, at=AT)
    by, who = officer("hold_payout"), maker()
    with pytest.raises(NotAllowed):
        payouts.hold(number=payout.number, by=who, reason="why", at=AT)
    with pytest.raises(payouts.ReasonMissing):
        payouts.hold(number=payout.number, by=by, reason=" ", at=AT)
    payouts.hold(number=payout.number, by=by, reason="name differs", at=AT)
    with pytest.raises(WrongState):
        payouts.hold(number=payout.number, by=by, reason="again", at=AT)
    with pytest.raises(payouts.PayoutHeld):
        payouts.prepare(number=payout.number, by=who, at=AT)
    with pytest.raises(payouts.PayoutHeld):
        payouts.cancel(account=account, number=payout.number, at=AT)
    payouts.release(number=payout.number, by=by, reason="seen the card", at=AT)
    payouts.prepare(number=payout.number, by=who, at=AT)
    payouts.approve(number=payout.number, by=checker(), at=AT)
    payouts.hold(number=payout.number, by=by, reason="the bank called", at=AT)
    assert payouts.send_payouts(at=AT + timedelta(hours=1)) == 0
    late = "no money waits ten minutes for a job that gives it back or sends it"
    assert late not in {one.name for one in books.check(at=AT + timedelta(hours=1))}
    payouts.release(number=payout.number, by=by, reason="called back", at=AT)
    assert payouts.send_payouts(at=AT) == 1
    with pytest.raises(WrongState):
        payouts.hold(number=payout.number, by=by, reason="late", at=AT)
    held = AuditEntry.objects.filter(action__in=["payout.hold", "payout.release"])
    assert list(held.order_by("id").values_list("reason", flat=True)) == [
        "name differs",
        "seen the card",
        "the bank called",
        "called back",
    ]


def test_a_held_payout_can_be_rejected_and_nobody_holds_their_own(db: None) -> None:
    account = earner()
    payout = payouts.request(account=account, amount_fen=1_000, at=AT)
    payouts.hold(number=payout.number, by=officer("hold_payout"), reason="why", at=AT)
    payouts.reject(number=payout.number, by=checker(), reason="no", at=AT)
    assert money_of(account) == (10_000, 0)
    own = officer("hold_payout")
    credit(own, 5_000)
    payee(own)
    mine = payouts.request(account=own, amount_fen=1_000, at=AT)
    with pytest.raises(payouts.OwnPayout):
        payouts.hold(number=mine.number, by=own, reason="x", at=AT)


def test_an_approved_payout_is_rejected_only_while_it_is_held(db: None) -> None:
    """Fraud seen after the approval: the money must not stay in transit for ever."""
    payout = _approved()
    with pytest.raises(WrongState):
        payouts.reject(number=payout.number, by=checker(), reason="no", at=AT)
    assert money_of(payout.account) == (9_000, 1_000)
    payouts.hold(number=payout.number, by=officer("hold_payout"), reason="stolen", at=AT)
    done = payouts.reject(number=payout.number, by=checker(), reason="stolen card", at=AT)
    assert (done.status, done.held_at, done.finished_at) == ("rejected", None, AT)
    assert money_of(payout.account) == (10_000, 0)
    assert payouts.send_payouts(at=AT) == 0
    broken = {one.name for one in books.check(at=AT)}
    assert not {name for name in broken if name.startswith("a payout's")}


def test_a_wider_sending_rule_frees_what_waits_for_the_old_one(db: None) -> None:
    """Sent on the 15th, approved on the 22nd: with "every day" published it goes out today."""
    rule(send_month_days=[15])
    called, banked = _approved(), _approved(number=CARD, provider="bank_file")
    assert called.send_from == datetime(2026, 12, 14, 16, 0, tzinfo=UTC)
    assert payouts.send_payouts(at=AT) == 0
    wider = AT + timedelta(hours=1)
    rule(wider)
    assert payouts.send_payouts(at=wider) == 1
    assert payouts.build_batch(by=maker(), at=wider).payouts_count == 1
    for payout in (called, banked):
        payout.refresh_from_db()
        assert payout.send_from == wider


# ---------------------------------------------------------------- REST
def test_a_promoter_is_told_what_holds_for_them(linda: Person) -> None:
    credit(linda.account, 5_000)
    payee(linda.account)
    body = linda.client.get(URL).json()
    assert (body["minimum_fen"], body["available_fen"], body["quote"]) == (100, 5_000, None)
    assert body["left_today"]["count"] is None
    at = now()
    rule(
        at, minimum_fen=200, fee_fen=50, fee_bps=100, person_daily_fen=4_000,
        person_daily_count=3, market_daily_fen=9_000,
    )  # fmt: skip
    payouts.request(account=linda.account, amount_fen=1_000, at=at)
    body = linda.client.get(f"{URL}?amount_fen=2000").json()
    assert body["quote"] == {"amount_fen": 2_000, "fee_fen": 70, "tax_fen": 0, "net_fen": 1_930}
    left = body["left_today"]
    assert (left["count"], left["fen"], left["market_fen"]) == (2, 3_000, 8_000)
    assert body["fee"] == {"fixed_fen": 50, "bps": 100, "least_fen": 0, "most_fen": None}
    low = linda.client.get(f"{URL}?amount_fen=199").json()
    assert (low["quote"], low["quote_refused"]) == (None, "below_minimum")
    assert linda.client.get(f"{URL}?amount_fen=x").status_code == 400
