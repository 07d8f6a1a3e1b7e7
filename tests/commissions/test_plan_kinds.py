"""Which plan pays a line, and what: kinds, scope, targets, tiers, precedence, caps, and the trace
that says so: K1, I2, X1, X8, I8."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from backend.core.errors import NotFound, WrongState
from backend.rest.renderers import encode
from commissions import accruals, books, explain, offers, plans, settlement
from commissions.models import CommissionOrder, PlanVersion
from notes.models import NoteProduct
from seeds.factories import NoteFactory, PromoterFactory, SkuFactory
from tests.commissions import sales
from tests.commissions.plan_world import AT, DAY, FEN, Stall, terms
from tests.commissions.sales import fen_of, house, splits

pytestmark = pytest.mark.django_db


@pytest.fixture
def stall() -> Stall:
    return Stall()


def won(commission: CommissionOrder) -> tuple[str, int]:
    return commission.step, commission.budget_fen


def recomputed(commission: CommissionOrder) -> None:
    """X1: the trace alone gives the same bytes."""
    told = json.loads(encode(explain.for_staff(commission.pk)))
    for part in told["splits"]:
        part.pop("payee")
    wanted = {name: told[name] for name in ("budget_fen", "fee_fen", "splits")}
    assert encode(explain.recompute(told)) == encode(wanted)


def test_the_precedence_is_the_printed_one(stall: Stall) -> None:
    """Each step in turn is taken away, and the next one wins."""
    gold: dict[str, Any] = {"tiers": ["gold"], "platform": True, "name": "tier"}
    plans.set_tier(
        promoter_id=stall.linda.pk, tier="gold", by=stall.staff, reason="x", at=AT - 2 * DAY
    )
    versions = {
        "platform": stall.plan(platform=True, rate_bps=100),
        "shop": stall.plan(rate_bps=200),
        "tier": stall.plan(rate_bps=300, **gold),
        "campaign": stall.plan("campaign", rate_bps=500, ends_at=AT + DAY),
        "targeted": stall.named("targeted", rate_bps=600),
        "exclusive": stall.named("exclusive", rate_bps=700),
    }
    paid = []
    for step in ("exclusive", "targeted", "campaign", "product", "tier", "shop", "platform"):
        commission = stall.sell(offer=400 if step in plans.PRECEDENCE[:4] else 0)
        assert commission.step == step
        paid.append((step, commission.budget_fen))
        recomputed(commission)
        if step in versions:
            with connection.cursor() as cursor:
                # Over before the next order; the verb ends from now on only.
                cursor.execute(
                    "UPDATE commissions_planversion SET ends_at = starts_at WHERE id = %s",
                    [versions[step].pk],
                )
    assert paid == [
        ("exclusive", 700), ("targeted", 600), ("campaign", 500), ("product", 400),
        ("tier", 300), ("shop", 200), ("platform", 100),
    ]  # fmt: skip
    assert tuple(step for step, _ in paid) == plans.PRECEDENCE
    assert won(stall.sell()) == ("platform", 0)


def test_validity_is_half_open_as_of_the_instant_of_the_order(stall: Stall) -> None:
    """X9: the start belongs to the version, the end to what comes after it."""
    stall.plan("campaign", rate_bps=1_000, starts_at=AT, ends_at=AT + DAY)
    tick = timedelta(microseconds=1)
    moments = {AT - tick: 0, AT: 1_000, AT + DAY - tick: 1_000, AT + DAY: 0}
    assert {at: stall.sell(at=at).budget_fen for at in moments} == moments


def test_a_late_worker_takes_what_was_in_force_when_the_order_was_placed(stall: Stall) -> None:
    """Neither a plan that ended since, nor one of today, nor a tier of today moves a line."""
    first = stall.plan(rate_bps=1_000, name="a")
    line = sales.sale(at=AT, sku=stall.sku, referral_code=stall.link.code, rate_bps=0)
    late = AT + 3 * DAY
    plans.end(version_id=first.pk, by=stall.staff, at=AT + DAY)
    plans.set_tier(promoter_id=stall.linda.pk, tier="gold", by=stall.staff, reason="x", at=AT + DAY)
    stall.plan(rate_bps=2_000, starts_at=AT + 2 * DAY, name="b")
    accruals.reconcile_orders([line.order_id], at=late)
    commission = CommissionOrder.objects.get(order_line=line)
    assert (won(commission), commission.plan_version_id) == (("shop", 1_000), first.pk)
    assert terms(commission)["tier"] == "standard"
    assert accruals.reconcile_orders([line.order_id], at=late + DAY) == 0


def test_a_plan_covers_the_products_of_its_shop_or_those_it_names(stall: Stall) -> None:
    other = SkuFactory.create(product__shop=stall.shop, price_fen=FEN)
    stall.plan(rate_bps=1_000, products=[other.product_id])
    link = stall.link
    type(link).objects.filter(pk=link.pk).update(target_kind="shop", target_id=stall.shop.pk)
    assert stall.sell().budget_fen == 0
    assert stall.sell(sku=other).budget_fen == 1_000
    stall.plan(rate_bps=500, name="all")
    assert stall.sell().budget_fen == 500
    assert stall.sell(sku=other).budget_fen == 1_000, "named products go before all"


def test_another_shops_plan_pays_nothing_here(stall: Stall) -> None:
    Stall().plan(rate_bps=1_000)
    assert won(stall.sell()) == ("platform", 0)


def test_a_shops_plan_goes_before_the_platforms_of_the_same_kind(stall: Stall) -> None:
    stall.named("targeted", rate_bps=900, platform=True)
    assert stall.sell().budget_fen == 900
    stall.named("targeted", rate_bps=800)
    assert stall.sell().budget_fen == 800


def test_a_targeted_plan_speaks_to_those_it_names_and_to_tiers(stall: Stall) -> None:
    nana = PromoterFactory.create()
    stall.named("targeted", nana, rate_bps=1_500, tiers=["silver"])
    assert won(stall.sell(offer=400)) == ("product", 400)
    plans.set_tier(promoter_id=stall.linda.pk, tier="silver", by=stall.staff, reason="x", at=AT)
    assert won(stall.sell(offer=400)) == ("targeted", 1_500)


def test_without_a_rate_of_its_own_a_plan_divides_the_products_offer(stall: Stall) -> None:
    """Shares are the plan's, and charity the market's, whatever a shop drafts."""
    version = stall.named("targeted", promoter_bps=6_000, charity_bps=9_999)
    assert version.charity_bps == 100
    commission = stall.sell(offer=2_000)
    assert splits(commission) == {
        "promoter": (1_200, 0), "shop": (800, 0), "platform": (495, 0), "charity": (5, 0),
    }  # fmt: skip
    assert fen_of(stall.linda.account, "pending") == 1_200
    assert house("shop", "payable", stall.shop.pk) == -(1_200 + 500)


def test_a_bonus_of_a_tier_is_added_to_the_rate(stall: Stall) -> None:
    stall.named("targeted", tier_bonuses={"gold": 250})
    assert stall.sell(offer=1_000).budget_fen == 1_000
    plans.set_tier(promoter_id=stall.linda.pk, tier="gold", by=stall.staff, reason="x", at=AT)
    commission = stall.sell(offer=1_000)
    assert (commission.budget_fen, commission.rate_bps) == (1_250, 1_250)
    assert terms(commission)["bonus_bps"] == 250
    recomputed(commission)


def test_a_fixed_amount_is_paid_for_each_unit_and_never_beyond_the_base(stall: Stall) -> None:
    stall.plan(unit_fen=450)
    commission = stall.sell(qty=3)
    assert (commission.budget_fen, commission.rate_bps, commission.base_fen) == (1_350, 0, 30_000)
    recomputed(commission)
    cheap = stall.sell(qty=3, price_fen=200)
    assert (cheap.budget_fen, terms(cheap)["cut_by"]) == (300, "cap"), "half of 600"
    dear = stall.sell(qty=3, price_fen=200, fee_bps=6_000)
    assert (dear.budget_fen, terms(dear)["cut_by"]) == (240, "margin"), "600 less 60 % fee"
    for one in (cheap, dear):
        recomputed(one)


def test_the_platforms_cap_holds_when_a_line_is_sold_and_not_only_at_publishing(
    stall: Stall, settings: Any
) -> None:
    """X8, K8: a bonus of 50 % over goods without an offer, and then they have one of 50 %."""
    plans.set_tier(
        promoter_id=stall.linda.pk, tier="gold", by=stall.staff, reason="x", at=AT - 2 * DAY
    )
    stall.named("targeted", tier_bonuses={"gold": 5_000})
    bonus, both = stall.sell(), stall.sell(offer=5_000)
    assert [won(bonus), won(both)] == [("targeted", 5_000)] * 2
    assert [terms(one)["cut_by"] for one in (bonus, both)] == ["", "cap"]
    assert (terms(both)["wanted_fen"], terms(both)["cap_bps"]) == (FEN, 5_000)
    assert "cut by cap" in explain.readable(explain.for_staff(both.pk))
    settings.COMMISSION_CAP_BPS = 1_000
    later = stall.sell(offer=300)
    assert (later.budget_fen, terms(later)["cap_bps"]) == (1_000, 1_000)
    for commission in (bonus, both, later):
        recomputed(commission)
    stall.refund(both, 3_333)
    recomputed(both)
    rules = [rule for rule in books.RULES if rule.code.startswith("I")]
    assert books.check(at=AT, rules=rules) == []


def test_a_fixed_amount_gives_back_in_proportion_however_a_refund_is_cut(stall: Stall) -> None:
    """I4: path-independent, and a full refund takes back all."""
    stall.plan(unit_fen=333)
    pieces, whole = (stall.sell(qty=3) for _ in range(2))
    for fen in (1, 4_999, 5_000):
        stall.refund(pieces, fen)
    stall.refund(whole, 10_000)
    assert splits(pieces) == splits(whole)
    assert splits(whole)["promoter"] == (999, 333)
    recomputed(whole)
    stall.refund(whole, 20_000)
    assert splits(whole)["promoter"] == (999, 999)
    assert books.check(at=AT, rules=[r for r in books.RULES if r.code.startswith("I")]) == []


def test_caps_of_an_order_a_day_and_a_month_cut_what_is_over(stall: Stall) -> None:
    stall.plan(rate_bps=1_000, cap_order_fen=900, cap_day_fen=1_500, cap_month_fen=2_000)
    today = [stall.sell() for _ in range(3)]
    assert [one.budget_fen for one in today] == [900, 600, 0]
    assert [terms(one)["cut_by"] for one in today] == ["order", "day", "day"]
    tomorrow = stall.sell(at=AT + DAY)
    assert (tomorrow.budget_fen, terms(tomorrow)["cut_by"]) == (500, "month")
    next_month = stall.sell(at=AT + 10 * DAY)
    assert (next_month.budget_fen, terms(next_month)["cut_by"]) == (900, "order")
    for commission in (*today, tomorrow, next_month):
        recomputed(commission)
    assert "cut by day" in explain.readable(explain.for_staff(today[1].pk))
    assert (
        books.check(at=AT, rules=[r for r in books.RULES if "plan" in r.name or "cap" in r.name])
        == []
    )


def test_the_day_of_a_cap_is_the_markets(stall: Stall) -> None:
    """Shanghai's midnight is 16:00 UTC."""
    stall.plan(rate_bps=1_000, cap_day_fen=1_000, starts_at=AT - DAY)
    midnight = AT.replace(hour=16)
    tick = timedelta(microseconds=1)
    found = [stall.sell(at=at).budget_fen for at in (midnight - tick, midnight - tick, midnight)]
    assert found == [1_000, 0, 1_000]


