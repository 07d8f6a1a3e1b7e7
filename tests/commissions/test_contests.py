"""K18: leaderboards with masked names and defined ties; bounties paid through the ledger, never
beyond what is funded, never for recruiting heads."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from backend.core.errors import NotFound, WrongState
from commissions import (
    accruals,
    books,
    bounties,
    earnings,
    leaderboards,
    promoters,
)
from commissions.bounties import BountyPaysRecruiting
from commissions.models import (
    Bounty,
    BountyAward,
    CommissionOrder,
    Journal,
)
from seeds.factories import (
    AccountFactory,
    PromotionLinkFactory,
    SkuFactory,
)
from shops.models import OrderLine
from tests.cast import Person
from tests.commissions import sales
from tests.commissions.books_world import audited
from tests.commissions.contests import AT, DAY, TERMS, Market

pytestmark = pytest.mark.django_db


@pytest.fixture
def market(selena: Person) -> Market:
    return Market(selena.account)


def places(market: Market, by: str = "estimated", **more: Any) -> list[tuple[int, str, int]]:
    asked = {
        "account": market.account("a"),
        "shop_id": 0,
        "period": leaderboards.period_of("week", date(2026, 11, 2)),
        "by": by,
    } | more
    found = leaderboards.board(**asked)
    return [(row["rank"], row["name"], row["fen"]) for row in found["places"]]


# ---------------------------------------------------------------- leaderboards
def test_the_first_are_named_masked_and_equals_share_a_rank(market: Market) -> None:
    for name in "abcb":
        market.sell(name)
    market.sell("a")
    assert places(market) == [(1, "a**", 3_200), (1, "b**", 3_200), (3, "c**", 1_600)]


def test_a_board_is_of_estimated_or_settled_commission_or_of_sales(market: Market) -> None:
    market.settle(market.sell("a"))
    sales.refund(market.sell("b", 30_000), 5_000)
    accruals.reconcile_orders(list(OrderLine.objects.values_list("order_id", flat=True)), at=AT)
    assert places(market) == [(1, "b**", 4_000), (2, "a**", 1_600)]
    assert places(market, "settled") == [(1, "a**", 1_600)]
    assert places(market, "gmv") == [(1, "b**", 25_000), (2, "a**", 10_000)]


def test_what_is_held_or_ended_counts_nowhere(market: Market) -> None:
    line = market.sell("a")
    CommissionOrder.objects.filter(order_line=line).update(held_reason="a dispute")
    sales.refund(market.sell("b"), 10_000)
    accruals.reconcile_orders(list(OrderLine.objects.values_list("order_id", flat=True)), at=AT)
    assert places(market) == []


def test_a_board_of_a_shop_holds_its_own_sales_alone(market: Market) -> None:
    other = SkuFactory.create()
    link = PromotionLinkFactory.create(
        target_id=other.product_id, created_at=AT, promoter=market.links["b"].promoter
    )
    market.sell("a")
    line = sales.sale(at=AT, sku=other, price_fen=90_000, referral_code=link.code)
    accruals.reconcile_orders([line.order_id], at=AT)
    assert places(market, shop_id=market.shop.pk) == [(1, "a**", 1_600)]
    assert places(market)[0] == (1, "b**", 14_400)
    with pytest.raises(NotFound):
        places(market, shop_id=10**9)


@pytest.mark.parametrize(
    ("name", "first", "after"),
    [
        ("day", date(2026, 11, 4), date(2026, 11, 5)),
        ("week", date(2026, 11, 2), date(2026, 11, 9)),
        ("month", date(2026, 11, 1), date(2026, 12, 1)),
    ],
)
def test_a_period_is_half_open(name: str, first: date, after: date) -> None:
    assert leaderboards.period_of(name, date(2026, 11, 4)) == (first, after)
    assert leaderboards.period_of("month", date(2026, 12, 31)).to_day == date(2027, 1, 1)


def test_the_own_place_is_told_wherever_it_is(market: Market) -> None:
    for name, price in (("a", 100), ("b", 300), ("c", 200)):
        market.sell(name, price * 100)
    found = leaderboards.board(
        account=market.account("a"),
        shop_id=0,
        period=leaderboards.period_of("day", date(2026, 11, 2)),
        by="gmv",
        top=1,
    )
    assert [row["rank"] for row in found["places"]] == [1]
    assert found["me"] == {"rank": 3, "fen": 10_000, "orders": 1}


def test_a_board_costs_one_statement_however_many_sell(
    market: Market, django_assert_num_queries: Any
) -> None:
    for name in "abc" * 5:
        market.sell(name)
    with django_assert_num_queries(1):
        assert len(places(market)) == 3


def test_the_door_of_the_board_tells_no_names(market: Market, mallory: Person) -> None:
    market.sell("a")
    body = mallory.client.get("/v1/leaderboard?period=day&day=2026-11-02&by=gmv").json()
    assert body == {
        "from": "2026-11-02",
        "to": "2026-11-03",
        "by": "gmv",
        "places": [{"rank": 1, "name": "a**", "fen": 10_000, "orders": 1, "is_me": False}],
        "me": None,
    }
    assert mallory.client.get("/v1/leaderboard?period=year").status_code == 400


# ---------------------------------------------------------------- bounties
def test_a_goal_reached_is_promised_held_and_paid_by_one_journal(market: Market) -> None:
    made = market.bounty()
    for _ in range(2):
        market.sell("a")
    market.sell("b")
    assert bounties.evaluate(at=AT + DAY) == 1
    award = BountyAward.objects.get()
    assert (award.account, award.reached) == (market.account("a"), 2)
    assert award.matures_at == made.ends_at + 15 * DAY
    assert bounties.pay_due(at=award.matures_at - timedelta(seconds=1)) == 0
    assert earnings.summary(market.account("a")).bounties_fen == 0
    assert bounties.pay_due(at=award.matures_at) == 1
    found = earnings.summary(market.account("a"))
    assert (found.available_fen, found.bounties_fen, found.settled_fen) == (500, 500, 0)
    assert sales.house("shop", "payable", market.shop.pk) == -3 * (1_600 + 500) - 500
    assert (bounties.pay_due(at=award.matures_at), bounties.evaluate(at=award.matures_at)) == (0, 0)
    assert Journal.objects.filter(kind=Journal.Kind.BOUNTY).count() == 1
    assert audited(AT) == []
    assert audited(AT, exact=False) == []
    look = books._Look(AT, quick=True)
    first = [rule for rule in books.RULES if rule.code == "I1 A3"]
    assert all(map(look.holds, first)), "the quick statement is enough for a bounty's journal"
    made.refresh_from_db()
    assert made.status == "ended"


def test_the_platforms_own_bounty_is_paid_out_of_its_own(market: Market, staff: Person) -> None:
    terms = {
        "title": "平台任务",
        "goal": "sales",
        "target": 15_000,
        "reward_fen": 700,
        "budget_fen": 700,
        "starts_at": AT,
        "ends_at": AT + DAY,
        "hold_days": 0,
    }
    made = bounties.draft(**terms, by=staff.account, at=AT)
    assert bounties.seen_by(market.account("a")) == []
    bounties.publish(bounty_id=made.pk, by=staff.account, at=AT)
    market.sell("a", 14_999)
    assert bounties.evaluate(at=AT) == 0
    market.sell("a", 100)
    assert bounties.evaluate(at=AT) == 1
    assert bounties.pay_due(at=AT + DAY) == 1
    assert sales.house("platform", "available") == -700
    with pytest.raises(WrongState):
        bounties.publish(bounty_id=made.pk, by=staff.account, at=AT)


def test_no_more_is_promised_than_is_funded(market: Market) -> None:
    market.bounty(target=1, budget_fen=1_499)
    for place, name in enumerate("cba"):
        market.sell(name, at=AT + timedelta(minutes=place))
    assert bounties.evaluate(at=AT + DAY) == 2
    winners = BountyAward.objects.order_by("id").values_list("account_id", flat=True)
    assert list(winners) == [market.account("c").pk, market.account("b").pk]
    assert bounties.evaluate(at=AT + DAY) == 0
    assert bounties.seen_by(market.account("a"))[0]["left_fen"] == 499


def test_the_database_refuses_promises_beyond_the_funds(market: Market) -> None:
    made = market.bounty()
    fields = {"bounty": made, "reward_fen": 501, "reached": 2}
    with pytest.raises(IntegrityError), transaction.atomic():
        BountyAward.objects.bulk_create(
            BountyAward(**fields, account=market.account(name), promised_at=AT, matures_at=AT)
            for name in "ab"
        )


def test_a_published_bounty_never_changes(market: Market) -> None:
    made = market.bounty()
    with pytest.raises(DatabaseError), transaction.atomic():
        Bounty.objects.filter(pk=made.pk).update(reward_fen=1)
    with pytest.raises(DatabaseError), transaction.atomic():
        Bounty.objects.filter(pk=made.pk).delete()


def test_who_is_frozen_is_promised_nothing_and_keeps_what_was_promised(market: Market) -> None:
    market.bounty(target=1)
    market.sell("a")
    bounties.evaluate(at=AT)
    market.sell("b")
    boss = AccountFactory.create(is_staff=True)
    for name in "ab":
        promoters.freeze(promoter_id=market.links[name].promoter_id, by=boss, reason="x", at=AT)
    assert bounties.evaluate(at=AT) == 0
    assert bounties.pay_due(at=AT + 99 * DAY) == 1
    assert earnings.summary(market.account("a")).bounties_fen == 500


def test_a_goal_that_refunds_took_back_is_void(market: Market) -> None:
    market.bounty()
    lines = [market.sell("a") for _ in range(2)]
    bounties.evaluate(at=AT + DAY)
    sales.refund(lines[0], 10_000)
    accruals.reconcile_orders([lines[0].order_id], at=AT)
    assert bounties.pay_due(at=AT + 99 * DAY) == 0
    award = BountyAward.objects.get()
    assert (award.status, award.reason) == ("void", "goal_lost")
    assert earnings.summary(market.account("a")).available_fen == 0


@pytest.mark.parametrize(
    ("moment", "counts"),
    [
        (AT - timedelta(microseconds=1), False),
        (AT, True),
        (AT + 7 * DAY - timedelta(microseconds=1), True),
        (AT + 7 * DAY, False),
    ],
)
def test_the_period_is_half_open(market: Market, moment: datetime, counts: bool) -> None:
    market.bounty(target=1)
    market.sell("a", at=moment)
    assert bounties.evaluate(at=AT + 8 * DAY) == int(counts)


@pytest.mark.parametrize("goal", bounties.RECRUITING)
def test_nobody_is_paid_for_recruiting_heads(market: Market, goal: str, selena: Person) -> None:
    """X8, 《禁止传销条例》 Art. 7: by the linter with the clause, and by the table."""
    with pytest.raises(BountyPaysRecruiting) as refused:
        market.bounty(goal=goal)
    assert "Art. 7" in refused.value.title
    answer = selena.client.post(
        f"/v1/shops/{market.shop.pk}/bounties",
        {
            "title": "拉人头",
            "goal": goal,
            "target": 3,
            "reward_fen": 1,
            "budget_fen": 1,
            "starts_at": "2099-01-01T00:00:00Z",
            "ends_at": "2099-01-02T00:00:00Z",
        },
        format="json",
        headers={"Idempotency-Key": "k"},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "bounty_pays_recruiting")
    assert "《禁止传销条例》" in answer.json()["title"]
    draft = bounties.draft(**TERMS, title="x", by=market.shop.account, at=AT)
    with pytest.raises(IntegrityError), transaction.atomic():
        Bounty.objects.filter(pk=draft.pk).update(goal=goal[:6])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"budget_fen": 499}, "bounty_unfunded"),
        ({"goal": "sales", "target": 499}, "bounty_over_sales"),
        ({"target": 0}, "bounty_terms_wrong"),
        ({"hold_days": 366}, "bounty_terms_wrong"),
        ({"goal": "likes"}, "bounty_terms_wrong"),
        ({"ends_at": AT}, "bounty_period_wrong"),
        ({"starts_at": AT - timedelta(seconds=1)}, "bounty_period_wrong"),
        ({"ends_at": AT + 367 * DAY}, "bounty_period_wrong"),
    ],
)
def test_the_linter_refuses_bad_terms(market: Market, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(bounties.BountyRefused) as refused:
        market.bounty(**changes)
    assert refused.value.code == code
    assert not Bounty.objects.exists()


def test_only_its_owner_offers_a_shops_bounty(market: Market, mallory: Person) -> None:
    with pytest.raises(NotFound):
        bounties.offer(account=mallory.account, shop_id=market.shop.pk, at=AT)


def test_bounties_are_listed_with_the_own_progress_by_one_statement(
    market: Market, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        market.bounty()
    market.sell("a")
    with django_assert_num_queries(1):
        found = bounties.seen_by(market.account("a"))
    assert [row["reached"] for row in found] == [1, 1, 1]
    assert found[0]["shop"] == market.shop.name
