"""The admin's front page: what needs a person, today's figures, DAB and GMV of thirty days.

Three queries however much there is to do; the pictures are drawn here, as SVG, so that they need
no script and nothing from outside.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from backend.core.clock import business_day, now
from backend.core.models import Heartbeat
from backend.core.sql import rows
from backend.core.staff import fen
from shops import metrics

DAYS = 30
WIDTH, HEIGHT, GAP = 600, 150, 5
# A job that has not finished for so long is said to be late.
LATE = timedelta(minutes=5)
LATER = {
    "books": timedelta(hours=2),
    "uploads": timedelta(hours=2),
    "recount": timedelta(hours=26),
    "files": timedelta(hours=26),
    "risks-all": timedelta(hours=26),
}

_WAITING = """
SELECT
    (SELECT count(*) FROM shops_shopapplication WHERE status = 'submitted') AS shops,
    (SELECT count(*) FROM notes_goodsnoteapplication WHERE status = 'submitted') AS goods_notes,
    (SELECT count(*) FROM commissions_payout WHERE status = 'requested') AS prepare,
    (SELECT count(*) FROM commissions_payout WHERE status = 'prepared') AS approve,
    (SELECT count(*) FROM commissions_payout WHERE status = 'checked') AS second,
    (SELECT count(*) FROM commissions_payout WHERE held_at IS NOT NULL
     AND status IN ('requested', 'prepared', 'checked', 'approved')) AS payouts_held,
    (SELECT count(*) FROM commissions_payoutbatch WHERE status = 'built') AS batches,
    (SELECT count(*) FROM commissions_payout p JOIN commissions_payeeaccount y ON y.id = p.payee_id
     WHERE p.status = 'approved' AND y.provider = 'bank_file') AS batch,
    (SELECT count(*) FROM commissions_payout WHERE status = 'unknown') AS unknown,
    (SELECT count(*) FROM core_event WHERE state = 'parked') AS parked,
    (SELECT count(*) FROM shops_refund
     WHERE status = 'requested' AND deadline_at < %(at)s::timestamptz) AS refunds,
    (SELECT count(*) FROM commissions_commissionorder
     WHERE held_reason <> '' AND status IN ('estimated', 'confirmed')) AS held,
    (SELECT count(*) FROM commissions_riskcase WHERE status = 'open') AS cases,
    (SELECT count(*) FROM commissions_attributiondispute WHERE status = 'open') AS disputes,
    (SELECT count(*) FROM commissions_attributiondispute WHERE status = 'proposed') AS overrides,
    (SELECT count(*) FROM commissions_writeoff WHERE status = 'requested') AS write_offs,
    (SELECT count(*) FROM commissions_taxremittance WHERE status = 'recorded') AS remittances
