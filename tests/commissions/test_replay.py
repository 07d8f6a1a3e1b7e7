"""Attribution replay (X7): other rules over an order or a month, the difference to the fen, and
nothing written."""

import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from backend.core.errors import NotFound
from backend.core.sql import value
from commissions import accruals, replay
from commissions.models import Attribution, CommissionOrder
from seeds.factories import (
    AccountFactory,
    AgencyEdgeFactory,
    AgencyFactory,
    PromoterFactory,
    PromotionLinkFactory,
    SkuFactory,
    TouchFactory,
)
from shops.models import Sku
from tests.cast import Person
from tests.commissions import sales
from tests.commissions.plan_world import AT as PLANNED
from tests.commissions.plan_world import Stall

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)
TODAY = AT.date()
pytestmark = pytest.mark.django_db


@pytest.fixture
def sku() -> Sku:
    return SkuFactory.create()


def link_to(sku: Sku, **fields: Any) -> Any:
    return PromotionLinkFactory.create(target_id=sku.product_id, **fields)


def touched(sku: Sku, link: Any, days: int) -> Any:
    """A line whose buyer followed the link so many days before."""
    buyer = AccountFactory.create()
    TouchFactory.create(link=link, account=buyer, at=AT - days * DAY)
    line = sales.sale(at=AT, sku=sku, buyer=buyer)
    accruals.reconcile_orders([line.order_id], at=AT)
    return line


def whole(first: Any = TODAY, last: Any = TODAY, **rules: Any) -> list[replay.Page]:
    scope = replay.Scope(first, last)
    return list(replay.pages(scope=scope, rules=replay.rules_of(**rules)))


def test_the_rules_as_they_are_make_no_difference(sku: Sku) -> None:
    link = link_to(sku, promoter=PromoterFactory.create(sponsor=PromoterFactory.create()))
    agency = AgencyFactory.create(created_at=AT - 99 * DAY)
    AgencyEdgeFactory.create(agency=agency, promoter=link.promoter, from_at=AT - 99 * DAY)
    for days in (1, 20, 40):
        touched(sku, link, days)
    (page,) = whole()
    assert (page.lines, page.differences, page.moved_fen) == (3, [], 0)


def test_a_shorter_window_shows_who_would_have_lost_and_how_many_fen(sku: Sku) -> None:
    """129.00 at 20 %: promoter 20.64, inviter 5.16 would have stayed with the shop."""
    link = link_to(sku, promoter=PromoterFactory.create(sponsor=PromoterFactory.create()))
    touched(sku, link, 2)
    line = touched(sku, link, 20)
    (page,) = whole(referral_days=7)
    assert (page.lines, page.moved_fen) == (2, 2_580)
    (one,) = page.differences
    assert (one["line_id"], one["order_number"]) == (line.pk, line.order.number)
    assert one["was"]["rule"] == "last_touch"
    assert sorted(part["amount_fen"] for part in one["was"]["parts"]) == [516, 2_064]
    assert (one["would"]["rule"], one["would"]["parts"]) == ("none", [])
    assert one["would"]["losers"][0]["reason"] == "window_over"


def test_a_longer_window_shows_who_would_have_won(sku: Sku) -> None:
    link = link_to(sku)
    touched(sku, link, 40)
    (page,) = whole(referral_days=60)
    (one,) = page.differences
    assert one["was"] == {"rule": "none", "parts": []}
    assert one["would"]["parts"] == [{"payee": link.promoter.account.handle, "amount_fen": 2_064}]
    assert page.moved_fen == 2_064


def test_a_rule_left_out_and_another_policy_are_shown(sku: Sku) -> None:
    touched(sku, link_to(sku), 1)
    buyer = AccountFactory.create()
    own = link_to(sku, promoter=PromoterFactory.create(account=buyer))
    line = sales.sale(at=AT, sku=sku, buyer=buyer, referral_code=own.code)
    accruals.reconcile_orders([line.order_id], at=AT)
    assert [len(page.differences) for page in whole(without=["last_touch"])] == [1]
    (page,) = whole(self_purchase="commission")
    assert [one["line_id"] for one in page.differences] == [line.pk]


@pytest.mark.parametrize("last", ["linda", "nana"])
@pytest.mark.parametrize(
    ("terms", "offer", "owed"),
    [({"rate_bps": 3_000}, 1_000, 3_000), ({"unit_fen": 700}, 0, 700)],
)
def test_what_a_plan_pays_is_what_a_replay_moves(
    terms: dict[str, Any], offer: int, owed: int, last: str
) -> None:
    """100.00 that Linda, named, won under her plan of 30 % or of 7.00 a unit. Without that rule the
    last touch wins: if it is hers nothing moves, if it is Nana's all of it."""
    stall, nana, buyer = Stall(), PromoterFactory.create(), AccountFactory.create()
    stall.named("exclusive", **terms)
    hers = PromotionLinkFactory.create(promoter=nana, target_id=stall.product.pk)
    for link, days in ((stall.link, 2), (hers, 1 if last == "nana" else 3)):
        TouchFactory.create(link=link, account=buyer, at=PLANNED - days * DAY)
    made = stall.sell(offer=offer, buyer=buyer)
    assert made.budget_fen == owed
    (page,) = whole(PLANNED.date(), PLANNED.date(), without=["named"])
    (one,) = page.differences
    assert (one["was"]["rule"], one["would"]["rule"]) == ("named", "last_touch")
    winner = nana if last == "nana" else stall.linda
    assert one["would"]["parts"] == [{"payee": winner.account.handle, "amount_fen": owed}]
    assert one["moved_fen"] == page.moved_fen == (owed if last == "nana" else 0)


