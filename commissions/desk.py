"""The finance desk's figures 财务台: what needs somebody today, what the market stands for, and
whether the books agree with what was paid. A handful of statements, however much there is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from backend.core.models import Heartbeat
from backend.core.sql import rows
from commissions import payout_rules, remittances, tax
from commissions.models import Payout

AHEAD = timedelta(days=7)
SHOWN = 10
_WAITING = """
SELECT count(*) FILTER (WHERE p.status = 'requested' AND p.held_at IS NULL) AS prepare,
       count(*) FILTER (WHERE p.status = 'prepared' AND p.held_at IS NULL) AS approve,
       count(*) FILTER (WHERE p.status = 'checked' AND p.held_at IS NULL) AS second,
       count(*) FILTER (WHERE p.held_at IS NOT NULL) AS held,
       count(*) FILTER (WHERE p.status = 'approved' AND p.held_at IS NULL
                        AND y.provider = 'bank_file') AS batch,
       count(*) FILTER (WHERE p.status = 'unknown') AS unknown,
       count(*) FILTER (WHERE p.held_at IS NULL AND p.status = 'approved'
                        AND y.provider <> 'bank_file'
                        AND greatest(p.approved_at, p.send_from) < %(late)s::timestamptz) AS stuck,
       (SELECT count(*) FROM commissions_payoutbatch WHERE status = 'built') AS batches,
       (SELECT count(*) FROM commissions_payout
        WHERE status = 'failed' AND finished_at >= %(week)s::timestamptz) AS failed,
       (SELECT count(*) FROM commissions_writeoff WHERE status = 'requested') AS write_offs,
       (SELECT count(*) FROM commissions_taxremittance WHERE status = 'recorded') AS remittances,
       coalesce(sum(p.amount_fen), 0)::bigint AS open_fen
FROM commissions_payout p JOIN commissions_payeeaccount y ON y.id = p.payee_id
WHERE p.status IN ('requested', 'prepared', 'checked', 'approved', 'sending', 'unknown')
"""
# name in the statement → words, filter of the payouts' page (or another page), is it an alarm
_QUEUES = (
    ("prepare", "To prepare 待初审", "payout", "status__exact=requested", False),
    ("approve", "To approve 待复核", "payout", "status__exact=prepared", False),
    ("second", "Second approvals 待二次复核", "payout", "status__exact=checked", False),
    ("held", "Held 冻结中", "payout", "held_at__isempty=0", False),
    ("unknown", "Result unknown 结果未知", "payout", "status__exact=unknown", True),
    ("stuck", "Approved and not sent 未发出", "payout", "status__exact=approved", True),
    ("batch", "For the bank's file 待生成批次", "payout", "status__exact=approved", False),
    ("batches", "Batches unanswered 批次未回盘", "payoutbatch", "status__exact=built", False),
    ("failed", "Failed in seven days 七日内失败", "payout", "status__exact=failed", True),
    ("negative", "Balances below zero 负余额", "ledgeraccount", "", True),
    ("write_offs", "Write-offs to approve 待核销", "writeoff", "status__exact=requested", False),
    ("tax", "Months to file 待申报月份", "taxfiling", "", False),
    ("owed", "Months of tax to remit 待缴税款月份", "taxremittance", "", False),
    ("late", "Tax past its 15th 逾期未缴税款", "taxremittance", "", True),
    ("remittances", "Remittances to approve 待复核缴款", "taxremittance",
     "status__exact=recorded", False),
)  # fmt: skip
_BALANCES = """
WITH now_fen AS (
    SELECT a.id, a.owner_kind, a.owner_id, a.kind, b.balance_fen + coalesce(d.fen, 0) AS fen
    FROM commissions_ledgeraccount a JOIN commissions_balance b ON b.account_id = a.id
    LEFT JOIN (SELECT account_id, sum(amount_fen)::bigint AS fen FROM commissions_balancedelta
               GROUP BY 1) d ON d.account_id = a.id
    WHERE a.kind IN ('available', 'pending', 'in_transit', 'tax', 'cash')
)
"""
_EXPOSURE = f"""{_BALANCES}
SELECT owner_kind, kind, count(*) FILTER (WHERE fen <> 0) AS owners, sum(fen)::bigint AS fen,
       count(*) FILTER (WHERE owner_kind = 'person' AND kind = 'available' AND fen < 0) AS negative
