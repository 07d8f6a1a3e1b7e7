"""Staff pages of promoting and earning, through HTTP: every page opens at constant cost, every
decision works and is audited. K5, K19."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from backend.core.models import AuditEntry
from commissions import accruals, plans, settlement
from commissions.models import CommissionOrder, PlanVersion, Promoter
from commissions.split import Shares
from seeds.factories import (
    CommissionOfferFactory,
    PromoterFactory,
    PromotionLinkFactory,
    SkuFactory,
    TouchFactory,
)
from tests.cast import Person
from tests.commissions import sales
from tests.desk import signed_in

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
pytestmark = pytest.mark.django_db
PAGES = [
    "promoter",
    "promotionlink",
    "touch",
    "commissionoffer",
    "planversion",
    "commissionorder",
    "settlementrun",
]


@pytest.fixture
def desk(staff: Person) -> Client:
    return signed_in(staff.account)


def fill() -> CommissionOrder:
    """One of everything, settled."""
    sku = SkuFactory.create()
    link = PromotionLinkFactory.create(
        target_id=sku.product_id, promoter=PromoterFactory.create(sponsor=PromoterFactory.create())
    )
    touch = TouchFactory.create(link=link, at=AT)
    CommissionOfferFactory.create(product=sku.product)
    line = sales.sale(at=AT, sku=sku, referral_code=link.code, click_id=touch.click_id)
    sales.receive(line, AT)
    accruals.reconcile_orders([line.order_id], at=AT)
    settlement.settle_due(at=AT + timedelta(days=7))
    sales.refund(line, 100)
    accruals.reconcile_orders([line.order_id], at=AT)
    return CommissionOrder.objects.get(order_line=line)


def decide(desk: Client, model: str, row: int, act: str, reason: str = "because") -> str:
    path = f"/admin/commissions/{model}/{row}/{act}/"
    page = desk.get(path)
    assert page.status_code == 200, page.status_code
    answer = desk.post(path, {"confirmed": "1", "reason": reason}, follow=True)
    assert answer.status_code == 200
    return " ".join(str(message) for message in answer.context["messages"])


@pytest.mark.parametrize("model", PAGES)
def test_a_list_costs_the_same_for_few_rows_and_many(
    desk: Client, model: str, django_assert_max_num_queries: Any
) -> None:
    fill()
    path = f"/admin/commissions/{model}/"
    with django_assert_max_num_queries(12) as few:
        assert desk.get(path).status_code == 200
    for _ in range(3):
        fill()
    with django_assert_max_num_queries(len(few)):
        assert desk.get(path).status_code == 200


@pytest.mark.parametrize("model", PAGES)
def test_a_row_opens_and_a_fact_cannot_be_added_or_deleted(desk: Client, model: str) -> None:
    commission = fill()
    from django.apps import apps

    row = apps.get_model("commissions", model).objects.latest("pk")
    page = desk.get(f"/admin/commissions/{model}/{row.pk}/change/")
    assert page.status_code == 200
    assert desk.post(f"/admin/commissions/{model}/{row.pk}/delete/").status_code == 403
    if model != "planversion":
        assert desk.get(f"/admin/commissions/{model}/add/").status_code == 403
    if model == "commissionorder":
        text = page.content.decode()
        assert f"Line {commission.order_line_id} of" in text
        assert "Budget 12900 × 2000 bps = 25800000/10000 → 2580 fen" in text


def test_a_promoter_is_frozen_and_unfrozen_with_a_reason(desk: Client) -> None:
    promoter = PromoterFactory.create()
    assert "frozen" in decide(desk, "promoter", promoter.pk, "freeze_one", "velocity")
    promoter.refresh_from_db()
    assert promoter.status == "frozen"
    decide(desk, "promoter", promoter.pk, "unfreeze_one", "cleared")
    decide(desk, "promoter", promoter.pk, "leave_one", "asked")
    promoter.refresh_from_db()
    assert promoter.status == "left"
    acts = AuditEntry.objects.order_by("id").values_list("action", "reason")
    assert list(acts) == [
        ("promoter.freeze", "velocity"),
        ("promoter.unfreeze", "cleared"),
        ("promoter.leave", "asked"),
    ]


def test_many_promoters_are_frozen_at_once(desk: Client) -> None:
    chosen = [PromoterFactory.create().pk for _ in range(3)]
    body = {"action": "freeze_selected", "_selected_action": chosen}
    assert desk.post("/admin/commissions/promoter/", body).status_code == 200
    assert Promoter.objects.filter(status="frozen").count() == 0
    desk.post("/admin/commissions/promoter/", {**body, "confirmed": "1", "reason": "ring"})
    assert Promoter.objects.filter(status="frozen").count() == 3


def test_a_commission_is_held_and_released(desk: Client) -> None:
    """K19: held does not settle; the reason is on the page and in the trail."""
    line = sales.sale(at=AT)
    accruals.reconcile_orders([line.order_id], at=AT)
    commission = CommissionOrder.objects.get(order_line=line)
    decide(desk, "commissionorder", commission.pk, "hold_one", "risk")
    commission.refresh_from_db()
    assert commission.held_reason == "risk"
    said = decide(desk, "commissionorder", commission.pk, "hold_one", "again")
    assert "held already" in said
    decide(desk, "commissionorder", commission.pk, "release_one", "fine")
    commission.refresh_from_db()
    assert commission.held_reason == ""


def test_a_plan_is_drafted_and_published_on_the_page(desk: Client) -> None:
    body = {
        "name": "default",
        "promoter_bps": 7_000,
        "inviter_bps": 2_000,
        "creator_bps": 9_000,
        "charity_bps": 200,
        "starts_at_0": "2099-01-01",
        "starts_at_1": "00:00:00",
    }
    answer = desk.post("/admin/commissions/planversion/add/", body)
    assert answer.status_code == 302, answer.context["errors"]
    draft = PlanVersion.objects.get()
    assert (draft.number, draft.published_at) == (1, None)
    assert "published" in decide(desk, "planversion", draft.pk, "publish_one")
    draft.refresh_from_db()
    assert draft.published_at is not None
    assert draft.is_default


def test_the_linter_refuses_on_the_page_and_in_the_action(desk: Client) -> None:
    body = {
        "name": "greedy",
        "promoter_bps": 3_000,
        "inviter_bps": 4_000,
        "creator_bps": 0,
        "charity_bps": 0,
        "starts_at_0": "2099-01-01",
        "starts_at_1": "00:00:00",
    }
    page = desk.post("/admin/commissions/planversion/add/", body)
    assert "An inviter may not earn more than the promoter" in page.content.decode()
    assert not PlanVersion.objects.exists()
    past = plans.draft(name="late", shares=Shares(1, 0, 0, 0), starts_at=AT, at=AT)
    PlanVersion.objects.filter(pk=past.pk).update(starts_at=datetime(2001, 1, 1, tzinfo=UTC))
    assert "cannot start before" in decide(desk, "planversion", past.pk, "publish_one")
    past.refresh_from_db()
    assert past.published_at is None
