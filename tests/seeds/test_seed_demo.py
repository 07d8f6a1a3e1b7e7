"""The demo, small: what the plan of the demo data promises holds on the rows (A6, N1, B1, D2, D4,
H5, K12), and the books are clean."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.db import connection

from backend.accounts.models import Account
from backend.core.clock import business_day
from backend.core.sql import rows
from backend.rest.renderers import encode
from commissions import books, earnings, explain, plans, restating, statements
from commissions.models import (
    AgencyEdge,
    Attribution,
    AttributionOverride,
    Bounty,
    BountyAward,
    CommissionOrder,
    CommissionSplit,
    ComplianceFinding,
    ConversionImport,
    CouponCode,
    LockChange,
    LockSetting,
    Payout,
    PlanFund,
    PlanVersion,
    Promoter,
    PromoterCount,
    RiskCase,
    SettlementPeriod,
    SponsorEdge,
    Statement,
    TaxWithholding,
)
from notes import feed, search
from notes.feed import Slice
from notes.models import MediaFile, Note
from seeds.scenarios.demo import World
from seeds.scenarios.personas import PASSWORD
from shops import metrics
from shops.models import DailyMetric, Order, Shop
from tests.seeds.chains import must_pay_the_whole_chain
from tests.seeds.worlds import count, small, this_morning, undone

AT = this_morning()
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def world(
    django_db_setup: None,
    django_db_blocker: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """One small demo for all tests of this file, none of which writes."""
    with django_db_blocker.unblock(), undone(tmp_path_factory.mktemp("media")):  # type: ignore[attr-defined]
        made = small(at=AT)
        connection.check_constraints()  # once, or every test's end checks them anew
        yield made


def test_the_books_are_clean(world: World) -> None:
    assert [finding.name for finding in books.check(at=AT)] == []


def test_bloggers_have_exactly_999_and_1000_followers_and_selena_none(world: World) -> None:
    found = dict(Account.objects.values_list("handle", "follower_count"))
    wanted = {"blogger999": 999, "blogger1000": 1_000, "buyer": 1_180, "selena": 0}
    assert {handle: found[handle] for handle in wanted} == wanted


def test_every_counter_equals_its_rows(world: World) -> None:
    wrong = """
        SELECT (SELECT count(*) FROM accounts_account a WHERE
            (follower_count, following_count, note_count) <>
            ((SELECT count(*) FROM notes_follow f WHERE f.followee_id = a.id),
             (SELECT count(*) FROM notes_follow f WHERE f.follower_id = a.id),
             (SELECT count(*) FROM notes_note n
                WHERE n.author_id = a.id AND n.status = 'published')))
        + (SELECT count(*) FROM notes_note n WHERE (like_count, collect_count, comment_count) <>
            ((SELECT count(*) FROM notes_like x WHERE x.note_id = n.id),
             (SELECT count(*) FROM notes_collect x WHERE x.note_id = n.id),
             (SELECT count(*) FROM notes_comment x
                WHERE x.note_id = n.id AND x.status = 'visible')))
        + (SELECT count(*) FROM notes_topic t WHERE note_count <>
            (SELECT count(*) FROM notes_note_topics x JOIN notes_note n ON n.id = x.note_id
                WHERE x.topic_id = t.id AND n.status = 'published'))
    """
    assert count(wrong) == 0


def test_stock_movements_add_up_to_the_stock(world: World) -> None:
    wrong = """
        SELECT count(*) FROM shops_sku k LEFT JOIN (
            SELECT sku_id, sum(delta_on_hand) AS on_hand, sum(delta_committed) AS committed
            FROM shops_stockmovement GROUP BY sku_id) m ON m.sku_id = k.id
        WHERE (k.on_hand, k.committed) <> (coalesce(m.on_hand, 0), coalesce(m.committed, 0))
    """
    assert count(wrong) == 0


def test_orders_made_elsewhere_earn_a_bounty_is_reached_and_a_case_waits(world: World) -> None:
    """K10, K18, K19."""
    job = ConversionImport.objects.get()
    assert (job.status, job.row_count) == ("done", sum(job.counts.values()))
    assert {"accepted", "unknown_sku"} == set(job.counts)
    assert Order.objects.filter(status="external").count() == job.counts["accepted"]
    award = BountyAward.objects.get(bounty__shop__isnull=False)
    assert (award.account.handle, award.status) == ("linda", "promised")
    assert Bounty.objects.filter(status="published").count() == 2
    cases = RiskCase.objects.filter(status="open")
    assert cases.exists()
    assert all(case.commission.held_reason == "risk_banned_source" for case in cases)


def test_dab_and_gmv_equal_a_recount_of_the_orders(world: World) -> None:
    days = DailyMetric.objects.filter(shop_id=0).values_list("day", flat=True)
    assert len(days) >= 20
    for day in days:
        stored = DailyMetric.objects.filter(day=day).order_by("shop_id")
        figures = [{"shop_id": row.shop_id, **_figures(row)} for row in stored]
        assert figures == metrics.recount(day)
        placed = Order.objects.filter(placed_day=day).exclude(status="external")
        assert stored[0].gmv_fen == sum(placed.values_list("payable_fen", flat=True))
        assert stored[0].dab == placed.values("buyer").distinct().count()


def _figures(row: DailyMetric) -> dict[str, int]:
    return {name: getattr(row, name) for name in metrics.FIGURES}


def test_others_goods_are_shown_by_approved_accounts_alone(world: World) -> None:
    others = """SELECT count(*) FROM {cards} c JOIN {of} n ON n.id = c.{key}
        WHERE c.origin = 'others' AND {yes} EXISTS (SELECT 1 FROM notes_goodsnoteapplication g
            WHERE g.account_id = n.{who} AND g.status = 'approved'
            AND g.follower_count_at_apply >= 1000)"""
    note = {"cards": "notes_noteproduct", "of": "notes_note", "key": "note_id", "who": "author_id"}
    room = {
        "cards": "notes_liveproduct",
        "of": "notes_livesession",
        "key": "session_id",
        "who": "host_id",
    }
    assert count(others.format(**note, yes="NOT")) == 0
    assert count(others.format(**room, yes="NOT")) == 0
    assert count(others.format(**note, yes="")) > 0


def test_own_cards_are_of_own_goods(world: World) -> None:
    foreign = """SELECT count(*) FROM notes_noteproduct c JOIN notes_note n ON n.id = c.note_id
        JOIN shops_product p ON p.id = c.product_id JOIN shops_shop s ON s.id = p.shop_id
        WHERE (c.origin = 'own') <> (s.account_id = n.author_id)"""
    assert count(foreign) == 0


def test_no_feed_is_empty_for_anybody_named(world: World) -> None:
    for handle, account in world.town.personas.items():
        part = Slice(20)
        city = account.city_code
        assert feed.discover(viewer=account, part=part, media="all", goods=True)[0], handle
        assert feed.follow(viewer=account, part=part)[0], handle
        assert feed.nearby(viewer=account, part=part, city=city, media="all")[0], (handle, city)


def test_discover_shows_notes_with_goods_and_without(world: World) -> None:
    page, _ = feed.discover(viewer=None, part=Slice(20), media="all", goods=True)
    assert {item["has_products"] for item in page} == {True, False}


def test_few_notes_share_a_place_in_discover(world: World) -> None:
    hot = Note.objects.filter(status="published").values_list("hot", flat=True)
    assert len(set(hot)) > 0.98 * len(hot)


def test_every_order_state_can_be_seen(world: World) -> None:
    found = set(Order.objects.values_list("status", flat=True))
    wanted = {"pending_payment", "paid", "shipped", "received", "completed", "cancelled", "closed"}
    assert found >= wanted


def test_every_payout_state_can_be_seen(world: World) -> None:
    found = set(Payout.objects.values_list("status", flat=True))
    assert found == {
        "requested", "prepared", "checked", "approved", "paid", "failed", "unknown", "rejected",
    }  # fmt: skip


def test_a_payout_is_taxed_another_is_held_and_one_waits_for_its_second_checker(
    world: World,
) -> None:
    """K5, K6: by the cumulative method a prize of 8,000 yuan is taxed 42, the others nothing."""
    taxed = Payout.objects.exclude(tax_fen=0).earliest("id")
    assert (taxed.amount_fen, taxed.tax_fen, taxed.status) == (800_000, 4_200, "paid")
    assert TaxWithholding.objects.count() == Payout.objects.count()
    checked = Payout.objects.get(status="checked")
    assert (checked.needs_second, checked.checked_by.handle) == (True, "finance_b")
    held = Payout.objects.get(held_at__isnull=False)
    assert (held.status, held.held_by.handle) == ("prepared", "finance_a")


def test_the_chain_is_ella_linda_nana_with_dated_edges(world: World) -> None:
    by_handle = {row.account.handle: row for row in Promoter.objects.select_related("account")}
    ella, linda, nana = (by_handle[handle] for handle in ("ella", "linda", "nana"))
    assert (ella.sponsor_id, linda.sponsor_id, nana.sponsor_id) == (None, ella.pk, linda.pk)
    assert set(SponsorEdge.objects.values_list("promoter_id", "sponsor_id")) >= {
        (linda.pk, ella.pk),
        (nana.pk, linda.pk),
    }


def test_linda_and_ella_have_earned(world: World) -> None:
    for handle in ("linda", "ella"):
        summary = earnings.summary(world.town.named(handle))
        assert sum(summary) > 0, handle


def test_an_agency_below_another_has_members_and_is_passed_on_a_share(world: World) -> None:
    """K9: Nana is a member of Ella's agency, which is below the buyer's."""
    edges = AgencyEdge.objects.filter(agency__owner__handle="ella")
    assert set(edges.values_list("kind", flat=True)) == {"joined", "left"}
    assert edges.filter(promoter__account__handle="nana").exists()
    paid = CommissionSplit.objects.filter(role__in=["agency", "agency2"], amount_fen__gt=0)
    assert set(paid.values_list("payee__handle", "role")) >= {
        ("ella", "agency"),
        ("buyer", "agency2"),
    }
    assert PromoterCount.objects.exists()
    assert ComplianceFinding.objects.filter(reached__in=["levels", "both"]).exists()


def test_an_override_pays_the_whole_chain_of_roles(world: World) -> None:
    """K9, X7: shop → Nana → her agency → the one above it, beside her inviter, platform and
    charity; each payee sees gross, passed on and kept."""
    made = AttributionOverride.objects.filter(affiliation__isnull=False).latest("id")
    must_pay_the_whole_chain(made)


def test_every_role_is_paid(world: World) -> None:
    """K1: all but the third level, which this market does not pay."""
    paid = set(CommissionSplit.objects.filter(amount_fen__gt=0).values_list("role", flat=True))
    assert " ".join(sorted(paid)) == (
        "agency agency2 charity creator inviter platform promoter shop"
    )


def test_a_plan_pays_the_members_of_an_agency(world: World) -> None:
    """K1: by name of the agency; the line says by which edge Nana was its member."""
    edge = AgencyEdge.objects.get(promoter__account__handle="nana")
    named = {"by": "agency", "agency_id": edge.agency_id, "edge_id": edge.pk}
    found = CommissionOrder.objects.filter(terms__named=named)
    won = set(found.values_list("step", "plan_version__plan__name"))
    assert won == {("targeted", "团长机构定向")}


def test_every_kind_of_plan_can_be_seen(world: World) -> None:
    """K1: of shops and of the platform, by rate and by amount, for everybody and for some."""
    live = PlanVersion.objects.filter(published_at__isnull=False, is_default=False)
    kinds = set(live.values_list("plan__kind", flat=True))
    assert kinds == {"open", "targeted", "exclusive", "campaign"}
    assert live.filter(shop__isnull=True).exclude(tiers=[]).count() == 1
    assert live.filter(unit_fen__isnull=False).count() == 1
    assert live.filter(agencies__agency__owner__handle="ella").count() == 1
    steps = set(CommissionOrder.objects.exclude(step="").values_list("step", flat=True))
    assert steps >= set(plans.PRECEDENCE) - {"campaign"}, "it ended, and time decides who met it"
    assert PlanFund.objects.get().funded_fen == 60_000
    tiers = dict(Promoter.objects.exclude(tier="standard").values_list("account__handle", "tier"))
    assert tiers == {"ella": "gold", "linda": "silver"}


def test_the_trace_alone_gives_every_commission_again(world: World) -> None:
    """X1: the same bytes, for every commission of the demo world."""
    for commission in CommissionOrder.objects.order_by("id"):
        told = json.loads(encode(explain.for_staff(commission.pk)))
        for part in told["splits"] or []:
            part.pop("payee")
        wanted = {name: told[name] for name in ("budget_fen", "fee_fen", "splits")}
        assert encode(explain.recompute(told)) == encode(wanted), commission.pk


def test_attributions_keep_their_losers(world: World) -> None:
    """K3: a named click, a last touch, and links that were followed and did not win."""
    rules = set(Attribution.objects.values_list("rule", flat=True))
    assert rules == {"coupon", "named", "last_touch", "lock", "none"}
    lost = {
        one["reason"]
        for losers in Attribution.objects.values_list("losers", flat=True)
        for one in losers
    }
    assert lost & {"outranked", "earlier_touch"}


def test_a_shop_with_no_followers_sells(world: World) -> None:
    """B1: the thesis of the source, 0 fans and real sales."""
    selena = Shop.objects.get(account__handle="selena")
    assert selena.account.follower_count == 0
    assert Order.objects.filter(shop=selena, paid_fen__gt=0).count() > 0
    silent = Order.objects.filter(shop__account__follower_count=0, paid_fen__gt=0)
    assert silent.values("shop").distinct().count() > 1


def test_shops_can_be_seen_in_every_state_of_their_way(world: World) -> None:
    assert Shop.objects.get(account__handle="suspended").status == "suspended"
    found = rows("SELECT status, count(*) AS n FROM shops_shopapplication GROUP BY status")
    states = {row["status"]: row["n"] for row in found}
    assert states == {"submitted": 3, "rejected": 1, "approved": Shop.objects.count()}


def test_the_audience_is_the_source_s(world: World) -> None:
    """A6: mostly women, seven in ten from 20 to 40, the big cities first."""
    people = list(Account.objects.filter(is_staff=False))
    women = sum(account.gender == "f" for account in people) / len(people)
    ages = [AT.year - (account.birth_year or 0) for account in people]
    assert 0.70 < women < 0.80
    assert 0.64 < sum(20 <= age <= 40 for age in ages) / len(ages) < 0.76
    cities = [account.city_code for account in people]
    assert sorted(set(cities), key=cities.count)[-2:] in (
        ["110000", "310000"],
        ["440100", "310000"],
    )


def test_the_money_is_of_the_last_sixty_days(world: World) -> None:
    days = list(Order.objects.values_list("placed_day", flat=True))
    today = business_day(AT)
    assert min(days) >= today - timedelta(days=60)
    assert max(days) <= today
    assert not Order.objects.filter(paid_at__gt=AT).exists()


def test_search_finds_what_the_welcome_asks_for(world: World) -> None:
    """At full size 梨形身材 has dozens of notes; here any topic's name will do."""
    name = rows("SELECT name FROM notes_topic WHERE note_count > 0 ORDER BY note_count DESC")[0]
    found, _ = search.notes(viewer=None, part=Slice(20), query=name["name"], media="all")
    assert found


