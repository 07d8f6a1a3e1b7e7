"""K10: orders made on other platforms earn commission by the same rules, from files and from
signed postbacks; told twice they add nothing, and refunds reverse cumulatively (I4)."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from commissions import accruals, conversions, explain, settlement
from commissions.conversions import importing
from commissions.models import (
    Attribution,
    CommissionOrder,
    Conversion,
    ConversionGoods,
    ConversionImport,
    ConversionPiece,
    ConversionSource,
    ConversionVerdict,
    LockChange,
    Promoter,
)
from commissions.offers import OverCap
from seeds.factories import (
    CommissionOfferFactory,
    LockSettingFactory,
    PromoterFactory,
    TouchFactory,
)
from shops import metrics
from shops.models import Order, OrderLine, Sku
from tests.cast import Person
from tests.commissions import sales
from tests.commissions.books_world import audited
from tests.commissions.elsewhere import AT, COLUMNS, DAY, Partner, progress, verdicts

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner(selena: Person) -> Partner:
    return Partner(selena.account)


def commission() -> CommissionOrder:
    return CommissionOrder.objects.get()


# ---------------------------------------------------------------- the same rules
def test_an_order_made_elsewhere_earns_by_the_same_rules(partner: Partner) -> None:
    assert partner.import_(partner.row()) == ["accepted"]
    made = commission()
    assert (made.base_fen, made.rate_bps, made.budget_fen, made.fee_fen) == (
        10_000,
        2_000,
        2_000,
        500,
    )
    assert sales.splits(made) == {
        "promoter": (1_600, 0),
        "shop": (400, 0),
        "platform": (495, 0),
        "charity": (5, 0),
    }
    assert sales.fen_of(partner.linda, "pending") == 1_600
    trace = explain.of_commission(account=partner.linda, commission_id=made.pk)
    assert trace["attribution"]["rule"] == "named"
    assert explain.recompute(trace)["budget_fen"] == 2_000
    assert audited(AT) == []


@pytest.mark.parametrize(("fee_bps", "most"), [(500, 5_000), (6_000, 4_000)])
def test_an_article_is_offered_within_the_cap_and_what_the_fee_leaves(
    partner: Partner, fee_bps: int, most: int
) -> None:
    ConversionSource.objects.filter(pk=partner.source.pk).update(fee_bps=fee_bps)
    with pytest.raises(OverCap) as refused:
        partner.goods("J2", rate_bps=most + 1)
    assert refused.value.extra["cap_bps"] == most
    assert not ConversionGoods.objects.filter(external_sku="J2").exists()
    partner.goods("J2", rate_bps=most)


@pytest.mark.parametrize(
    ("rate_bps", "fee_bps", "paid", "owed"),
    [(10_000, 500, 10_000, 9_500), (5_000, 6_000, 10_000, 4_000), (5_000, 5_000, 3, 1)],
)
def test_a_line_never_owes_more_than_was_paid_for_it(
    partner: Partner, rate_bps: int, fee_bps: int, paid: int, owed: int
) -> None:
    """I2: rates from before there was a limit, and two roundings up of 1.5 fen."""
    ConversionSource.objects.filter(pk=partner.source.pk).update(fee_bps=fee_bps)
    ConversionGoods.objects.update(rate_bps=rate_bps)
    assert partner.postback(partner.row(paid_fen=paid)) == "accepted"
    made = commission()
    assert (made.budget_fen, made.budget_fen + made.fee_fen) == (owed, paid)
    trace = explain.of_commission(account=partner.linda, commission_id=made.pk)
    assert explain.recompute(trace)["budget_fen"] == owed
    partner.import_(partner.row(paid_fen=paid, refunded_fen=1))
    assert audited(AT) == []
    partner.import_(partner.row(paid_fen=paid, refunded_fen=paid))
    assert all(amount == back for amount, back in sales.splits(made).values())
    assert audited(AT) == []
    with pytest.raises(IntegrityError, match="commission_within_base"), transaction.atomic():
        CommissionOrder.objects.update(budget_fen=owed + 1)


def test_it_settles_when_its_window_is_over(partner: Partner) -> None:
    received = (AT + DAY).isoformat()
    partner.import_(partner.row())
    later = partner.row(received_at=received)
    assert partner.postback(later, at=AT) == "future"
    job = partner.upload(json.dumps(later).encode())
    conversions.run_imports(at=AT + DAY)
    assert verdicts(job) == ["received"]
    made = commission()
    assert (made.status, made.matures_at) == ("confirmed", AT + 16 * DAY)
    assert settlement.settle_due(at=AT + 16 * DAY - timedelta(seconds=1)) is None
    assert settlement.settle_due(at=AT + 16 * DAY) is not None
    assert sales.fen_of(partner.linda, "available") == 1_600


def test_refunds_reverse_cumulatively_whatever_their_cut(partner: Partner) -> None:
    said = [partner.row(refunded_fen=fen) for fen in (0, 3_333, 3_333, 6_667, 10_000)]
    assert partner.import_(*said) == ["accepted", "refunded", "unchanged", "refunded", "refunded"]
    made = commission()
    assert (made.status, made.reason) == ("invalid", "refunded")
    assert all(amount == back for amount, back in sales.splits(made).values())
    assert sales.fen_of(partner.linda, "pending") == 0
    assert audited(AT) == []


def test_a_refund_after_settlement_is_owed_back(partner: Partner) -> None:
    partner.import_(partner.row(received_at=AT.isoformat()))
    settlement.settle_due(at=AT + 15 * DAY)
    assert partner.import_(partner.row(refunded_fen=5_000)) == ["refunded"]
    assert sales.fen_of(partner.linda, "available") == 800


def test_told_twice_it_adds_nothing(partner: Partner) -> None:
    """Two files, a postback and another postback about one order line."""
    row = partner.row(received_at=AT.isoformat(), refunded_fen=100)
    assert partner.import_(row, row) == ["accepted", "unchanged"]
    assert partner.import_(row) == ["unchanged"]
    assert partner.postback(row, name="a") == "unchanged"
    assert partner.postback(row, name="b") == "unchanged"
    assert (Conversion.objects.count(), Order.objects.count()) == (1, 1)
    assert CommissionOrder.objects.count() == 1


def test_a_click_names_the_promoter_too(partner: Partner) -> None:
    click = TouchFactory.create(link=partner.link, at=AT - DAY)
    row = partner.row(code=None, click=click.click_id)
    assert partner.import_(row) == ["accepted"]
    trace = explain.of_commission(account=partner.linda, commission_id=commission().pk)
    assert trace["attribution"]["click_id"] == click.click_id


def test_a_click_past_its_window_wins_nothing(partner: Partner) -> None:
    click = TouchFactory.create(link=partner.link, at=AT - 31 * DAY)
    assert partner.import_(partner.row(code=None, click=click.click_id)) == ["accepted"]
    assert commission().budget_fen == 0
    assert sales.fen_of(partner.linda, "pending") == 0


def test_without_a_rate_the_offer_of_that_day_counts(partner: Partner) -> None:
    partner.goods("J2")
    assert partner.import_(partner.row(sku="J2")) == ["unknown_sku"]
    CommissionOfferFactory.create(
        product=partner.sku.product, rate_bps=3_000, starts_at=AT - DAY, ends_at=AT, is_active=False
    )
    CommissionOfferFactory.create(product=partner.sku.product, rate_bps=1_000, starts_at=AT)
    assert partner.import_(partner.row("A2", sku="J2")) == ["accepted"]
    before = (AT - timedelta(seconds=1)).isoformat()
    assert partner.import_(partner.row("A3", sku="J2", paid_at=before)) == ["accepted"]
    assert list(
        CommissionOrder.objects.order_by("order_line").values_list("rate_bps", flat=True)
    ) == [
        1_000,
        3_000,
    ]


# ---------------------------------------------------------------- nothing else happens here
def test_an_order_made_elsewhere_moves_no_stock_and_counts_in_no_gmv(partner: Partner) -> None:
    before = Sku.objects.get(pk=partner.sku.pk)
    partner.import_(partner.row(), partner.row("A2"))
    after = Sku.objects.get(pk=partner.sku.pk)
    assert (after.on_hand, after.committed) == (before.on_hand, before.committed)
    assert metrics.recount(AT.date()) == []


def test_its_shop_neither_lists_nor_ships_it(partner: Partner, selena: Person) -> None:
    partner.import_(partner.row())
    number = Order.objects.get().number
    assert selena.client.get("/v1/orders?role=shop").json()["results"] == []
    answer = selena.client.post(
        f"/v1/orders/{number}/shipments",
        {"carrier": "顺丰", "tracking_number": "SF12345678", "lines": []},
        format="json",
        headers={"Idempotency-Key": "k"},
    )
    assert (answer.status_code, Order.objects.get().status) == (409, "external")


def test_an_order_made_elsewhere_binds_no_customer(partner: Partner) -> None:
    """All orders of a partner have one buyer: what one of them bound would win the others."""
    LockSettingFactory.create(shop=partner.sku.product.shop, since=AT - 400 * DAY)
    partner.import_(partner.row("A1"))
    assert not LockChange.objects.exists()
    LockChange.objects.create(
        buyer_id=partner.source.buyer_id,
        shop=partner.sku.product.shop,
        promoter=PromoterFactory.create(),
        source="product",
        cause="order",
        cause_id=1,
        days=30,
        mode="last",
        protect_days=0,
        at=AT - DAY,
    )
    Promoter.objects.filter(pk=partner.link.promoter_id).update(status="frozen")
    partner.import_(partner.row("A2"))
    assert Attribution.objects.get(rule="none").losers[0]["reason"] == "promoter_frozen"


def test_the_buyer_of_a_source_is_nobody(partner: Partner) -> None:
    buyer = partner.source.buyer
    assert not buyer.is_active
    assert not buyer.has_usable_password()
    assert buyer.phone == ""


# ---------------------------------------------------------------- verdicts
@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"sku": "J9"}, "unknown_sku"),
        ({"code": "nobodys"}, "unknown_code"),
        ({"code": None}, "unknown_code"),
        ({"paid_at": (AT + timedelta(hours=2)).isoformat()}, "future"),
        ({"paid_at": "yesterday"}, "malformed"),
        ({"paid_at": "2026-11-01T04:00:00"}, "malformed"),
        ({"paid_fen": 0}, "malformed"),
        ({"paid_fen": "10.00"}, "malformed"),
        ({"paid_fen": 10**13}, "malformed"),
        ({"paid_fen": 100.5}, "malformed"),
        ({"paid_fen": True}, "malformed"),
        ({"refunded_fen": 10_001}, "malformed"),
        ({"received_at": (AT - DAY).isoformat()}, "malformed"),
        ({"order": "a b"}, "malformed"),
        ({"order": "=1+1\u202e"}, "malformed"),
        ({"order": "A" * 65}, "malformed"),
        ({"line": None}, "malformed"),
        ({"qty": 0}, "malformed"),
        ({"qty": ""}, "accepted"),
        ({"qty": 10_001}, "malformed"),
        ({"buyer": "x"}, "malformed"),
    ],
)
def test_a_row_that_cannot_be_taken_says_why_and_moves_nothing(
    partner: Partner, changes: dict[str, Any], verdict: str
) -> None:
    assert partner.import_(partner.row(**changes)) == [verdict]
    if verdict != "accepted":
        assert not Order.objects.exists()


def test_what_was_told_first_stands(partner: Partner) -> None:
    partner.import_(partner.row(refunded_fen=500))
    partner.goods("J2", rate_bps=4_000)
    said = [
        partner.row(paid_fen=20_000, refunded_fen=500),
        partner.row(sku="J2", refunded_fen=500),
        partner.row(refunded_fen=499),
    ]
    assert partner.import_(*said) == ["changed", "changed", "refund_shrunk"]
    assert OrderLine.objects.get().refunded_fen == 500
    assert commission().base_fen == 10_000


# ---------------------------------------------------------------- files
def test_a_csv_says_what_a_json_line_says(partner: Partner) -> None:
    lines = [
        "\ufeff" + COLUMNS,
        f"A1,1,J1,10000,0,{AT.isoformat()},,{partner.link.code}",
        "",
        f'"A2","1",J1,10000,2500,{AT.isoformat()},{AT.isoformat()},{partner.link.code}',
        "A3,1,J1",
        f"A4,1,J1,１００,0,{AT.isoformat()},,{partner.link.code}",
    ]
    job = partner.upload("\r\n".join(lines).encode(), kind="csv")
    assert conversions.run_imports(at=AT) == 4
    assert verdicts(job) == ["accepted", "accepted", "malformed", "malformed"]
    assert progress(job) == ("done", 4, {"accepted": 2, "malformed": 2})
    refunded = {
        made.external_order: made.order_line.refunded_fen
        for made in Conversion.objects.select_related("order_line")
    }
    assert refunded == {"A1": 0, "A2": 2_500}


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2\n", b"order,line\n", b"\xff\xfe\n", (COLUMNS + ",order\n").encode()]
)
def test_a_csv_without_its_columns_fails_whole(partner: Partner, content: bytes) -> None:
    job = partner.upload(content, kind="csv")
    assert conversions.run_imports(at=AT) == 0
    assert progress(job) == ("failed", 0, {})
    assert ConversionImport.objects.get(pk=job).error


def test_a_dry_run_gives_the_verdicts_and_takes_nothing(partner: Partner) -> None:
    rows = [partner.row(), partner.row(), partner.row("A2", sku="J9")]
    assert partner.import_(*rows, dry_run=True) == ["accepted", "unchanged", "unknown_sku"]
    assert not Conversion.objects.exists()
    assert not CommissionOrder.objects.exists()
    assert partner.import_(*rows) == ["accepted", "unchanged", "unknown_sku"]


def test_a_file_is_taken_chunk_by_chunk_and_goes_on_where_it_stopped(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces that end in the middle of a row, chunks of two rows, a worker that stops."""
    monkeypatch.setattr(importing, "PIECE", 100)
    monkeypatch.setattr(importing, "CHUNK", 2)
    rows = [partner.row(f"A{place}") for place in range(5)]
    job = partner.upload(b"\n".join(json.dumps(row).encode() for row in rows))
    assert ConversionPiece.objects.count() > 5
    assert conversions.run_imports(at=AT, chunks=1) == 2
    assert progress(job)[:2] == ("running", 2)
    assert conversions.run_imports(at=AT) == 3
    assert progress(job) == ("done", 5, {"accepted": 5})
    assert Conversion.objects.count() == 5
    assert not ConversionPiece.objects.exists()