"""
# (name in the query, words, model of the page, its filter, whether it is an alarm)
_QUEUES = [
    ("shops", "Shop applications 开店申请", "shops.shopapplication", "status=submitted", False),
    ("goods_notes", "Goods-note applications 带货申请", "notes.goodsnoteapplication",
     "status=submitted", False),
    ("prepare", "Payouts to prepare 待初审", "commissions.payout", "status=requested", False),
    ("approve", "Payouts to approve 待复核", "commissions.payout", "status=prepared", False),
    ("second", "Payouts, second approval 待二次复核", "commissions.payout", "status=checked",
     False),
    ("payouts_held", "Payouts held 提现冻结", "commissions.payout", "held_at__isempty=0", False),
    ("batches", "Batches unanswered 批次未回盘", "commissions.payoutbatch", "status=built", False),
    ("batch", "Payouts for the bank 待生成批次", "commissions.payout", "status=approved", False),
    ("unknown", "Payouts, result unknown 结果未知", "commissions.payout", "status=unknown", True),
    ("refunds", "Refunds overdue 退款超时", "shops.refund", "status=requested", True),
    ("held", "Commissions held 佣金冻结", "commissions.commissionorder", "", False),
    ("cases", "Risk cases 风控案件", "commissions.riskcase", "status=open", False),
    ("disputes", "Disputes to decide 归因争议", "commissions.attributiondispute", "status=open",
     False),
    ("overrides", "Overrides to approve 待复核改判", "commissions.attributiondispute",
     "status=proposed", False),
    ("write_offs", "Write-offs to approve 待核销", "commissions.writeoff", "status=requested",
     False),
    ("remittances", "Tax remittances to approve 待复核缴款", "commissions.taxremittance",
     "status=recorded", False),
    ("parked", "Events parked 事件搁置", "core.event", "state=parked", True),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Queue:
    """Work that waits for a person; `url` leads to it."""

    words: str
    count: int
    url: str
    alarm: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of a chart, in the units of its viewBox."""

    x: int
    y: int
    height: int
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of thirty days; `most` is the label of its highest bar."""

    name: str
    most: str
    first: str
    last: str
    bars: list[Bar]
    width: int = WIDTH
    height: int = HEIGHT
    bar_width: int = WIDTH // DAYS - GAP


def front_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds queues, today's totals, charts and the state of the jobs to the index page."""
    at = now()
    today = business_day(at)
    first = today - timedelta(days=DAYS - 1)
    days = metrics.daily(from_day=first, to_day=today)
    context["queues"] = _queues(request, rows(_WAITING, {"at": at})[0])
    context["totals"] = _totals(days[-1]) if _may_see(request, "shops.dailymetric") else []
    user = request.user
    if user.has_perm("commissions.prepare_payout") or user.has_perm("commissions.approve_payout"):
        context["desk_url"] = reverse("admin:commissions_payout_desk")
    context["charts"] = (
        [
            _chart("DAB · buyers a day 日下单人数", days, "dab", str),
            _chart("GMV a day 日成交额", days, "gmv_fen", fen),
        ]
        if context["totals"]
        else []
    )
    context["jobs"] = [
        {
            "name": beat.job,
            "at": beat.at,
            "note": beat.note,
            "late": at - beat.at > LATER.get(beat.job, LATE),
        }
        for beat in Heartbeat.objects.order_by("job")
    ]
    return context


def _may_see(request: HttpRequest, model: str) -> bool:
    app, name = model.split(".")
    return bool(request.user.has_perm(f"{app}.view_{name}"))


def _queues(request: HttpRequest, counts: dict[str, int]) -> list[Queue]:
    return [
        Queue(words, counts[key], _link(model, filter_), alarm and counts[key] > 0)
        for key, words, model, filter_, alarm in _QUEUES
        if _may_see(request, model)
    ]


def _link(model: str, filter_: str) -> str:
    """The page of a model with a filter set; the front page itself where it has none."""
    try:
        url = reverse(f"admin:{model.replace('.', '_')}_changelist")
    except NoReverseMatch:
        return reverse("admin:index")
    field, _, value = filter_.partition("=")
    name = field if "__" in field else f"{field}__exact"
    return f"{url}?{name}={value}" if value else url


def _totals(day: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("Buyers today 今日下单人数", f"{day['dab']:,}"),
        ("GMV today 今日成交额", fen(day["gmv_fen"])),
        ("Orders paid 今日支付订单", f"{day['orders_paid']:,}"),
        ("Refunded 今日退款", fen(day["refunded_fen"])),
    ]


def _chart(name: str, days: list[dict[str, Any]], figure: str, words: Any) -> Chart:
    most = max(day[figure] for day in days)
    step = WIDTH // DAYS
    bars = []
    for place, day in enumerate(days):
        height = day[figure] * HEIGHT // most if most else 0
        height = max(height, 1 if day[figure] else 0)
        label = f"{day['day']:%Y-%m-%d}: {words(day[figure])}"
        bars.append(Bar(place * step + GAP // 2, HEIGHT - height, height, label))
    return Chart(
        name=name,
        most=words(most),
        first=f"{days[0]['day']:%m-%d}",
        last=f"{days[-1]['day']:%m-%d}",
        bars=bars,
    )
