"""Races of attribution (K3, X7), on real connections: two promoters bind one buyer at once, one
dispute is approved by two, two disputes are opened about one line, a refund and the settlement come
beside an override. After every round the parts are one payee's and the books are clean."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from backend.core.sql import run, value
from commissions import accruals, books, disputes, locks, settlement, touches
from commissions.models import AttributionDispute, AttributionOverride, CommissionOrder, LockChange
from seeds.factories import (
    AccountFactory,
    LockSettingFactory,
    PlanVersionFactory,
    PromoterFactory,
    PromotionLinkFactory,
    SkuFactory,
    TouchFactory,
)
from tests.commissions import sales
from tests.commissions.money_out import AT, officer
from tests.races.crowd import Crowd, together, words

DAY = timedelta(days=1)
DUE = AT + 8 * DAY
ROUNDS = 6
OURS = {"I1", "I2", "I3", "I4", "I5", "I8", "I9", "I10"}
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def plan(transactional_db: None) -> None:
    PlanVersionFactory.create(starts_at=AT - DAY)


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    with Crowd(2) as hands:
        yield hands


def clean() -> bool:
    return [one for one in books.check(at=DUE) if one.code.split()[0] in OURS] == []


def test_two_promoters_bind_one_buyer_at_once_and_one_of_them_holds(crowd: Crowd) -> None:
    """First bind, at the very same instant: whoever it is, everybody is told the same, and the
    lines of two orders that are accrued at once are owed to them."""
    sku = SkuFactory.create()
    other = SkuFactory.create(product__shop=sku.product.shop)
    LockSettingFactory.create(shop=sku.product.shop, since=AT - DAY)
    links = [PromotionLinkFactory.create(target_id=sku.product_id) for _ in range(2)]
    for _ in range(ROUNDS):
        buyer = AccountFactory.create()
        for link in links:
            touches.record(code=link.code, visitor="", account=buyer, at=AT)
        lines = [sales.sale(at=AT, sku=other, buyer=buyer) for _ in range(2)]
        answers = crowd.at_once(
            *(partial(accruals.reconcile_orders, [line.order_id], at=AT) for line in lines)
        )
        assert words(answers) == {"done": 2}
        assert LockChange.objects.filter(buyer=buyer, cause="click").count() == 2
        held = locks.holder(buyer_id=buyer.pk, shop_id=sku.product.shop_id, at=AT)
        assert held is not None
        won = set(
            CommissionOrder.objects.filter(order_line__in=lines).values_list(
                "attribution__promoter_id", flat=True
            )
        )
        assert won == {held["promoter_id"]} == {min(link.promoter_id for link in links)}
    assert clean()


class Disputed:
    """A line that Linda won and Mia disputes, proposed to be Mia's."""

    def __init__(self) -> None:
        self.sku = SkuFactory.create()
        self.linda, self.mia = PromoterFactory.create(), PromoterFactory.create()
        links = [
            PromotionLinkFactory.create(promoter=one, target_id=self.sku.product_id)
            for one in (self.linda, self.mia)
        ]
        buyer = AccountFactory.create()
        TouchFactory.create(link=links[1], account=buyer, at=AT - DAY)
        self.line = sales.sale(
            at=AT, sku=self.sku, buyer=buyer, price_fen=10_000, referral_code=links[0].code
        )
        self.agree()

    def agree(self) -> None:
        accruals.reconcile_orders([self.line.order_id], at=DUE)

    def open(self, account: Any = None) -> AttributionDispute:
        return disputes.open_dispute(
            account=account or self.mia.account,
            order_number=self.line.order.number,
            line_id=self.line.pk,
            claim="mine",
            at=AT,
        )

    def propose(self, dispute: AttributionDispute) -> int:
        maker = officer("propose_override")
        handle = self.mia.account.handle
        disputes.propose(
            dispute_id=dispute.pk, by=maker, role="promoter", handle=handle, reason="x", at=AT
        )
        return dispute.pk

    def approval(self, dispute_id: int) -> Any:
        by = officer("approve_override")
        return partial(disputes.approve, dispute_id=dispute_id, by=by, at=AT)

    def fen(self) -> list[int]:
        """Pending and available of Linda, then of Mia."""
        return [
            sales.fen_of(who.account, kind)
            for who in (self.linda, self.mia)
            for kind in ("pending", "available")
        ]


def test_two_checkers_approve_one_override_and_it_is_written_once(crowd: Crowd) -> None:
    for _ in range(ROUNDS):
        case = Disputed()
        dispute = case.propose(case.open())
        answers = crowd.at_once(case.approval(dispute), case.approval(dispute))
        assert words(answers) == {"done": 1, "wrong_state": 1}
        assert case.fen() == [0, 0, 1_600, 0]
        journals = f"SELECT count(*) FROM commissions_entry WHERE journal_id = (20::bigint << 56)" \
            f" + {AttributionOverride.objects.get(dispute=dispute).pk}"  # fmt: skip
        assert value(journals) == 2
    assert clean()


def test_two_parties_dispute_one_line_at_once_and_one_is_heard() -> None:
    for _ in range(ROUNDS):
        case = Disputed()
        parties = (case.linda.account, case.mia.account)
        heard = together([partial(case.open, party) for party in parties])
        assert heard == {"done": 1, "dispute_open": 1}
        assert AttributionDispute.objects.filter(commission__order_line=case.line).count() == 1


def test_two_overrides_of_one_line_from_one_state_are_never_both_written(crowd: Crowd) -> None:
    """Behind the rule of one dispute at a time: both makers had seen the line without an override,
    so the second finds it decided anew."""
    for _ in range(ROUNDS):
        case = Disputed()
        first = case.propose(case.open())
        row = AttributionDispute.objects.get(pk=first)
        AttributionDispute.objects.filter(pk=first).update(status="rejected")
        second = case.propose(case.open(case.linda.account))
        with_one_open = "DROP INDEX dispute_one_open"
        value_of = value("SELECT pg_get_indexdef('dispute_one_open'::regclass)")
        run(with_one_open)
        try:
            AttributionDispute.objects.filter(pk=first).update(status="proposed")
            answers = crowd.at_once(case.approval(first), case.approval(second))
        finally:
            AttributionDispute.objects.filter(pk__in=[first, second], status="proposed").update(
                status="rejected"
            )
            run(value_of)
        assert words(answers) == {"done": 1, "attribution_changed": 1}, row
        assert AttributionOverride.objects.filter(commission__order_line=case.line).count() == 1
        assert case.fen() == [0, 0, 1_600, 0]
    assert clean()


def test_a_refund_beside_an_override_takes_from_whoever_has_it(crowd: Crowd) -> None:
    for _ in range(ROUNDS):
        case = Disputed()
        dispute = case.propose(case.open())
        sales.refund(case.line, 2_500)
        answers = crowd.at_once(case.approval(dispute), case.agree)
        assert words(answers) == {"done": 2}
        assert case.fen() == [0, 0, 1_200, 0]
    assert clean()


def test_the_settlement_beside_an_override_pays_whoever_has_it(crowd: Crowd) -> None:
    for _ in range(ROUNDS):
        case = Disputed()
        sales.receive(case.line, AT)
        case.agree()
        dispute = case.propose(case.open())
        CommissionOrder.objects.filter(order_line=case.line).update(held_reason="")
        answers = crowd.at_once(case.approval(dispute), partial(settlement.settle_due, at=DUE))
        assert words(answers) == {"done": 2}
        settlement.settle_due(at=DUE)
        assert case.fen() == [0, 0, 0, 1_600]
    assert clean()
