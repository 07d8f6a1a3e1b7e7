"""Row 2: every job of the timetable is delivered three times and runs beside itself, by its Celery
task, on connections of its own; the market is as if each had run once."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission

from backend.accounts.models import Account
from backend.celery import app
from backend.core.clock import now
from backend.core.models import Event
from backend.core.sql import rows
from commissions import books, payees, payouts, touches
from commissions.models import Promoter, Touch
from notes import engagement
from seeds import factories as f
from shops import checkout
from shops.models import Checkout, Order
from tests.commissions.money_out import OK, PAID_LATE
from tests.races.crowd import together
from tests.shops.sales import address_of, ask_back, pay, received, shipped

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 3
DAY = timedelta(days=1)
# What a job could do twice, counted and summed.
FACTS = """
SELECT (SELECT count(*) FROM commissions_journal) AS journals,
       (SELECT count(*) FROM commissions_entry) AS entries,
       (SELECT sum(abs(amount_fen))::bigint FROM commissions_entry) AS moved_fen,
       (SELECT sum(balance_fen)::bigint FROM commissions_balance) AS balances_fen,
       (SELECT count(*) FROM commissions_balancedelta) AS deltas,
       (SELECT count(*) FROM commissions_settlementrun) AS runs,
       (SELECT count(*) FROM commissions_payoutattempt) AS attempts,
       (SELECT sum(calls)::int FROM commissions_sandboxtransfer) AS calls,
       (SELECT count(*) FROM commissions_touch) AS touches,
       (SELECT count(*) FROM shops_stockmovement) AS movements,
       (SELECT count(*) FROM shops_orderevent) AS history,
       (SELECT array_agg(status ORDER BY id) FROM shops_order) AS orders,
       (SELECT array_agg(status ORDER BY id) FROM shops_refund) AS refunds,
       (SELECT array_agg(status ORDER BY id) FROM shops_payment) AS payments,
       (SELECT array_agg(status ORDER BY id) FROM commissions_payout) AS payouts,
       (SELECT array_agg(status ORDER BY id) FROM commissions_commissionorder) AS commissions,
       (SELECT array_agg((day, shop_id, orders, gmv_fen, dab)::text ORDER BY day, shop_id)
        FROM shops_dailymetric) AS metrics
"""


def _every_job_at_once_with_itself() -> None:
    app.loader.import_default_modules()
    for entry in app.conf.beat_schedule.values():
        outcomes = together([app.tasks[entry["task"]]] * AT_ONCE)
        assert outcomes == {"done": AT_ONCE}, (entry["task"], outcomes)


class Market:
    """Something to do for every job."""

    def __init__(self, at: datetime) -> None:
        self.at, self.long_ago = at, at - 20 * DAY
        f.PlanVersionFactory.create(starts_at=at - 60 * DAY, published_at=at - 60 * DAY)
        self.sku = f.SkuFactory.create(price_fen=9_973, on_hand=1_000)
        f.CommissionOfferFactory.create(product=self.sku.product, starts_at=at - 60 * DAY)
        sponsor = f.PromoterFactory.create(joined_at=at - 50 * DAY)
        self.promoter: Promoter = f.PromoterFactory.create(sponsor=sponsor, joined_at=at - 50 * DAY)
        self.link = f.PromotionLinkFactory.create(
            promoter=self.promoter, target_id=self.sku.product_id, created_at=at - 50 * DAY
        )
        self.sold = [self.order() for _ in range(8)]
        for order in self.sold[:6]:
            received(order, at - 12 * DAY)
        shipped(self.sold[6], at - 12 * DAY)  # is received by the clock
        ask_back(self.sold[7], at=at - 12 * DAY)  # whole and unshipped: approved at once
        late = received(self.order(), at - 3 * DAY)
        self.partial = ask_back(
            late, at=at - 3 * DAY + timedelta(hours=1), lines={late.lines.get().pk: (0, 1_000)}
        )  # nobody answers
        self.unpaid = self.place()
        note = f.NoteFactory.create()
        engagement.like(account=self.promoter.account, note_id=note.pk, at=at)

    def place(self) -> Checkout:
        """A checkout through the link, long ago."""
        landing = touches.record(
            code=self.link.code, visitor="", account=None, at=self.long_ago - timedelta(hours=1)
        )
        buyer = f.AccountFactory.create()
        return checkout.place(
            buyer=buyer,
            lines=[checkout.LineRequest(self.sku.pk, 1)],
            address_id=address_of(buyer),
            expected_total_fen=9_973,
            click_id=landing.click_id or "",
            at=self.long_ago,
        )

    def order(self) -> Order:
        """A paid one."""
        placed = self.place()
        pay(placed, self.long_ago)
        return placed.orders.get()

    def take_out(self, number: str) -> None:
        """A payout to this account, agreed to."""
        account: Account = self.promoter.account
        payees.add(account=account, provider="sandbox", holder_name="李", number=number, at=self.at)
        maker = f.AccountFactory.create(is_staff=True, is_superuser=True)
        checker = f.AccountFactory.create(is_staff=True)
        checker.user_permissions.set(Permission.objects.filter(codename="approve_payout"))
        payout = payouts.request(account=account, amount_fen=1_000, at=self.at)
        payouts.prepare(number=payout.number, by=maker, at=self.at)
        payouts.approve(number=payout.number, by=checker, at=self.at)


def test_every_job_delivered_three_times_at_once_does_its_work_once() -> None:
    market = Market(now())
    for _ in range(2):  # one job's work is the next one's occasion
        _every_job_at_once_with_itself()
    # Money that comes too late, and money out: one is answered, one answer gets lost.
    pay(market.unpaid, market.at)
    for number in (OK, PAID_LATE):
        market.take_out(number)
        _every_job_at_once_with_itself()
    with time_machine.travel(market.at + timedelta(hours=1), tick=True):
        _every_job_at_once_with_itself()
        _every_job_at_once_with_itself()
        (facts,) = rows(FACTS)
        _every_job_at_once_with_itself()
        assert rows(FACTS) == [facts]
        assert books.check(at=now()) == []
    # Only after all that is it worth knowing that everything happened.
    assert facts["orders"] == ["completed"] * 6 + ["received", "closed", "received", "cancelled"]
    assert facts["refunds"] == ["succeeded"] * 2
    assert (facts["payments"].count("accepted"), facts["payments"][-1]) == (9, "returned")
    assert facts["payouts"] == ["paid", "paid"]
    assert facts["calls"] == 2
    assert facts["commissions"].count("settled") == 6
    assert (facts["deltas"], facts["touches"]) == (0, Touch.objects.count())
    assert facts["touches"] == 10
    assert set(Event.objects.values_list("state", "attempts")) == {("delivered", 0)}
