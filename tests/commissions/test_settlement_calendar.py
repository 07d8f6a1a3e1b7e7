"""Settlement by calendar: dated rules, half-open periods, late runs, re-stating (X4, X9, I10)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from backend.core.errors import NotFound, WrongState
from backend.core.models import AuditEntry
from commissions import accruals, books, calendars, periods, restating, settlement
from commissions.books import waiting_rules
from commissions.calendars import BadSettlementRule, SettlementRuleTooEarly
from commissions.models import (
    CommissionOrder,
    Entry,
    Restatement,
    RestatementLine,
    SettlementPeriod,
    SettlementRule,
    SettlementRun,
)
from commissions.restating import Payee, RestatementReasonMissing
from seeds.factories import PromoterFactory, PromotionLinkFactory, ShopFactory, SkuFactory
from tests.cast import Person
from tests.commissions import sales
from tests.commissions.sales import fen_of

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)  # a Sunday, noon in Shanghai
DAY = timedelta(days=1)
DUE = AT + 7 * DAY
SHANGHAI = "Asia/Shanghai"
base = pytest.mark.django_db


# ---------------------------------------------------------------- periods, without a database
BERLIN, SAO, APIA = "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia"


@pytest.mark.parametrize(
    ("cadence", "zone", "at", "label", "from_at", "to_at"),
    [
        ("daily", SHANGHAI, "2026-11-01T15:59", "2026-11-01", "2026-10-31T16", "2026-11-01T16"),
        ("daily", SHANGHAI, "2026-11-01T16:00", "2026-11-02", "2026-11-01T16", "2026-11-02T16"),
        ("weekly", SHANGHAI, "2026-11-01T15:59", "2026-W44", "2026-10-25T16", "2026-11-01T16"),
        ("monthly", SHANGHAI, "2026-12-31T16:00", "2027-01", "2026-12-31T16", "2027-01-31T16"),
        ("rolling", SHANGHAI, "2026-12-31T15:59", "2026-12", "2026-11-30T16", "2026-12-31T16"),
        # summer time begins and ends: a day of 23 hours, and one of 25
        ("daily", BERLIN, "2026-03-29T12:00", "2026-03-29", "2026-03-28T23", "2026-03-29T22"),
        ("daily", BERLIN, "2026-10-25T12:00", "2026-10-25", "2026-10-24T22", "2026-10-25T23"),
        # no midnight at all: the clock went from 24:00 to 01:00
        ("daily", SAO, "2018-11-04T12:00", "2018-11-04", "2018-11-04T03", "2018-11-05T02"),
        # a whole day left out: 30 December 2011 was not
        ("daily", APIA, "2011-12-30T09:00", "2011-12-29", "2011-12-29T10", "2011-12-30T10"),
    ],
)
def test_a_period_is_told_in_civil_time(
    cadence: str, zone: str, at: str, label: str, from_at: str, to_at: str
) -> None:
    found = periods.span(cadence, zone, _utc(at))
    assert found == (label, _utc(from_at), _utc(to_at))


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text if ":" in text else f"{text}:00").replace(tzinfo=UTC)


ZONES = [SHANGHAI, "Europe/Berlin", "America/Sao_Paulo", "America/Havana", "Pacific/Apia",
         "Asia/Beirut", "Australia/Lord_Howe", "UTC"]  # fmt: skip


@effort(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    cadence=st.sampled_from(["daily", "weekly", "monthly", "rolling"]),
    second=st.integers(0, 50 * 366 * 86_400),
)
def test_every_instant_lies_in_one_period_and_the_next_begins_where_it_ends(
    zone: str, cadence: str, second: int
) -> None:
    """Half-open, without gap and overlap, across every change of summer time (I10)."""
    at = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    _, from_at, to_at = found = periods.span(cadence, zone, at)
    assert from_at <= at < to_at
    assert periods.span(cadence, zone, from_at) == found
    assert periods.span(cadence, zone, to_at - timedelta(microseconds=1)) == found
    assert periods.span(cadence, zone, to_at).from_at == to_at


# ---------------------------------------------------------------- a world
def matured(count: int = 1, at: datetime = AT, sku: Any = None) -> list[Any]:
    """Received lines of 100.00 at 20 % through one promoter's link; they mature 7 days after."""
    sku = sku or SkuFactory.create()
    link = PromotionLinkFactory.create(target_id=sku.product_id)
    lines = [
        sales.sale(at=at, sku=sku, price_fen=10_000, referral_code=link.code) for _ in range(count)
    ]
    for line in lines:
        sales.receive(line, at)
        line.promoter = link.promoter
    accruals.reconcile_orders([line.order_id for line in lines], at=at)
    return lines


