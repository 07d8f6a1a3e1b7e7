"""Plans by REST and in the admin, from the first draft to the exposure: K1, X8, X10."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from backend.core.clock import day_edges, now
from commissions import plans, whatif
from commissions.models import CommissionPlan, PlanFund, PlanVersion, Promoter, WhatIf
from seeds.factories import PromoterFactory, ShopFactory, SkuFactory
from tests.cast import Person
from tests.commissions.plan_world import Stall
from tests.commissions.test_promoting_admin import decide
from tests.desk import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(staff: Person) -> Client:
    return signed_in(staff.account)


@pytest.fixture
def shop(selena: Person) -> Any:
    made = ShopFactory.create(account=selena.account)
    made.sku = SkuFactory.create(product__shop=made, price_fen=10_000)
    return made


def drafted(selena: Person, shop: Any, **fields: Any) -> dict[str, Any]:
    body = {"name": "双十二", "kind": "open", "promoter_bps": 8_000, "rate_bps": 1_000} | fields
    answer = selena.client.post(f"/v1/shops/{shop.pk}/commission-plans", body, format="json")
    assert answer.status_code == 201, answer.json()
    return dict(answer.json())


def test_a_plan_is_drafted_linted_previewed_published_and_ended(selena: Person, shop: Any) -> None:
    PromoterFactory.create()
    made = drafted(selena, shop, kind="campaign", products=[shop.sku.product_id])
    path = f"/v1/plan-versions/{made['id']}"
    late, problem = selena.client.get(f"{path}/lint").json()["problems"]
    assert (late["code"], problem["code"]) == ("plan_starts_in_past", "plan_needs_end")
    assert problem["clause"].startswith("plans 8")
    refused = selena.client.post(f"{path}/publish", {"from_now": True}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (422, "plan_needs_end")
    changed = selena.client.patch(path, {"last_day": "2999-01-31"}, format="json")
    assert changed.status_code == 200
    seen = selena.client.get(f"{path}/preview").json()
    assert (seen["products"], seen["promoters"]) == (1, 1)
    assert seen["changes"][0]["after"] == {"step": "campaign", "rate_bps": 1_000, "unit_fen": None}
    done = selena.client.post(f"{path}/publish", {"from_now": True}, format="json").json()
    assert done["published_at"] == done["starts_at"]
    again = selena.client.patch(path, {"rate_bps": 1}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    ended = selena.client.post(f"{path}/end", {}, format="json").json()
    assert ended["ends_at"] < "2999"
    listed = selena.client.get(f"/v1/shops/{shop.pk}/commission-plans").json()
    assert [one["name"] for one in listed["results"]] == ["双十二"]
    assert listed["results"][0]["versions"][0] == selena.client.get(path).json() == ended


def test_days_of_the_markets_zone_become_instants(selena: Person, shop: Any) -> None:
    """X9: both days are included; midnight in Shanghai is 16:00 UTC of the day before."""
    made = drafted(selena, shop, first_day="2999-12-01", last_day="2999-12-31")
    assert (made["starts_at"], made["ends_at"]) == (
        "2999-11-30T16:00:00Z",
        "2999-12-31T16:00:00Z",
    )
    version = PlanVersion.objects.get(pk=made["id"])
    assert version.starts_at == day_edges(version.starts_at.date().replace(month=12, day=1))[0]
    instant = drafted(selena, shop, starts_at="2999-01-01T08:00:00+08:00", name="b")
    assert instant["starts_at"] == "2999-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "fields",
    [
        {"starts_at": "2999-01-01T08:00:00"},
        {"starts_at": "2999-01-01"},
        {"starts_at": 5},
        {"starts_at": "2999-02-30T08:00:00Z"},
        {"starts_at": "2999-01-01T08:00:00Z", "first_day": "2999-01-01"},
        {"last_day": "9999-12-31"},
        {"tiers": ["diamond"]},
        {"tier_bonuses": {"diamond": 5}},
        {"tier_bonuses": {"gold": 10_001}},
        {"recruit_reward_fen": 100},
        {"charity_bps": 0},
        {"unit_fen": 0},
        {"products": list(range(1, 300))},
    ],
)
def test_what_is_malformed_is_refused(selena: Person, shop: Any, fields: dict[str, Any]) -> None:
    body = {"name": "x", "kind": "open", "promoter_bps": 1} | fields
    answer = selena.client.post(f"/v1/shops/{shop.pk}/commission-plans", body, format="json")
    assert answer.status_code == 422
    assert not CommissionPlan.objects.exists()


def test_a_fund_is_set_and_shown_in_the_exposure(selena: Person, shop: Any) -> None:
    plan = drafted(selena, shop)["plan_id"]
    path = f"/v1/commission-plans/{plan}"
    bare = selena.client.get(f"{path}/exposure").json()
    assert (bare["funded_fen"], bare["left_fen"], bare["if_refunded"]["left_fen"]) == (None,) * 3
    fund = selena.client.put(f"{path}/fund", {"funded_fen": 50_000}, format="json").json()
    assert fund == {"plan_id": plan, "funded_fen": 50_000, "taken_fen": 0, "returned_fen": 0}
    found = selena.client.get(f"{path}/exposure?refund_bps=100").json()
    assert (found["funded_fen"], found["left_fen"], found["lines"]) == (50_000, 50_000, 0)
    assert found["if_refunded"]["refund_bps"] == 100
    assert selena.client.get(path).json()["fund"] == 50_000
    further = selena.client.post(
        f"{path}/versions", {"promoter_bps": 9_000, "rate_bps": 1}, format="json"
    ).json()
    assert further["number"] == 2


def test_lists_cost_the_same_however_many_plans_there_are(
    selena: Person, shop: Any, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(6):
        drafted(selena, shop, name=f"n{number}", products=[shop.sku.product_id])
    with django_assert_max_num_queries(9):
        selena.client.get(f"/v1/shops/{shop.pk}/commission-plans")


def test_another_shops_plans_do_not_exist(selena: Person, mallory: Person, shop: Any) -> None:
    made = drafted(selena, shop)
    version, plan = f"/v1/plan-versions/{made['id']}", f"/v1/commission-plans/{made['plan_id']}"
    client = mallory.client
    answers = [
        client.get(f"/v1/shops/{shop.pk}/commission-plans"),
        client.get(plan),
        client.get(version),
        client.get(f"{version}/lint"),
        client.get(f"{version}/preview"),
        client.get(f"{plan}/exposure"),
        client.post(f"{version}/publish", {}, format="json"),
        client.post(f"{version}/end", {}, format="json"),
        client.put(f"{plan}/fund", {"funded_fen": 1}, format="json"),
        client.patch(version, {"rate_bps": 1}, format="json"),
    ]
    assert [answer.status_code for answer in answers] == [404] * len(answers)


# ---------------------------------------------------------------- the admin
TYPED: dict[str, Any] = {
    "name": "平台活动",
    "kind": "campaign",
    "rate_bps": 1_500,
    "promoter_bps": 8_000,
    "inviter_bps": 2_000,
    "creator_bps": 10_000,
    "charity_bps": 100,
    "starts_at_0": "2099-01-01",
    "starts_at_1": "00:00:00",
    "ends_at_0": "2099-02-01",
    "ends_at_1": "00:00:00",
    "funded_fen": 100_000,
    "gold_bonus_bps": 200,
}


def test_staff_draft_see_who_is_affected_and_publish(desk: Client) -> None:
    stall = Stall()
    answer = desk.post(
        "/admin/commissions/planversion/add/", {**TYPED, "products": f"{stall.product.pk}"}
    )
    assert answer.status_code == 302, answer.context["errors"]
    draft = PlanVersion.objects.get(is_default=False)
    assert (draft.plan.kind, draft.plan.shop_id, draft.tier_bonuses) == (
        "campaign",
        None,
        {"gold": 200},
    )
    assert PlanFund.objects.get(plan=draft.plan).funded_fen == 100_000
    page = desk.get(f"/admin/commissions/planversion/{draft.pk}/change/").content.decode()
    assert "1 product (" in page
    asked = desk.get(f"/admin/commissions/planversion/{draft.pk}/publish_one/").content.decode()
    assert "active promoters: 1" in asked
    assert "published" in decide(desk, "planversion", draft.pk, "publish_one")
    assert "ended" in decide(desk, "planversion", draft.pk, "end_one", "over")
    draft.refresh_from_db()
    assert draft.ends_at == draft.starts_at, "it never began"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rate_bps": 5_000}, "the cap is 5000"),
        ({"ends_at_0": "", "ends_at_1": ""}, "A campaign has an end"),
        ({"products": "abc"}, "Numbers, with commas"),
        ({"promoters": "nobody"}, "No promoter is called nobody"),
        ({"shop_id": 999_999_999}, "Not found"),
        ({"shop_id": 1, "charity_bps": 7}, "The same for every shop"),
        ({"promoter_bps": 9_000, "inviter_bps": 9_000}, "together take 18000 bps"),
    ],
)
def test_the_linter_refuses_on_the_page(
    desk: Client,
    change: dict[str, Any],
    said: str,
) -> None:
    Stall()
    page = desk.post("/admin/commissions/planversion/add/", {**TYPED, **change})
    assert said in page.content.decode()
    assert not CommissionPlan.objects.filter(kind="campaign").exists()


def test_staff_change_a_promoters_tier(desk: Client) -> None:
    promoter = PromoterFactory.create()
    assert "tier gold" in decide(desk, "promoter", promoter.pk, "gold_one", "业绩")
    promoter.refresh_from_db()
    assert promoter.tier == "gold"
    assert "is gold already" in decide(desk, "promoter", promoter.pk, "gold_one", "again")
    assert Promoter.objects.get().tier_changes.get().reason == "业绩"
    assert (
        plans.set_tier(promoter_id=promoter.pk, tier="standard", by=None, reason="", at=now()).tier
        == "standard"
    )


def test_staff_try_a_version_over_the_last_month(desk: Client) -> None:
    """X2: queued on the page, run by the worker's verb, told in words."""
    stall = Stall()
    stall.sell(offer=1_000, at=now() - timedelta(days=2))
    version = stall.draft(rate_bps=500)
    assert "queued over" in decide(desk, "planversion", version.pk, "try_one")
    assert whatif.run_queued(at=now()) == 1
    made = WhatIf.objects.get()
    page = desk.get(f"/admin/commissions/whatif/{made.pk}/change/").content.decode()
    assert "1 lines, 0 changed" in page
    assert f"{stall.linda.account.handle}: 8.00 → 8.00" in page