def test_nothing_is_left_on_its_way(world: World) -> None:
    """Every event is delivered, every balance folded."""
    assert count("SELECT count(*) FROM core_event WHERE state <> 'delivered'") == 0
    assert count("SELECT count(*) FROM commissions_balancedelta") == 0
    assert count("SELECT count(*) FROM shops_metricmark") == 0
    assert count("SELECT count(*) FROM notes_note WHERE rank_due") == 0


def test_the_named_people_sign_in_with_the_demos_password_and_nobody_else_can(
    world: World,
) -> None:
    assert world.town.named("linda").check_password(PASSWORD)
    assert not any(account.has_usable_password() for account in world.town.crowd)


def test_two_people_and_never_one_can_send_money(world: World) -> None:
    maker = Account.objects.get(handle="finance_a")
    checker = Account.objects.get(handle="finance_b")
    assert maker.has_perm("commissions.prepare_payout")
    assert not maker.has_perm("commissions.approve_payout")
    assert checker.has_perm("commissions.approve_payout")
    assert not checker.has_perm("commissions.prepare_payout")


def test_every_picture_of_a_note_is_a_file(world: World) -> None:
    names = set(MediaFile.objects.values_list("file", flat=True))
    assert 0 < len(names) <= 100
    assert all(default_storage.exists(name) for name in names)


