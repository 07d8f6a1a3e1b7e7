"""P4's second yardstick: one paid order accrued the way an ordinary Django developer would write
it, correct but naive: objects fetched and created one by one, balances locked and saved."""

from datetime import UTC, datetime

from django.db import transaction

from backend.core.sql import run
from commissions import ledger
from commissions.models import (
    Attribution,
    Balance,
    CommissionOrder,
    CommissionSplit,
    Entry,
    Journal,
    LedgerAccount,
    PlanVersion,
    PromotionLink,
    Touch,
)
from shops.models import Order

AT = datetime(2026, 11, 1, tzinfo=UTC)


def accrue(order_id: int) -> None:
    """Accrues every line of a paid order that has no commission order yet."""
    with transaction.atomic():
        order = Order.objects.select_related("shop").get(pk=order_id)
        for line in order.lines.select_for_update(of=("self",)).order_by("id"):
            if not CommissionOrder.objects.filter(order_line=line).exists():
                _accrue_line(order, line)


def _accrue_line(order, line) -> None:  # type: ignore[no-untyped-def]
    link = PromotionLink.objects.select_related("promoter__sponsor").get(code=line.referral_code)
    touches = Touch.objects.filter(account=order.buyer, at__lte=order.placed_at).order_by("-at")
    touch = next((one for one in touches if one.link_id == link.pk), None)
    plan = PlanVersion.objects.filter(
        is_default=True, published_at__isnull=False, starts_at__lte=order.placed_at
    ).latest("starts_at")
    promoter, inviter = link.promoter, link.promoter.sponsor
    attribution = Attribution.objects.create(
        order_line=line,
        rule="named",
        source_kind="referral",
        source_id=link.pk,
        touch=touch,
        promoter=promoter,
        inviter=inviter,
        at=AT,
    )
    budget = round(line.paid_fen * line.commission_bps / 10_000)
    fee = round(line.paid_fen * line.fee_bps / 10_000)
    commission = CommissionOrder.objects.create(
        order_line=line,
        attribution=attribution,
        shop=order.shop,
        plan_version=plan,
        base_fen=line.paid_fen,
        rate_bps=line.commission_bps,
        fee_bps=line.fee_bps,
        budget_fen=budget,
        fee_fen=fee,
        accrued_at=AT,
    )
    to_inviter = budget * plan.inviter_bps // 10_000
    to_charity = fee * plan.charity_bps // 10_000
    parts = [
        ("promoter", promoter.account, plan.promoter_bps, budget - to_inviter),
        ("inviter", inviter.account, plan.inviter_bps, to_inviter),
        ("platform", None, 10_000 - plan.charity_bps, fee - to_charity),
        ("charity", None, plan.charity_bps, to_charity),
    ]
    legs = [(("shop", order.shop_id, "payable"), -budget - fee)]
    for role, payee, share, amount in parts:
        CommissionSplit.objects.create(
            commission=commission, role=role, payee=payee, share_bps=share, amount_fen=amount
        )
        owner = ("person", payee.pk) if payee else (role, 0)
        legs.append(((*owner, "pending"), amount))
    _post(commission, [leg for leg in legs if leg[1]])


def _post(commission, legs) -> None:  # type: ignore[no-untyped-def]
    journal = Journal.objects.create(
        id=ledger.journal_id(ledger.JournalKind.ACCRUAL, commission.pk),
        kind=Journal.Kind.ACCRUAL,
        subject_id=commission.pk,
        at=AT,
    )
    entries = []
    for (owner_kind, owner_id, kind), amount in legs:
        account, _ = LedgerAccount.objects.get_or_create(
            owner_kind=owner_kind, owner_id=owner_id, kind=kind
        )
        balance = Balance.objects.select_for_update(of=("self",)).get(account=account)
        balance.balance_fen += amount
        balance.save(update_fields=["balance_fen"])
        entries.append(
            Entry(account_id=account.pk, journal_id=journal.pk, amount_fen=amount, at=AT)
        )
    # The journal's legs go in together: the database refuses half of one.
    Entry.objects.bulk_create(entries)


def mend() -> None:
    """The database counts balances by itself; what was counted here a second time goes again."""
    ledger.fold()
    run(
        "UPDATE commissions_balance b SET balance_fen = coalesce("
        "(SELECT sum(e.amount_fen) FROM commissions_entry e WHERE e.account_id = b.account_id), 0)"
    )
