"""The linter refuses a bad plan with a stable code and the clause it breaks: X8, K8, I8."""

from collections.abc import Callable
from typing import Any

import pytest

from backend.core.errors import NotFound, WrongState
from commissions import plans
from commissions.models import CommissionPlan, PlanVersion
from commissions.plans import PlanRefused
from seeds.factories import CommissionOfferFactory, PromoterFactory, SkuFactory
from tests.commissions.plan_world import AT, DAY, FEN, Stall

pytestmark = pytest.mark.django_db
ENDS: dict[str, Any] = {"ends_at": AT + DAY}


@pytest.fixture
def stall() -> Stall:
    return Stall()


def codes(version: PlanVersion) -> list[str]:
    return [one.code for one in plans.lint_version(version=version, at=AT - DAY)]


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [
        ("open", {"rate_bps": 5_001}, "plan_over_cap"),
        ("campaign", {"rate_bps": 4_000, "tier_bonuses": {"gold": 1_001}, **ENDS}, "plan_over_cap"),
        ("open", {"unit_fen": 5_001}, "plan_over_cap"),
        ("open", {}, "plan_without_rate"),
        ("open", {"unit_fen": 5, "tier_bonuses": {"gold": 5}}, "plan_without_rate"),
        ("campaign", {"rate_bps": 5}, "plan_needs_end"),
        ("targeted", {"rate_bps": 5}, "plan_needs_targets"),
        ("exclusive", {"rate_bps": 5}, "plan_needs_targets"),
        ("open", {"rate_bps": 5, "promoters": ["linda"]}, "plan_needs_targets"),
        ("campaign", {"rate_bps": 5, "promoters": ["linda"], **ENDS}, "plan_needs_targets"),
        ("open", {"rate_bps": 5, "cap_order_fen": 9, "cap_day_fen": 8}, "plan_caps_contradict"),
        ("open", {"rate_bps": 5, "cap_day_fen": 9, "cap_month_fen": 8}, "plan_caps_contradict"),
        ("open", {"rate_bps": 5, "starts_at": AT - 2 * DAY}, "plan_starts_in_past"),
    ],
)
def test_what_publishing_refuses(
    stall: Stall, kind: str, fields: dict[str, Any], code: str
) -> None:
    stall.linda.account.__class__.objects.filter(pk=stall.linda.account_id).update(handle="linda")
    version = stall.draft(kind, **fields)
    assert codes(version) == [code]
    with pytest.raises(PlanRefused) as refused:
        plans.publish(version_id=version.pk, by=stall.staff, at=AT - DAY)
    assert (refused.value.code, refused.value.status) == (code, 422)
    assert refused.value.extra["clause"].startswith("plans ")
    version.refresh_from_db()
    assert version.published_at is None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"promoter_bps": 8_001, "inviter_bps": 2_000}, "plan_over_hundred_percent"),
        ({"promoter_bps": 3_000, "inviter_bps": 4_000}, "plan_pays_recruiting"),
        ({"promoter_bps": 0, "inviter_bps": 1}, "plan_pays_recruiting"),
        ({"rate_bps": 5, "unit_fen": 5}, "plan_two_rates"),
        ({"rate_bps": 5, "ends_at": AT - DAY}, "plan_ends_before_start"),
        ({"rate_bps": 5, "promoters": ["nobody"]}, "plan_target_unknown"),
        ({"rate_bps": 5, "products": [999_999_999]}, "plan_target_unknown"),
    ],
)
def test_what_cannot_even_be_drafted(stall: Stall, fields: dict[str, Any], code: str) -> None:
    with pytest.raises(PlanRefused) as refused:
        stall.draft(**fields)
    assert refused.value.code == code
    assert not CommissionPlan.objects.filter(shop=stall.shop).exists()


def test_a_head_count_reward_is_refused_by_the_law_it_breaks(stall: Stall) -> None:
    with pytest.raises(PlanRefused) as refused:
        stall.draft(promoter_bps=1_000, inviter_bps=9_000)
    assert "《禁止传销条例》 Art. 7" in refused.value.extra["clause"]


def test_a_market_of_one_paying_level_refuses_an_inviter_share(stall: Stall, settings: Any) -> None:
    settings.PAYING_LEVELS = 1
    with pytest.raises(PlanRefused) as refused:
        stall.draft(promoter_bps=8_000, inviter_bps=2_000)
    assert refused.value.code == "plan_too_many_levels"


def test_goods_that_are_not_on_sale_yet_have_their_price_too(stall: Stall) -> None:
    """They would be on sale under a plan that nobody has judged."""
    for fen in (FEN, 3 * FEN):
        SkuFactory.create(product=stall.product, price_fen=fen)
    stall.product.status = "draft"
    stall.product.save()
    assert codes(stall.draft(unit_fen=5_000, products=[stall.product.pk])) == []
    assert codes(stall.draft(unit_fen=5_001, products=[stall.product.pk])) == ["plan_over_cap"]


def test_what_the_platform_fee_leaves_is_the_most(stall: Stall, settings: Any) -> None:
    settings.COMMISSION_CAP_BPS = 10_000
    stall.shop.fee_bps = 4_000
    stall.shop.save()
    assert codes(stall.draft(rate_bps=6_000)) == []
    assert codes(stall.draft(rate_bps=6_001)) == ["plan_over_margin"]
    assert codes(stall.draft(unit_fen=6_000)) == []
    assert codes(stall.draft(unit_fen=6_001)) == ["plan_over_margin"]