def test_a_cap_is_of_one_promoter_and_one_plan(stall: Stall) -> None:
    first = stall.plan(rate_bps=1_000, cap_day_fen=1_000, name="a")
    assert [stall.sell().budget_fen for _ in range(2)] == [1_000, 0]
    nana = PromoterFactory.create()
    link = type(stall.link).objects.create(
        promoter=nana, target_kind="product", target_id=stall.product.pk, code="nana", created_at=AT
    )
    assert stall.sell(referral_code=link.code).budget_fen == 1_000
    assert first.plan.versions.count() == 1


def test_a_refund_does_not_open_a_cap_again(stall: Stall) -> None:
    """The choice: a cap bounds what is granted; a sale undone is not granted twice."""
    stall.plan(rate_bps=1_000, cap_day_fen=1_000)
    stall.refund(stall.sell(), FEN)
    assert stall.sell().budget_fen == 0


def test_all_lines_of_one_order_share_its_cap(stall: Stall) -> None:
    stall.plan(rate_bps=1_000, cap_order_fen=1_500)
    line = sales.sale(at=AT, sku=stall.sku, referral_code=stall.link.code, rate_bps=0)
    other = type(line).objects.get(pk=line.pk)
    other.pk = None
    other.sku = SkuFactory.create(product=stall.product)
    other.save()
    accruals.reconcile_orders([line.order_id], at=AT)
    found = CommissionOrder.objects.filter(order_line__order=line.order_id).order_by("order_line")
    assert [one.budget_fen for one in found] == [1_000, 500]