def rule(cadence: str, starts_on: date, zone: str = SHANGHAI, **more: Any) -> SettlementRule:
    fields = {"by": None, "settle_days": 0, "at": datetime(2026, 9, 1, tzinfo=UTC), **more}
    return calendars.set_rule(cadence=cadence, starts_on=starts_on, zone=zone, **fields)


# ---------------------------------------------------------------- rules
@base
def test_without_a_rule_an_order_settles_by_itself_and_its_period_is_the_month(
    settings: Any,
) -> None:
    (line,) = matured()
    run = settlement.settle_due(at=DUE)
    assert run is not None
    assert run.period is not None
    assert (run.period.label, run.period.zone, run.late) == ("2026-11", SHANGHAI, False)
    assert (run.period.from_at, run.period.to_at) == (_utc("2026-10-31T16"), _utc("2026-11-30T16"))
    assert (run.period.rule.cadence, run.period.rule.settle_days) == ("rolling", 0)
    settings.BUSINESS_ZONE = "Europe/Berlin"
    matured(at=AT + DAY)
    again = settlement.settle_due(at=DUE + DAY)
    assert again is not None
    assert again.period == run.period, "the setting moves no period"
    assert line.promoter.account_id


@base
def test_a_monthly_rule_settles_when_the_month_is_over_and_its_days_are(staff: Person) -> None:
    rule("monthly", date(2026, 10, 1), settle_days=3, by=staff.account)
    matured()
    due = _utc("2026-12-03T16")  # the midnight in Shanghai three days after the month
    assert settlement.settle_due(at=due - timedelta(microseconds=1)) is None
    run = settlement.settle_due(at=due)
    assert run is not None
    assert run.period is not None
    assert (run.orders, run.period.label) == (1, "2026-11")
    entry = AuditEntry.objects.get(action="settlement_rule.set")
    assert (entry.actor_id, entry.data["cadence"]) == (staff.account.pk, "monthly")


@base
def test_the_audit_waits_as_long_as_the_calendar_and_no_longer() -> None:
    """A1: what the month holds back is not forgotten; what the worker has missed is."""
    (waiting,) = [one for one in waiting_rules.RULES if "by its calendar" in one.name]
    rule("monthly", date(2026, 10, 1), settle_days=3)
    matured()
    due = _utc("2026-12-03T16") + timedelta(minutes=10)
    assert books.check(at=due, rules=[waiting]) == []
    assert len(books.check(at=due + timedelta(microseconds=1), rules=[waiting])) == 1


@base
def test_orders_of_two_days_settle_in_two_runs_each_in_its_own_period() -> None:
    """The last microsecond of a day is in it, its midnight is the next day's."""
    rule("daily", date(2026, 10, 1))
    lines = matured(2)
    edge = _utc("2026-11-08T16")
    for line, at in zip(lines, (edge - timedelta(microseconds=1), edge), strict=True):
        CommissionOrder.objects.filter(order_line=line).update(matures_at=at)
    settlement.settle_due(at=edge)
    assert [(r.period.label, r.orders) for r in _runs()] == [("2026-11-08", 1)]
    settlement.settle_due(at=edge + DAY)
    assert [(r.period.label, r.orders) for r in _runs()] == [("2026-11-08", 1), ("2026-11-09", 1)]


def _runs() -> list[Any]:
    return list(SettlementRun.objects.select_related("period").order_by("id"))


@base
def test_a_rolling_rule_of_n_days_settles_n_days_after_maturing() -> None:
    rule("rolling", date(2026, 10, 1), settle_days=2)
    matured()
    assert settlement.settle_due(at=DUE + 2 * DAY - timedelta(microseconds=1)) is None
    assert settlement.settle_due(at=DUE + 2 * DAY) is not None