def test_a_plan_that_uses_the_products_offer_is_judged_by_the_highest(stall: Stall) -> None:
    CommissionOfferFactory.create(product=stall.product, rate_bps=4_900)
    bonus: dict[str, Any] = {
        "promoters": [stall.linda.account.handle],
        "tier_bonuses": {"gold": 101},
    }
    assert codes(stall.draft("targeted", **bonus)) == ["plan_over_cap"]
    other = SkuFactory.create(product__shop=stall.shop).product_id
    assert codes(stall.draft("targeted", **bonus, products=[other])) == []


def test_a_cap_above_the_fund_contradicts_it(stall: Stall) -> None:
    version = stall.draft(rate_bps=5, cap_month_fen=1_001)
    stall.fund(version, 1_000)
    assert codes(version) == ["plan_caps_contradict"]


def test_two_exclusive_plans_for_one_product_and_promoter_are_refused(stall: Stall) -> None:
    first = stall.named("exclusive", rate_bps=5, starts_at=AT, ends_at=AT + DAY)
    nana, other = PromoterFactory.create(), SkuFactory.create(product__shop=stall.shop)
    me: dict[str, Any] = {"promoters": [stall.linda.account.handle], "rate_bps": 5}
    clash = ["plan_overlaps_exclusive"]
    assert codes(stall.draft("exclusive", **me, starts_at=AT)) == clash
    assert codes(stall.draft("exclusive", **me, products=[stall.product.pk])) == clash
    assert codes(stall.draft("exclusive", **me, platform=True)) == clash
    # Half-open: one begins where the other ends. Another promoter, product or kind is free.
    assert codes(stall.draft("exclusive", **me, starts_at=AT + DAY)) == []
    assert codes(stall.draft("exclusive", **me, ends_at=AT)) == []
    assert codes(stall.draft("targeted", **me)) == []
    hers = {**me, "promoters": [nana.account.handle]}
    assert codes(stall.draft("exclusive", **hers)) == []
    plans.end(version_id=first.pk, by=stall.staff, at=AT - DAY)
    assert codes(stall.draft("exclusive", **me)) == []
    stall.named("exclusive", rate_bps=5, products=[other.product_id], name="other")
    assert codes(stall.draft("exclusive", **me, products=[stall.product.pk])) == []


def test_a_tier_and_a_promoter_of_it_overlap(stall: Stall) -> None:
    stall.plan("exclusive", rate_bps=5, tiers=["gold"])
    me = stall.draft("exclusive", rate_bps=5, promoters=[stall.linda.account.handle])
    assert codes(me) == []
    plans.set_tier(promoter_id=stall.linda.pk, tier="gold", by=stall.staff, reason="x", at=AT)
    assert codes(me) == ["plan_overlaps_exclusive"]


def test_a_draft_is_changed_until_it_is_published(stall: Stall) -> None:
    version = stall.draft(rate_bps=5, products=[stall.product.pk])
    owner = stall.shop.account
    changed = plans.change(
        owner=owner, version_id=version.pk, at=AT,
        fields={"rate_bps": None, "unit_fen": 7, "products": []},
    )  # fmt: skip
    assert (changed.rate_bps, changed.unit_fen, changed.all_products) == (None, 7, True)
    plans.publish(version_id=version.pk, owner=owner, by=owner, at=AT - DAY, from_now=True)
    with pytest.raises(WrongState):
        plans.change(owner=owner, version_id=version.pk, fields={"unit_fen": 8}, at=AT)
    version.refresh_from_db()
    assert (version.unit_fen, version.starts_at) == (7, AT - DAY)


def test_another_shops_plans_do_not_exist(stall: Stall) -> None:
    version, mallory = stall.draft(rate_bps=5), Stall().shop.account
    acts: list[Callable[[], Any]] = [
        lambda: plans.change(owner=mallory, version_id=version.pk, fields={}, at=AT),
        lambda: plans.publish(owner=mallory, by=mallory, version_id=version.pk, at=AT),
        lambda: plans.end(owner=mallory, by=mallory, version_id=version.pk, at=AT),
        lambda: plans.next_version(owner=mallory, plan_id=version.plan_id, fields={}, at=AT),
        lambda: plans.set_fund(
            owner=mallory, by=mallory, plan_id=version.plan_id, funded_fen=1, at=AT
        ),
        lambda: plans.version_of(owner=mallory, version_id=version.pk),
        lambda: plans.plan_of(owner=mallory, plan_id=version.plan_id),
        lambda: plans.of_shop(owner=mallory, shop_id=stall.shop.pk),
    ]
    for act in acts:
        with pytest.raises(NotFound):
            act()


def test_the_preview_says_whom_it_touches_and_what_changes(stall: Stall) -> None:
    offered = SkuFactory.create(product__shop=stall.shop, price_fen=FEN).product
    CommissionOfferFactory.create(product=offered, rate_bps=800)
    SkuFactory.create()
    shop_wide = stall.draft(rate_bps=300)
    found = plans.preview(version=shop_wide)
    assert (found["step"], found["products"], found["promoters"]) == ("shop", 2, 1)
    before = {"step": "product", "rate_bps": 800, "unit_fen": None}
    nothing = {"step": "platform", "rate_bps": 0, "unit_fen": None}
    after = {"step": "shop", "rate_bps": 300, "unit_fen": None}
    changes = [(one["before"], one["after"]) for one in found["changes"]]
    assert sorted(changes, key=str) == sorted([(before, before), (nothing, after)], key=str)
    campaign = stall.draft("campaign", unit_fen=50, products=[offered.pk], **ENDS)
    (change,) = plans.preview(version=campaign)["changes"]
    assert change["before"] == before
    assert change["after"] == {"step": "campaign", "rate_bps": None, "unit_fen": 50}
    assert "1 product (" in plans.preview_words(campaign)