def test_an_author_is_paid_by_the_same_plans(stall: Stall) -> None:
    note = NoteFactory.create()
    NoteProduct.objects.create(note=note, product=stall.product, origin="others")
    stall.plan(rate_bps=1_000, creator_bps=9_000)
    commission = stall.sell(referral_code="", source=("note", note.pk))
    assert (commission.step, splits(commission)["creator"]) == ("shop", (900, 0))
    recomputed(commission)


def test_a_line_that_nobody_promoted_takes_nothing_of_a_plan(stall: Stall) -> None:
    version = stall.plan(rate_bps=1_000)
    stall.fund(version, 1_000)
    commission = stall.sell(referral_code="")
    assert (commission.step, commission.budget_fen, commission.terms) == ("", 0, None)
    version.plan.fund.refresh_from_db()
    assert version.plan.fund.taken_fen == 0


def test_a_planned_commission_settles_like_any_other(stall: Stall) -> None:
    stall.plan(unit_fen=500)
    commission = stall.sell()
    sales.receive(commission.order_line, AT)
    accruals.reconcile_orders([commission.order_line.order_id], at=AT)
    settlement.settle_due(at=AT + 8 * DAY)
    assert fen_of(stall.linda.account, "available") == 500


def test_lines_without_plans_cost_no_statement_more(
    stall: Stall, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    plans.ensure_default(at=AT)
    line, other = (
        sales.sale(at=AT, sku=stall.sku, referral_code=stall.link.code) for _ in range(2)
    )
    accruals.reconcile_orders([line.order_id], at=AT)
    Stall().plan(rate_bps=1_000)
    with django_assert_num_queries(4):
        # A savepoint around the one statement that writes: this test holds a transaction.
        accruals.reconcile_orders([other.order_id], at=AT)


def test_a_plan_opens_its_goods_to_authors(stall: Stall) -> None:
    author = PromoterFactory.create()
    ids = [stall.product.pk]
    assert offers.open_to(author.account_id, ids, AT) == set()
    stall.named("targeted", author, rate_bps=1_000)
    assert offers.open_to(author.account_id, ids, AT) == {stall.product.pk}
    assert offers.open_to(stall.linda.account_id, ids, AT) == set()
    assert offers.open_to(stall.shop.account_id, ids, AT) == set()


def test_an_ended_version_pays_until_then_and_never_comes_back(stall: Stall) -> None:
    version = stall.plan(rate_bps=1_000)
    plans.end(version_id=version.pk, by=stall.staff, at=AT)
    tick = timedelta(microseconds=1)
    assert [stall.sell(at=at).budget_fen for at in (AT - tick, AT)] == [1_000, 0]
    with pytest.raises(WrongState):
        plans.end(version_id=version.pk, by=stall.staff, at=AT + DAY)
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        PlanVersion.objects.filter(pk=version.pk).update(ends_at=AT + DAY)


def test_the_next_version_ends_the_one_before(stall: Stall) -> None:
    first = stall.plan(rate_bps=1_000)
    second = plans.next_version(
        owner=stall.shop.account, plan_id=first.plan_id, at=AT,
        fields={"promoter_bps": 5_000, "rate_bps": 2_000, "starts_at": AT + DAY},
    )  # fmt: skip
    plans.publish(version_id=second.pk, owner=stall.shop.account, by=stall.staff, at=AT)
    first.refresh_from_db()
    assert (second.number, first.ends_at) == (2, AT + DAY)
    assert [stall.sell(at=at).budget_fen for at in (AT, AT + DAY)] == [1_000, 2_000]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE commissions_planversion SET rate_bps = 9",
        "UPDATE commissions_planversion SET cap_day_fen = NULL",
        "UPDATE commissions_planversion SET tier_bonuses = '{\"gold\": 9}'",
        "UPDATE commissions_commissionplan SET kind = 'open'",
        "DELETE FROM commissions_plantarget",
        "DELETE FROM commissions_planproduct",
        "INSERT INTO commissions_plantarget (version_id, promoter_id)"
        " SELECT v.id, p.id + 1 FROM commissions_planversion v, commissions_promoter p"
        " WHERE v.rate_bps = 1000",
    ],
)
def test_the_database_refuses_to_change_a_published_plan(stall: Stall, change: str) -> None:
    stall.named("targeted", rate_bps=1_000, cap_day_fen=5, products=[stall.product.pk])
    with pytest.raises(IntegrityError, match=r"never changes|keeps its kind"), transaction.atomic():
        connection.cursor().execute(change)


def test_tiers_are_dated_for_good(stall: Stall) -> None:
    def put(tier: str) -> Any:
        return plans.set_tier(
            promoter_id=stall.linda.pk, tier=tier, by=stall.staff, reason="r", at=AT
        )

    assert put("gold").tier == "gold"
    with pytest.raises(WrongState):
        put("gold")
    with pytest.raises(NotFound):
        plans.set_tier(promoter_id=0, tier="gold", by=stall.staff, reason="r", at=AT)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        stall.linda.tier_changes.update(tier="silver")