@base
def test_a_shop_settles_by_its_own_rule_and_zone_and_the_others_by_the_markets() -> None:
    own, other = (SkuFactory.create() for _ in range(2))
    shop = own.product.shop
    rule("weekly", date(2026, 10, 5), "Europe/Berlin", shop_id=shop.pk)
    matured(sku=own)
    matured(sku=other)
    assert [
        run.period.shop_id for run in [settlement.settle_due(at=DUE)] if run and run.period
    ] == [None]
    # 8 November is a Sunday: the week ends at midnight in Berlin.
    assert settlement.settle_due(at=_utc("2026-11-08T22:59")) is None
    run = settlement.settle_due(at=_utc("2026-11-08T23"))
    assert run is not None
    assert run.period is not None
    assert (run.period.shop_id, run.period.label) == (shop.pk, "2026-W45")
    assert (run.period.zone, run.orders) == ("Europe/Berlin", 1)


@base
def test_a_new_rule_cuts_the_period_in_which_it_begins() -> None:
    rule("monthly", date(2026, 10, 1))
    rule("weekly", date(2026, 11, 11), "Europe/Berlin")
    market, *_ = calendars.calendars(at=AT)
    cut = _utc("2026-11-10T23")
    assert market.span_at(AT) == ("2026-11", _utc("2026-10-31T16"), cut)
    assert market.span_at(cut) == ("2026-W46", cut, _utc("2026-11-15T23"))


@base
def test_a_rule_begins_in_the_future_and_inside_no_period_that_there_is() -> None:
    rule("monthly", date(2026, 10, 1))
    with pytest.raises(SettlementRuleTooEarly):
        rule("daily", date(2026, 10, 1))
    matured()
    settlement.settle_due(at=_utc("2026-11-30T16"))
    with pytest.raises(SettlementRuleTooEarly) as refused:
        rule("daily", date(2026, 11, 20))
    assert refused.value.extra["earliest"] == "2026-11-30T16:00:00+00:00"
    assert rule("daily", date(2026, 12, 1)).starts_at == _utc("2026-11-30T16")
    assert SettlementRule.objects.count() == 3


@base
@pytest.mark.parametrize(
    "wrong", [{"zone": "Mars/Olympus"}, {"zone": ""}, {"settle_days": 91}, {"cadence": "yearly"}]
)
def test_what_is_no_rule_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadSettlementRule):
        calendars.set_rule(
            **{"cadence": "daily", "zone": SHANGHAI, "settle_days": 0, "by": None, **wrong},
            starts_on=date(2026, 12, 1),
            at=AT,
        )
    with pytest.raises(NotFound):
        rule("daily", date(2026, 12, 1), shop_id=1)
    assert not SettlementRule.objects.filter(cadence="daily").exists()