def test_a_chunk_that_breaks_takes_nothing_and_stops_no_other_file(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = partner.upload(json.dumps(partner.row()).encode())
    real = accruals.reconcile_orders
    with monkeypatch.context() as patch:
        patch.setattr(accruals, "reconcile_orders", lambda *_, **__: 1 // 0)
        assert conversions.run_imports(at=AT, chunks=1) == 0
    assert progress(broken) == ("failed", 0, {})
    assert not Order.objects.exists()
    assert accruals.reconcile_orders is real
    assert partner.import_(partner.row()) == ["accepted"]


def test_the_verdicts_come_as_csv_that_no_spreadsheet_runs(
    partner: Partner, selena: Person
) -> None:
    rows = [partner.row('=cmd|"/C"'), partner.row("A,2"), {"order": "x"}]
    job = partner.upload(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    conversions.run_imports(at=AT)
    answer = selena.client.get(f"/v1/conversion-imports/{job}/verdicts.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.getvalue().decode().split("\r\n") == [
        "row,verdict,order,line",
        '1,accepted,"\'=cmd|""/C""",1',
        '2,accepted,"A,2",1',
        "3,malformed,,",
        "",
    ]


def test_a_page_of_verdicts_costs_one_statement(
    partner: Partner, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    job = partner.upload(b"{}\n" * 10)
    conversions.run_imports(at=AT)
    monkeypatch.setattr(importing, "PAGE", 4)
    with django_assert_num_queries(3):
        assert len(list(conversions.verdict_lines(job=ConversionImport(pk=job)))) == 10
    assert ConversionVerdict.objects.count() == 10


def test_more_rows_cost_no_more_statements(
    partner: Partner, django_assert_max_num_queries: Any
) -> None:
    rows = [partner.row(f"A{place}") for place in range(60)]
    job = partner.upload(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    with django_assert_max_num_queries(45):
        conversions.run_imports(at=AT)
    assert progress(job) == ("done", 60, {"accepted": 60})
