"""Plans for the members of agencies: who is one when the order is placed is meant, whatever happens
later; the linter, the preview, the trace and the what-if know it: K1, K9, X1, X2, X8, I8."""

import json
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from backend.rest.renderers import encode
from commissions import accruals, books, explain, offers, plans, replay, whatif
from commissions.models import (
    Agency,
    CommissionOrder,
    PlanVersion,
)
from notes.models import NoteProduct
from seeds.factories import (
    AccountFactory,
    AgencyEdgeFactory,
    AgencyFactory,
    NoteFactory,
    PromoterFactory,
    PromotionLinkFactory,
    TouchFactory,
)
from tests.commissions import sales
from tests.commissions.plan_world import AT, DAY, FEN, Stall, founded, moved, speaking, terms

pytestmark = pytest.mark.django_db
TICK = timedelta(microseconds=1)


@pytest.fixture
def stall() -> Stall:
    return Stall()


@pytest.fixture
def agency() -> Agency:
    return founded()


def won(commission: CommissionOrder) -> tuple[str, int]:
    return commission.step, commission.budget_fen


def recomputed(commission: CommissionOrder) -> dict[str, Any]:
    """X1: the trace alone gives the same bytes; the trace."""
    told = json.loads(encode(explain.for_staff(commission.pk)))
    for part in told["splits"]:
        part.pop("payee")
    wanted = {name: told[name] for name in ("budget_fen", "fee_fen", "splits")}
    assert encode(explain.recompute(told)) == encode(wanted)
    return dict(told)


# ---------------------------------------------------------------- whom it speaks to
def test_membership_is_half_open_as_of_the_instant_of_the_order(
    stall: Stall, agency: Agency
) -> None:
    """The instant of joining belongs to the membership, the instant of leaving to what follows."""
    speaking(stall, agency)
    edge = moved(stall.linda, agency, AT)
    moved(stall.linda, agency, AT + DAY)
    moved(stall.linda, agency, AT + 2 * DAY)
    moments = {
        AT - TICK: ("product", 400), AT: ("targeted", 1_500),
        AT + DAY - TICK: ("targeted", 1_500), AT + DAY: ("product", 400),
        AT + 2 * DAY: ("targeted", 1_500),
    }  # fmt: skip
    found = {at: stall.sell(offer=400, at=at) for at in moments}
    assert {at: won(one) for at, one in found.items()} == moments
    named = {"by": "agency", "agency_id": agency.pk, "edge_id": edge.pk}
    assert terms(found[AT])["named"] == named
    assert terms(found[AT + 2 * DAY])["named"]["edge_id"] != edge.pk


def test_a_late_worker_finds_who_was_a_member_then(stall: Stall, agency: Agency) -> None:
    """Neither who joined since, nor who left since, nor a plan that ended since moves a line."""
    version = speaking(stall, agency)
    nana = PromoterFactory.create()
    link = type(stall.link).objects.create(
        promoter=nana, target_kind="product", target_id=stall.product.pk, code="nana", created_at=AT
    )
    moved(stall.linda, agency, AT - DAY)
    lines = [
        sales.sale(at=AT, sku=stall.sku, referral_code=code, rate_bps=400)
        for code in (stall.link.code, link.code)
    ]
    moved(stall.linda, agency, AT + DAY)
    moved(nana, agency, AT + DAY)
    plans.end(version_id=version.pk, by=stall.staff, at=AT + 2 * DAY)
    Agency.objects.filter(pk=agency.pk).update(status="suspended")
    orders = [line.order_id for line in lines]
    assert accruals.reconcile_orders(orders, at=AT + 3 * DAY) == 2
    assert accruals.reconcile_orders(orders, at=AT + 4 * DAY) == 0
    found = CommissionOrder.objects.order_by("order_line_id")
    assert [won(one) for one in found] == [("targeted", 1_500), ("product", 400)]
    rules = [rule for rule in books.RULES if "plan" in rule.name]
    assert books.check(at=AT + 4 * DAY, rules=rules) == []