@base
def test_the_database_refuses_periods_that_overlap_or_move_and_rules_that_change() -> None:
    made = rule("monthly", date(2026, 10, 1))
    market, *_ = calendars.calendars(at=AT)
    period = calendars.period_of(market, AT)
    calendars.period_of(market, AT + 40 * DAY)
    fields = {"rule": made, "label": "x", "zone": SHANGHAI}
    for refused in (
        lambda: SettlementPeriod.objects.create(
            **fields, from_at=period.to_at - DAY, to_at=period.to_at
        ),
        lambda: SettlementPeriod.objects.filter(pk=period.pk).update(to_at=period.to_at - DAY),
        lambda: SettlementPeriod.objects.filter(pk=period.pk).delete(),
        lambda: SettlementRule.objects.filter(pk=made.pk).update(zone="UTC"),
        lambda: SettlementRule.objects.create(
            cadence="daily", zone="UTC", made_at=AT, starts_at=AT + 96 * DAY
        ),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            refused()
    shop = ShopFactory.create()
    there = SettlementPeriod.objects.create(
        **fields, shop=shop, from_at=period.from_at, to_at=period.to_at
    )
    assert there.pk, "a shop's own calendar is another one"


# ---------------------------------------------------------------- closing and re-stating
def closed(lines: int = 2) -> tuple[list[Any], SettlementPeriod]:
    """A closed November with settled lines."""
    made = matured(lines)
    settlement.settle_due(at=DUE)
    restating.close_due(at=_utc("2026-11-30T17"))
    return made, SettlementPeriod.objects.get()


LATER = datetime(2026, 12, 5, tzinfo=UTC)


@base
def test_a_period_closes_an_hour_after_its_end_and_not_while_something_could_settle() -> None:
    matured(2)
    settlement.settle_due(at=DUE, chunk=1, limit=1)
    end = _utc("2026-11-30T17")
    assert restating.close_due(at=end - timedelta(microseconds=1)) == 0
    assert restating.close_due(at=end) == 0, "an order is left"
    settlement.settle_due(at=end)
    assert restating.close_due(at=end) == 1
    assert restating.close_due(at=end + DAY) == 0
    assert SettlementPeriod.objects.get().closed_at == end


@base
def test_a_refund_after_closing_is_restated_once_and_moves_no_money(staff: Person) -> None:
    (line, _), period = closed()
    account = line.promoter.account
    sales.refund(line, 5_000)
    accruals.reconcile_orders([line.order_id], at=DUE + DAY)  # back-dated into the period
    before = Entry.objects.count(), fen_of(account, "available")
    assert restating.progress(period).unstated == 3
    made = restating.restate(period_id=period.pk, by=staff.account, reason="refund", at=LATER)
    assert made is not None
    assert (made.number, made.lines_count, made.amount_fen) == (1, 3, -800 - 250)
    assert (Entry.objects.count(), fen_of(account, "available")) == before
    assert restating.restated(period.pk) == restating.from_scratch(period.pk)
    assert restating.restated(period.pk)[Payee("person", account.pk)] == 3_200 - 800
    commission = CommissionOrder.objects.get(order_line=line)
    told = RestatementLine.objects.filter(restatement=made)
    assert set(told.values_list("commission_id", "run_id")) == {
        (commission.pk, commission.settlement_run_id)
    }
    assert restating.restate(period_id=period.pk, by=None, reason="again", at=LATER) is None
    assert Restatement.objects.count() == 1


@base
def test_what_was_held_settles_in_a_late_run_which_a_restatement_tells(staff: Person) -> None:
    held, _ = matured(2)
    commission = CommissionOrder.objects.get(order_line=held)
    settlement.hold(commission_id=commission.pk, by=staff.account, reason="x", at=AT)
    settlement.settle_due(at=DUE)
    restating.close_due(at=_utc("2026-11-30T17"))
    settlement.release(commission_id=commission.pk, by=staff.account, reason="ok", at=LATER)
    run = settlement.settle_due(at=LATER)
    assert run is not None
    assert run.period is not None
    assert (run.late, run.period.label) == (True, "2026-11")
    made = restating.restate(period_id=run.period.pk, by=None, reason="released", at=LATER)
    assert made is not None
    assert made.amount_fen == 2_100
    assert restating.restated(run.period.pk) == restating.from_scratch(run.period.pk)


@base
def test_restating_needs_a_closed_period_and_a_reason() -> None:
    matured()
    settlement.settle_due(at=DUE)
    period = SettlementPeriod.objects.get()
    for pk, reason, refused in (
        (period.pk, "x", WrongState),
        (period.pk, " ", RestatementReasonMissing),
        (period.pk + 1, "x", NotFound),
    ):
        with pytest.raises(refused):
            restating.restate(period_id=pk, by=None, reason=reason, at=LATER)
    assert not Restatement.objects.exists()


@effort(max_examples=12, deadline=None)
@given(
    cuts=st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 4_000), st.booleans()), min_size=1, max_size=5
    )
)
@pytest.mark.django_db
def test_restating_equals_settling_from_scratch(cuts: list[tuple[int, int, bool]]) -> None:
    """X4: settle, refund in any cut, re-state at any moment = the same refunds before settling."""
    with transaction.atomic():
        PromoterFactory.create()
        first = matured(3)
        settlement.settle_due(at=DUE)
        restating.close_due(at=LATER)
        now = SettlementPeriod.objects.get()
        for place, fen, tells in cuts:
            sales.refund(first[place], min(fen, 2_000))
            accruals.reconcile_orders([first[place].order_id], at=DUE)
            if tells:
                restating.restate(period_id=now.pk, by=None, reason="x", at=LATER)
        restating.restate(period_id=now.pk, by=None, reason="x", at=LATER)
        assert restating.restate(period_id=now.pk, by=None, reason="x", at=LATER) is None
        assert restating.restated(now.pk) == restating.from_scratch(now.pk)
        # The twins, refunded before anything settled.
        twin = matured(3, at=AT + 60 * DAY)
        for place, fen, _ in cuts:
            sales.refund(twin[place], min(fen, 2_000))
        accruals.reconcile_orders([line.order_id for line in twin], at=AT + 61 * DAY)
        run = settlement.settle_due(at=AT + 70 * DAY)
        told = sorted(restating.restated(now.pk).values())
        scratch = sorted(restating.from_scratch(run.period_id).values()) if run else []
        assert told == scratch
        transaction.set_rollback(True)