def test_a_dispute_was_settled_by_two_and_the_line_says_so(world: World) -> None:
    """X7: overrides beside their attributions, and a shop that locks its customers."""
    made = list(AttributionOverride.objects.all())
    assert len(made) == 2
    assert {one.prepared_by.handle for one in made} == {"finance_a"}
    assert {one.approved_by.handle for one in made} == {"finance_b"}
    for one in made:
        readable = explain.readable(explain.for_staff(one.commission_id))
        assert f"override {one.number}" in readable
    assert LockSetting.objects.count() == 1
    assert LockChange.objects.exists()
    assert CouponCode.objects.get().promoter_id is not None


def test_months_that_are_over_are_closed_stated_and_restated(world: World) -> None:
    """K15, X4, X12: what a visitor of the demo finds among settlement periods and statements."""
    over = SettlementPeriod.objects.filter(to_at__lte=AT - timedelta(hours=1))
    assert over.count() >= 1
    assert not over.filter(stated_at=None).exists()
    for period in over:
        assert restating.progress(period).unstated == 0
        assert restating.restated(period.pk) == restating.from_scratch(period.pk)
    kinds = set(Statement.objects.values_list("owner_kind", flat=True))
    assert kinds == {"person", "shop"}
    found = Statement.objects.select_related("period", "signed_by").latest("id")
    assert b"".join(statements.jsonl_file(found)).count(b"\n") == found.lines_count + 2