def test_members_of_another_agency_and_of_one_below_are_not_meant(
    stall: Stall, agency: Agency
) -> None:
    below = AgencyFactory.create(created_at=AT - 8 * DAY, share_bps=0)
    AgencyEdgeFactory.create(agency=agency, child=below, from_at=AT - 2 * DAY)
    moved(stall.linda, below, AT - DAY)
    speaking(stall, agency)
    assert won(stall.sell(offer=400)) == ("product", 400)
    speaking(stall, agency, below, rate_bps=1_600, name="both")
    assert won(stall.sell(offer=400)) == ("targeted", 1_600)


def test_an_author_who_is_a_member_is_meant_and_one_who_promotes_nothing_is_not(
    stall: Stall, agency: Agency
) -> None:
    speaking(stall, agency)
    author = PromoterFactory.create()
    moved(author, agency, AT - DAY)
    found = []
    for account in (author.account, AccountFactory.create()):
        note = NoteFactory.create(author=account)
        NoteProduct.objects.create(note=note, product=stall.product, origin="others")
        found.append(won(stall.sell(offer=400, referral_code="", source=("note", note.pk))))
    assert found == [("targeted", 1_500), ("product", 400)]


def test_a_line_keeps_its_agencys_share_and_a_refund_is_exact(stall: Stall) -> None:
    """1,500 of budget, 20 % of it passed on; half is refunded: the trace gives the same bytes."""
    agency = AgencyFactory.create(created_at=AT - 9 * DAY, share_bps=2_000)
    moved(stall.linda, agency, AT - DAY)
    speaking(stall, agency, kind="exclusive")
    commission = stall.sell(offer=400)
    told = recomputed(commission)
    assert told["plan"]["step"] == "exclusive"
    assert told["pricing"]["named"]["agency_id"] == told["tree"]["agencies"][0]["agency"]
    assert told["pricing"]["named"]["edge_id"] == told["tree"]["agencies"][0]["edge"]
    readable = explain.readable(explain.for_staff(commission.pk))
    assert f"named by agency {agency.pk}, a member by edge" in readable
    stall.refund(commission, FEN // 2)
    recomputed(commission)
    assert sales.splits(commission)["promoter"] == (1_200, 600)
    assert sales.splits(commission)["agency"] == (300, 150)


def test_the_trace_says_how_a_plan_named_who_earns(stall: Stall, agency: Agency) -> None:
    """By name before by tier before by agency; nothing where it speaks to everybody."""
    moved(stall.linda, agency, AT - DAY)
    plans.set_tier(promoter_id=stall.linda.pk, tier="gold", by=stall.staff, reason="x", at=AT - DAY)
    handle, owner = stall.linda.account.handle, agency.owner.handle
    told = []
    for place, fields in enumerate(
        [
            {"promoters": [handle], "tiers": ["gold"], "agencies": [owner]},
            {"tiers": ["gold"], "agencies": [owner]},
        ]
    ):
        stall.plan("targeted", rate_bps=1_500, name=f"n{place}", starts_at=AT + place * DAY,
                   ends_at=AT + (place + 1) * DAY, **fields)  # fmt: skip
        told.append(recomputed(stall.sell(at=AT + place * DAY))["pricing"]["named"])
    stall.plan("campaign", rate_bps=5, starts_at=AT + 2 * DAY, ends_at=AT + 3 * DAY)
    commission = stall.sell(at=AT + 2 * DAY)
    assert [*told, terms(commission)["named"]] == [{"by": "promoter"}, {"by": "tier"}, None]
    # Lines that were priced before plans could name agencies do not say it.
    old = {name: terms(commission)[name] for name in terms(commission) if name != "named"}
    CommissionOrder.objects.filter(pk=commission.pk).update(terms=old)
    assert recomputed(commission)["pricing"]["named"] is None


def test_what_is_open_to_a_member_is_asked_in_one_statement(
    stall: Stall, agency: Agency, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    speaking(stall, agency)
    moved(stall.linda, agency, AT)
    moved(stall.linda, agency, AT + DAY)
    moments = (AT - TICK, AT, AT + DAY - TICK, AT + DAY)
    with django_assert_num_queries(4):
        found = [offers.open_to(stall.linda.account_id, [stall.product.pk], at) for at in moments]
    assert found == [set(), {stall.product.pk}, {stall.product.pk}, set()]


def test_a_plan_for_members_costs_no_statement_more_than_one_for_a_promoter(
    stall: Stall, agency: Agency, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    moved(stall.linda, agency, AT - DAY)
    plans.ensure_default(at=AT)
    first, second = (
        sales.sale(at=AT, sku=stall.sku, referral_code=stall.link.code) for _ in range(2)
    )
    version = stall.named("targeted", rate_bps=1_000)
    with django_assert_num_queries(8) as named:
        accruals.reconcile_orders([first.order_id], at=AT)
    PlanVersion.objects.filter(pk=version.pk).update(ends_at=AT - TICK)
    speaking(stall, agency, rate_bps=1_000, name="members")
    with django_assert_num_queries(len(named)):
        accruals.reconcile_orders([second.order_id], at=AT)


def test_a_replay_gives_another_winner_what_the_plan_set(stall: Stall, agency: Agency) -> None:
    """X7: 1,500 by the plan, not 400 by the offer, would have changed hands; the rules as they are
    make no difference, whoever is a member today."""
    moved(stall.linda, agency, AT - DAY)
    speaking(stall, agency)
    buyer, mia = AccountFactory.create(), PromoterFactory.create()
    link = PromotionLinkFactory.create(promoter=mia, target_id=stall.product.pk)
    TouchFactory.create(link=link, account=buyer, at=AT - DAY)
    stall.sell(offer=400, buyer=buyer)
    moved(stall.linda, agency, AT + DAY)
    scope = replay.Scope(AT.date(), AT.date())
    (same,) = replay.pages(scope=scope, rules=replay.rules_of())
    assert (same.lines, same.differences) == (1, [])
    (other,) = replay.pages(scope=scope, rules=replay.rules_of(without=["named"]))
    (found,) = other.differences
    assert found["was"]["parts"] == [{"payee": stall.linda.account.handle, "amount_fen": 1_500}]
    assert found["would"]["parts"] == [{"payee": mia.account.handle, "amount_fen": 1_500}]
    assert other.moved_fen == 1_500


# ---------------------------------------------------------------- what-if
def test_live_plans_over_their_own_history_differ_by_nothing_and_a_draft_by_its_members(
    stall: Stall, agency: Agency
) -> None:
    """X2: memberships are those of each order's moment."""
    moved(stall.linda, agency, AT)
    moved(stall.linda, agency, AT + DAY)
    draft = stall.draft("targeted", rate_bps=2_000, agencies=[agency.owner.handle], name="draft")
    speaking(stall, agency)
    for at in (AT - TICK, AT, AT + DAY - TICK, AT + DAY):
        stall.sell(offer=400, at=at)
    asked: dict[str, Any] = {
        "owner": stall.shop.account, "by": stall.shop.account, "shop_id": stall.shop.pk,
        "from_at": AT - DAY, "to_at": AT + 2 * DAY, "at": AT + 9 * DAY,
    }  # fmt: skip
    jobs = [whatif.ask(version_id=version, **asked) for version in (None, draft.pk)]
    while whatif.run_queued(at=AT + 9 * DAY):
        pass
    live, tried = (
        whatif.of(owner=stall.shop.account, what_if_id=job.pk).result or {} for job in jobs
    )
    assert (live["before_fen"], live["difference_fen"]) == (2 * 400 + 2 * 1_500, 0)
    assert (live["lines"], live["changed_lines"], live["differs_from_history"]) == (4, 0, 0)
    # The same shop, all products: the later start would win; both begin at once, the draft's rules.
    assert (tried["before_fen"], tried["after_fen"], tried["changed_lines"]) == (3_800, 4_800, 2)
