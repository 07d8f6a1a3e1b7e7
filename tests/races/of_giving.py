"""Races for what is given or told beside commissions: write-offs, bounties, orders made elsewhere,
decisions about a risk case."""

import json
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from itertools import count

import pytest

from backend.core import webhooks
from commissions import accruals, bounties, conversions, ledger, risks, settlement, writeoffs
from commissions.conversions import taking
from commissions.models import (
    BountyAward,
    CommissionOrder,
    CommissionReversal,
    Conversion,
    Journal,
    RiskCase,
)
from seeds.factories import AccountFactory, PlanVersionFactory, PromotionLinkFactory, SkuFactory
from tests.commissions import sales
from tests.commissions.elsewhere import AT, DAY, Partner
from tests.commissions.money_out import money_of, officer
from tests.races.crowd import Act, Answer, Meeting, words
from tests.races.of_payouts import give
from tests.races.race import Race, meet_before
from tests.races.unguarded import looking_move_one, no_row_locks

DEBT = 900
_orders = count(1)


class TwoWriteOffs(Race):
    name = "two approvals of one write-off"
    removed = "row lock and the state in the UPDATE's WHERE"

    def ground(self, rounds: int) -> None:
        self.asker = officer("request_writeoff")
        self.agreers = [officer("approve_writeoff") for _ in range(2)]

    def prepare(self, number: int) -> Sequence[Act]:
        self.account = AccountFactory.create()
        give(self.account, -DEBT)
        made = writeoffs.request(
            account_id=self.account.pk, reason="goodwill", note="x", by=self.asker, at=AT
        )
        self.row = made
        return [
            partial(writeoffs.approve, write_off_id=made.pk, by=by, at=AT) for by in self.agreers
        ]

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, writeoffs, "move_one")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        no_row_locks(patch)
        patch.setattr(ledger, "lock", ledger.balance)
        patch.setattr(writeoffs, "move_one", looking_move_one(meet))

    def judge(self, answers: list[Answer]) -> str:
        heard, left = words(answers), money_of(self.account)[0]
        right = left == 0 and heard["done"] == 1 and heard["wrong_state"] == 1
        return "" if right else f"{left} fen left, {dict(heard)}"


class OneConversionTwice(Race):
    name = "one order made elsewhere, told by two postbacks"
    removed = "the lock of the source's row"

    def ground(self, rounds: int) -> None:
        self.partner = Partner()

    def prepare(self, number: int) -> Sequence[Act]:
        self.order = f"R{number}.{next(_orders)}"
        body = json.dumps(self.partner.row(self.order)).encode()
        return [partial(self._post, body, f"{self.order}.{hand}") for hand in "ab"]

    def _post(self, body: bytes, name: str) -> str:
        signed = webhooks.headers(message_id=name, body=body, secret=self.partner.secret, at=AT)
        return conversions.take_postback(
            source_id=self.partner.source.pk, headers=signed, body=body, at=AT
        )

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, taking, "_take_once")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        real = taking._record

        def met(*args: object, **named: object) -> object:
            meet("written")
            return real(*args, **named)  # type: ignore[arg-type]

        patch.setattr(taking, "_LOCK", "SELECT 1 FROM commissions_conversionsource WHERE id = %s")
        patch.setattr(taking, "_record", met)

    def judge(self, answers: list[Answer]) -> str:
        told = sorted(str(answer.value or answer.word) for answer in answers)
        rows = Conversion.objects.filter(external_order=self.order).count()
        right = rows == 1 and told == ["accepted", "unchanged"]
        return "" if right else f"{rows} conversions, {told}"


class TwoDecisions(Race):
    name = "a case released and invalidated at once"
    removed = "row lock and the state in the UPDATE's WHERE"

    def ground(self, rounds: int) -> None:
        PlanVersionFactory.create(starts_at=AT - 99 * DAY, published_at=AT - 99 * DAY)
        self.sku = SkuFactory.create()
        self.link = PromotionLinkFactory.create(target_id=self.sku.product_id, created_at=AT)
        self.staff = [AccountFactory.create(is_staff=True) for _ in range(2)]

    def prepare(self, number: int) -> Sequence[Act]:
        line = sales.sale(at=AT, sku=self.sku, price_fen=10_000, referral_code=self.link.code)
        accruals.reconcile_orders([line.order_id], at=AT)
        self.order = CommissionOrder.objects.get(order_line=line)
        risks._open([(self.order.pk, "self_phone", "{}")], AT)
        case = RiskCase.objects.get(commission=self.order)
        return [
            partial(act, case_id=case.pk, by=by, reason="x", at=AT)
            for act, by in zip((risks.release, risks.invalidate), self.staff, strict=True)
        ]

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, risks, "move_one")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        no_row_locks(patch)
        patch.setattr(risks, "move_one", looking_move_one(meet))

    def judge(self, answers: list[Answer]) -> str:
        heard = words(answers)
        self.order.refresh_from_db()
        back = CommissionReversal.objects.filter(commission=self.order).count()
        ended = (self.order.status, back) in (("estimated", 0), ("invalid", 1))
        right = ended and heard["done"] == 1 and heard["wrong_state"] == 1
        return "" if right else f"{self.order.status}, {back} reversals, {dict(heard)}"


RACES = (TwoWriteOffs, OneConversionTwice, TwoDecisions)


# ---------------------------------------------------------------- more than one step
def funded(rewards: int) -> tuple[object, Sequence[object]]:
    """A bounty for one order with funds for so many rewards, reached by five promoters."""
    PlanVersionFactory.create(starts_at=AT - 99 * DAY, published_at=AT - 99 * DAY)
    sku = SkuFactory.create()
    shop = sku.product.shop
    made = bounties.offer(
        account=shop.account,
        shop_id=shop.pk,
        title="一单",
        goal="orders",
        target=1,
        reward_fen=500,
        budget_fen=500 * rewards,
        starts_at=AT,
        ends_at=AT + DAY,
        hold_days=0,
        at=AT,
    )
    for _ in range(5):
        link = PromotionLinkFactory.create(target_id=sku.product_id, created_at=AT)
        line = sales.sale(at=AT, sku=sku, price_fen=10_000, referral_code=link.code)
        accruals.reconcile_orders([line.order_id], at=AT)
    return made, BountyAward.objects.filter(bounty=made)


def debtor_with_earning() -> tuple[object, object]:
    """Somebody who owes 900 fen and has 1,600 about to settle; a write-off waits."""
    PlanVersionFactory.create(starts_at=AT - 99 * DAY, published_at=AT - 99 * DAY)
    sku = SkuFactory.create()
    link = PromotionLinkFactory.create(target_id=sku.product_id, created_at=AT)
    line = sales.sale(at=AT, sku=sku, price_fen=10_000, referral_code=link.code)
    sales.receive(line, AT)
    accruals.reconcile_orders([line.order_id], at=AT)
    account = link.promoter.account
    give(account, -DEBT)
    made = writeoffs.request(
        account_id=account.pk, reason="goodwill", note="x", by=officer("request_writeoff"), at=AT
    )
    return account, made


def settled_later() -> object:
    """Settles everything that matures within eight days."""
    return settlement.settle_due(at=AT + timedelta(days=8))


def journals(kind: int) -> int:
    """How many journals of a kind there are."""
    return Journal.objects.filter(kind=kind).count()
