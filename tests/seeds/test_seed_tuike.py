"""K2, N1: the case of the source, small: 30 promoters, one product at 30 %, 50,000.00 yuan."""

from pathlib import Path
from typing import Any

import pytest

from backend.core.clock import now
from backend.core.errors import Invalid, Refusal
from commissions import links, promoters
from commissions.models import Promoter, PromotionLink, SponsorEdge
from seeds.factories import AccountFactory, ProductFactory
from seeds.scenarios import tuike
from seeds.scenarios.stage import NotEmpty, Stage
from shops.models import Order, Shop
from tests.seeds.worlds import undone

pytestmark = pytest.mark.django_db


def _stage(lines: list[str] | None = None) -> Stage:
    return Stage("tuike", now(), (lines if lines is not None else []).append)


def test_30_promoters_who_sell_for_50_000_yuan_earn_exactly_15_000(tmp_path: Path) -> None:
    lines: list[str] = []
    with undone(tmp_path):
        result = tuike.play(_stage(lines), count=30, sales_fen=5_000_000)
        assert result.sales_fen == 5_000_000
        assert result.commission_fen == result.settled_fen == result.balances_fen == 1_500_000
        assert result.parts["promoter"] == 1_200_000
        assert result.parts["inviter"] == 300_000
        assert result.fee_fen == 250_000
        assert result.parts["platform"] + result.parts["charity"] == 250_000
        assert "shop" not in result.parts
        assert (result.sellers, result.sellers_paid) == (30, 30)
        assert result.findings == ()
        _look_at_the_orders()
    assert any("15,000.00 yuan" in line for line in lines)


def _look_at_the_orders() -> None:
    shop = Shop.objects.get(account__handle=tuike.KEEPER)
    orders = Order.objects.filter(shop=shop)
    assert orders.count() == 45
    assert sum(orders.values_list("paid_fen", flat=True)) == 5_000_000
    assert set(orders.values_list("status", flat=True)) == {"completed"}
    assert orders.values("payable_fen").distinct().count() > 3, "order amounts vary"
    sources = set(orders.values_list("lines__source_kind", "lines__commission_bps"))
    assert sources == {("referral", 3_000)}
    codes = orders.values("lines__referral_code").distinct()
    assert codes.count() == 30, "every promoter has sold"


def test_it_is_played_once(tmp_path: Path) -> None:
    with undone(tmp_path):
        tuike.play(_stage(), count=4, sales_fen=250_000)
        before = Order.objects.count()
        with pytest.raises(NotEmpty):
            tuike.play(_stage(), count=4, sales_fen=250_000)
        assert Order.objects.count() == before


@pytest.mark.parametrize(
    ("count", "sales_fen"),
    [(30, 5_000_001), (30, 25_000 * 44), (1, 5_000_000)],
)
def test_sums_that_cannot_be_exact_are_refused_before_a_row_is_written(
    count: int, sales_fen: int
) -> None:
    with pytest.raises(Invalid):
        tuike.play(_stage(), count=count, sales_fen=sales_fen)
    assert not Shop.objects.exists()


def test_the_usual_sales_of_3_000_promoters_are_five_million_yuan() -> None:
    assert tuike.usual_sales_fen(3_000) == 500_000_000
    assert tuike.usual_sales_fen(30) == 5_000_000


def _values(row: Any, *without: str) -> dict[str, Any]:
    fields = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {name: value for name, value in fields.items() if name not in without}


def test_joining_in_bulk_writes_what_the_verb_writes() -> None:
    """All columns but ids, the accounts' own and the random codes, whose form must agree."""
    at = now()
    root = promoters.join(account=AccountFactory.create(), at=at)
    one = promoters.join(account=AccountFactory.create(), invite_code=root.invite_code, at=at)
    made = tuike.join_all([AccountFactory.create(), AccountFactory.create()], root, [at, at])
    own = ("id", "account_id", "invite_code", "promoter_id")
    for other in made:
        stored = Promoter.objects.get(pk=other.pk)
        assert _values(stored, *own) == _values(Promoter.objects.get(pk=one.pk), *own)
        assert len(stored.invite_code) == len(one.invite_code)
        assert stored.invite_code.isalnum()
        edge = SponsorEdge.objects.get(promoter=stored)
        assert _values(edge, *own) == _values(SponsorEdge.objects.get(promoter=one), *own)
    assert len({row.invite_code for row in [one, *made]}) == 3


def test_linking_in_bulk_writes_what_the_verb_writes() -> None:
    at = now()
    product = ProductFactory.create()
    joined = [promoters.join(account=AccountFactory.create(), at=at) for _ in range(3)]
    one, _ = links.create(
        account=joined[0].account, target_kind="product", target_id=product.pk, at=at
    )
    made = tuike.link_all(joined[1:], "product", product.pk, at)
    own = ("id", "promoter_id", "code")
    wanted = _values(PromotionLink.objects.get(pk=one.pk), *own)
    for other in made:
        stored = PromotionLink.objects.get(pk=other.pk)
        assert _values(stored, *own) == wanted
        assert len(stored.code) == len(one.code)


def test_a_promoter_of_the_bulk_invites_like_any_other() -> None:
    root = promoters.join(account=AccountFactory.create(), at=now())
    made = tuike.join_all([AccountFactory.create()], root, [now()])[0]
    below = promoters.join(account=AccountFactory.create(), invite_code=made.invite_code, at=now())
    assert below.sponsor_id == made.pk
    with pytest.raises(Refusal):
        promoters.join(account=made.account, at=now())