FROM now_fen GROUP BY 1, 2 HAVING sum(fen) <> 0 OR count(*) FILTER (WHERE fen < 0) > 0
ORDER BY 1, 2
"""
_LARGEST = f"""{_BALANCES}
SELECT n.owner_id, u.handle, u.display_name, n.fen FROM now_fen n
JOIN accounts_account u ON u.id = n.owner_id
WHERE n.owner_kind = 'person' AND n.kind = 'available' AND n.fen > 0
ORDER BY n.fen DESC, n.owner_id LIMIT {SHOWN}
"""
_MATURING = """
SELECT (c.matures_at AT TIME ZONE %(zone)s)::date AS day, count(DISTINCT c.id) AS commissions,
       sum(s.amount_fen - s.reversed_fen)::bigint AS fen
FROM commissions_commissionorder c JOIN commissions_commissionsplit s ON s.commission_id = c.id
WHERE c.status = 'confirmed' AND c.held_reason = '' AND s.payee_id IS NOT NULL
  AND c.matures_at >= %(at)s::timestamptz AND c.matures_at < %(until)s::timestamptz
GROUP BY 1 ORDER BY 1
"""
_PAID = """
SELECT coalesce(sum(amount_fen - fee_fen - tax_fen), 0)::bigint AS fen
FROM commissions_payout WHERE status = 'paid'
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Work of one kind: how much, and where it is."""

    words: str
    count: int
    model: str
    query: str
    alarm: bool


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two figures that must be the same."""

    words: str
    ours_fen: int
    books_fen: int

    @property
    def agrees(self) -> bool:
        """Whether they are."""
        return self.ours_fen == self.books_fen


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything on the desk's page."""

    queues: list[Waiting]
    to_decide: list[Payout]
    exposure: list[dict[str, Any]]
    largest: list[dict[str, Any]]
    maturing: list[dict[str, Any]]
    agreements: list[Agreement]
    books: str
    books_at: datetime | None
    tax_months: list[tax.Month]
    tax_owed: list[tax.Month]
    terms: payout_rules.Terms


def figures(*, at: datetime) -> Desk:
    """The desk's figures as of `at`."""
    values = {"late": at - timedelta(minutes=10), "week": at - timedelta(days=7)}
    waiting = rows(_WAITING, values)[0]
    exposure = rows(_EXPOSURE)
    over = tax.months_over(at=at)
    to_file = [month for month in over if not month.filed]
    owed = [month for month in over if month.owed_fen > 0]
    waiting["negative"] = sum(row["negative"] for row in exposure)
    waiting |= {"tax": len(to_file), "owed": len(owed)}
    waiting["late"] = sum(remittances.is_late(month, at=at) for month in owed)
    beat = Heartbeat.objects.filter(job="books").first()
    return Desk(
        queues=[
            Waiting(words, waiting[name], model, query, alarm and waiting[name] > 0)
            for name, words, model, query, alarm in _QUEUES
        ],
        to_decide=_to_decide(),
        exposure=exposure,
        largest=rows(_LARGEST),
        maturing=rows(_MATURING, {"zone": settings.BUSINESS_ZONE, "at": at, "until": at + AHEAD}),
        agreements=_agreements(waiting["open_fen"], exposure),
        books=beat.note if beat else "never run",
        books_at=beat.at if beat else None,
        tax_months=to_file,
        tax_owed=owed,
        terms=payout_rules.at(at),
    )


def _to_decide() -> list[Payout]:
    """The oldest that wait for a checker."""
    waiting = Payout.objects.filter(status__in=["prepared", "checked"], held_at__isnull=True)
    related = ("account", "payee", "prepared_by", "checked_by")
    return list(waiting.select_related(*related).order_by("id")[:SHOWN])


def _agreements(open_fen: int, exposure: list[dict[str, Any]]) -> list[Agreement]:
    def books(kind: str, owner: str) -> int:
        return sum(
            row["fen"] for row in exposure if (row["kind"], row["owner_kind"]) == (kind, owner)
        )

    paid = rows(_PAID)[0]["fen"]
    return [
        Agreement("On its way 在途", open_fen, books("in_transit", "person")),
        Agreement("Paid through channels 已打款", paid, books("cash", "provider")),
    ]