def test_nothing_is_written_and_a_page_is_four_statements_whatever_it_holds(
    sku: Sku, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = link_to(sku)
    for days in range(1, 8):
        touched(sku, link, days)
    before = [Attribution.objects.count(), CommissionOrder.objects.count(),
              value("SELECT sum(version) FROM commissions_commissionorder")]  # fmt: skip
    with django_assert_max_num_queries(4):
        (page,) = whole(referral_days=3)
    assert len(page.differences) == 5
    monkeypatch.setattr(replay, "PAGE", 2)
    pages = whole(referral_days=3)
    assert sum(page.lines for page in pages) == 7
    assert sum(page.moved_fen for page in pages) == 5 * 2_064
    assert all(page.lines <= 2 for page in pages)
    assert before == [Attribution.objects.count(), CommissionOrder.objects.count(),
                      value("SELECT sum(version) FROM commissions_commissionorder")]  # fmt: skip


def test_a_month_includes_its_last_day_and_not_the_next(sku: Sku) -> None:
    """EDD-Commissions #295, the last day of the month missing; by the business zone's midnight."""
    link, found = link_to(sku), {}
    for name, at in {
        "first": datetime(2026, 9, 30, 16, tzinfo=UTC),
        "last": datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC),
        "next": datetime(2026, 10, 31, 16, tzinfo=UTC),
    }.items():
        buyer = AccountFactory.create()
        TouchFactory.create(link=link, account=buyer, at=at - 20 * DAY)
        line = sales.sale(at=at, sku=sku, buyer=buyer)
        accruals.reconcile_orders([line.order_id], at=at)
        found[line.pk] = name
    pages = whole(date(2026, 10, 1), date(2026, 10, 31), referral_days=7)
    assert {found[one["line_id"]] for page in pages for one in page.differences} == {
        "first",
        "last",
    }


def test_empty_days_are_passed_over_a_month_a_page() -> None:
    pages = whole(TODAY - 99 * DAY, TODAY)
    assert [page.lines for page in pages] == [0] * 4


def test_the_last_days_there_are_end_a_replay() -> None:
    for day in (date.min, date.max):
        (page,) = whole(day, day)
        assert (page.lines, page.following) == (0, None)
    scope = replay.Scope(TODAY, TODAY)
    beyond = replay.page_of(
        scope=scope, rules=replay.rules_of(), place=replay.Place(date.max, 2**63 - 1)
    )
    assert (beyond.lines, beyond.following) == (0, None)


def test_a_shop_replays_its_own_lines_by_rest_and_staff_any(
    sku: Sku, selena: Person, mallory: Person
) -> None:
    shop = sku.product.shop
    shop.account = selena.account
    shop.save(update_fields=["account"])
    line = touched(sku, link_to(sku), 20)
    touched(SkuFactory.create(), link_to(sku), 20)
    period = f"from={TODAY}&to={TODAY}"
    path = f"/v1/shops/{shop.pk}/attribution-replay?{period}&referral_days=7"
    answer = selena.client.get(path).json()
    assert (answer["lines"], answer["moved_fen"], answer["next"]) == (1, 2_064, None)
    assert [one["line_id"] for one in answer["results"]] == [line.pk]
    number = line.order.number
    order = selena.client.get(f"/v1/orders/{number}/attribution-replay?referral_days=7").json()
    assert order["results"] == answer["results"]
    for other in (path, f"/v1/orders/{number}/attribution-replay"):
        assert mallory.client.get(other).status_code == 404
    wide = f"/v1/shops/{shop.pk}/attribution-replay?from=2020-01-01&to=2026-01-01"
    assert selena.client.get(wide).json()["code"] == "replay_too_wide"
    for bad in ("&without=luck", "&referral_days=0", "&referral_days=366", "&cursor=x"):
        assert selena.client.get(f"{path.partition('&ref')[0]}{bad}").status_code == 400, bad


def test_an_order_of_somebody_else_is_not_found(sku: Sku) -> None:
    line = touched(sku, link_to(sku), 1)
    with pytest.raises(NotFound):
        replay.of_order(account=AccountFactory.create(), number=line.order.number)


def test_the_command_prints_a_line_per_difference_and_the_totals(sku: Sku) -> None:
    touched(sku, link_to(sku), 20)
    touched(sku, link_to(sku), 1)
    out = StringIO()
    call_command(
        "replay_attribution", f"--from={TODAY}", f"--to={TODAY}", "--referral-days=7", stdout=out
    )
    one, totals = map(json.loads, out.getvalue().splitlines())
    assert one["moved_fen"] == 2_064
    assert totals == {"lines": 2, "changed": 1, "moved_fen": 2_064}
