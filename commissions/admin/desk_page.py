"""The finance desk's page: made for a telephone, and wide enough for a desk."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from backend.core.clock import now
from backend.core.staff import StaffAdmin, fen
from commissions import desk
from commissions.models import Payout


def show(page: StaffAdmin, request: HttpRequest) -> HttpResponse:
    """The page; who may not see a queue's rows does not see its count."""
    found = desk.figures(at=now())
    context = {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "title": "Finance desk 财务台",
        "queues": [
            {"words": q.words, "count": q.count, "alarm": q.alarm, "url": _page_of(q)}
            for q in found.queues
            if request.user.has_perm(f"commissions.view_{q.model}")
        ],
        "payouts": [_card(row) for row in found.to_decide],
        "exposure": [
            {
                "owner": row["owner_kind"],
                "kind": row["kind"],
                "owners": row["owners"],
                "fen": fen(row["fen"]),
            }
            for row in found.exposure
        ],
        "largest": [
            {
                "name": row["display_name"],
                "fen": fen(row["fen"]),
                "url": f"{reverse('admin:commissions_payout_changelist')}?q={row['handle']}",
            }
            for row in found.largest
        ],
        "maturing": [{**row, "fen": fen(row["fen"])} for row in found.maturing],
        "agreements": [
            {
                "words": a.words,
                "ours": fen(a.ours_fen),
                "books": fen(a.books_fen),
                "agrees": a.agrees,
            }
            for a in found.agreements
        ],
        "books": found.books,
        "books_at": found.books_at,
        "tax_months": [
            {"month": m.month, "payments": m.payments, "tax": fen(m.tax_fen)}
            for m in found.tax_months
        ],
        "tax_owed": [
            {"month": m.month, "owed": fen(m.owed_fen), "due_on": m.due_on} for m in found.tax_owed
        ],
        "sending": found.terms.sending.is_open(now()),
        "sends_at": found.terms.sending.next_open(now()),
    }
    return TemplateResponse(request, "commissions/desk.html", context)


def _page_of(queue: desk.Waiting) -> str:
    url = reverse(f"admin:commissions_{queue.model}_changelist")
    return f"{url}?{queue.query}" if queue.query else url


def _card(row: Payout) -> dict[str, Any]:
    """A payout that waits for a checker, as it is decided about."""
    return {
        "number": row.number,
        "person": row.account.display_name,
        "where": f"{row.payee.get_provider_display()} {row.payee.number_masked}",
        "gross": fen(row.amount_fen),
        "fee": fen(row.fee_fen),
        "tax": fen(row.tax_fen),
        "net": fen(row.net_fen),
        "maker": row.prepared_by,
        "checked_by": row.checked_by,
        "needs_second": row.needs_second,
        "requested_at": row.requested_at,
        "url": reverse("admin:commissions_payout_change", args=[row.pk]),
        "approve": reverse("admin:commissions_payout_approve_one", args=[row.pk]),
    }
