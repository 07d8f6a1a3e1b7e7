"""Who a line is owed to, by one written order of rules, and why the others lost: K3, I5."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from commissions import accruals, attribution, touches
from commissions.models import Attribution, CommissionOrder, Promoter
from notes.models import LiveProduct, LiveSession, NoteProduct
from seeds.factories import (
    AccountFactory,
    AddressFactory,
    CommissionOfferFactory,
    NoteFactory,
    PromoterFactory,
    PromotionLinkFactory,
    SkuFactory,
    TouchFactory,
)
from shops import checkout, payments
from shops.models import OrderLine, Sku
from tests.commissions import sales

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def sku() -> Sku:
    return SkuFactory.create()


def link_to(sku: Sku, **fields: Any) -> Any:
    return PromotionLinkFactory.create(target_id=sku.product_id, **fields)


def note_with(sku: Sku, **fields: Any) -> Any:
    note = NoteFactory.create(**fields)
    NoteProduct.objects.create(note=note, product=sku.product, origin="others")
    return note


def decided(line: Any) -> Attribution:
    accruals.reconcile_orders([line.order_id], at=AT)
    return Attribution.objects.get(order_line=line)


def reasons(found: Attribution) -> dict[int, str]:
    return {loser["id"]: loser["reason"] for loser in found.losers}


def test_the_click_named_at_checkout_wins_with_its_touch(sku: Sku) -> None:
    link = link_to(sku)
    touch = TouchFactory.create(link=link, at=AT - HOUR)
    line = sales.sale(at=AT, sku=sku, referral_code=link.code, click_id=touch.click_id)
    found = decided(line)
    assert (found.rule, found.source_kind, found.source_id) == ("named", "referral", link.pk)
    assert (found.touch_id, found.promoter_id) == (touch.pk, link.promoter_id)
    assert found.losers == []


def test_a_click_of_this_very_second_is_named_with_its_touch(sku: Sku) -> None:
    """I8: paid before the touch's own job came round."""
    link = link_to(sku)
    landing = touches.record(code=link.code, visitor="", account=None, at=AT - HOUR)
    click_id = str(landing.click_id)
    found = decided(sales.sale(at=AT, sku=sku, referral_code=link.code, click_id=click_id))
    assert found.touch is not None
    assert (found.rule, found.touch.click_id) == ("named", click_id)


def test_a_click_whose_touch_is_lost_wins_all_the_same(sku: Sku) -> None:
    link = link_to(sku)
    found = decided(sales.sale(at=AT, sku=sku, referral_code=link.code, click_id="f" * 22))
    assert (found.rule, found.touch_id, found.promoter_id) == ("named", None, link.promoter_id)


def test_the_note_named_at_checkout_pays_its_author(sku: Sku) -> None:
    note = note_with(sku)
    found = decided(sales.sale(at=AT, sku=sku, source=("note", note.pk)))
    assert (found.rule, found.source_kind, found.source_id) == ("named", "note", note.pk)
    assert (found.creator_id, found.promoter_id) == (note.author_id, None)
    assert sales.fen_of(note.author, "pending") == 2_580


def test_the_live_room_named_at_checkout_pays_its_host(sku: Sku) -> None:
    host = AccountFactory.create()
    room = LiveSession.objects.create(host=host, title="双十一", starts_at=AT)
    LiveProduct.objects.create(session=room, product=sku.product)
    found = decided(sales.sale(at=AT, sku=sku, source=("live", room.pk)))
    assert (found.source_kind, found.creator_id) == ("live", host.pk)


def test_the_click_outranks_the_note_and_the_note_outranks_touches(sku: Sku) -> None:
    buyer, named, touched = AccountFactory.create(), link_to(sku), link_to(sku)
    note = note_with(sku)
    TouchFactory.create(link=touched, account=buyer, at=AT - HOUR)
    source = ("note", note.pk)
    both = decided(sales.sale(at=AT, sku=sku, buyer=buyer, referral_code=named.code, source=source))
    assert both.promoter_id == named.promoter_id
    assert [(x["kind"], x["reason"]) for x in both.losers] == [
        ("note", "outranked"),
        ("referral", "outranked"),
    ]
    note_only = decided(sales.sale(at=AT, sku=sku, buyer=buyer, source=source))
    assert note_only.creator_id == note.author_id
    assert reasons(note_only) == {touched.pk: "outranked"}


def test_without_a_name_the_last_touch_of_the_buyer_wins(sku: Sku) -> None:
    buyer, early, late = AccountFactory.create(), link_to(sku), link_to(sku)
    TouchFactory.create(link=early, account=buyer, at=AT - 2 * DAY)
    last = TouchFactory.create(link=late, account=buyer, at=AT - DAY)
    found = decided(sales.sale(at=AT, sku=sku, buyer=buyer))
    assert (found.rule, found.touch_id, found.promoter_id) == (
        "last_touch",
        last.pk,
        late.promoter_id,
    )
    assert reasons(found) == {early.pk: "earlier_touch"}


def test_the_visitor_of_the_named_click_is_the_buyer_too(sku: Sku) -> None:
    """The click led elsewhere, but the same browser had come by a link to this product."""
    elsewhere = PromotionLinkFactory.create()
    mine = link_to(sku)
    TouchFactory.create(link=mine, visitor="v" * 22, at=AT - DAY)
    click = TouchFactory.create(link=elsewhere, visitor="v" * 22, at=AT - HOUR)
    found = decided(
        sales.sale(at=AT, sku=sku, referral_code=elsewhere.code, click_id=click.click_id)
    )
    assert (found.rule, found.promoter_id) == ("last_touch", mine.promoter_id)
    assert reasons(found) == {elsewhere.pk: "wrong_target"}


def test_windows_are_half_open_and_differ_by_kind(sku: Sku) -> None:
    buyer, link, note = AccountFactory.create(), link_to(sku), note_with(sku)
    TouchFactory.create(link=link, account=buyer, at=AT - 30 * DAY)
    assert decided(sales.sale(at=AT, sku=sku, buyer=buyer)).rule == "none"
    TouchFactory.create(link=None, kind="note", content_id=note.pk, account=buyer, at=AT - 7 * DAY)
    found = decided(sales.sale(at=AT, sku=sku, buyer=buyer))
    assert (found.rule, reasons(found)) == ("none", {note.pk: "window_over"})
    inside = AT - 30 * DAY + timedelta(microseconds=1)
    TouchFactory.create(link=link, account=buyer, at=inside)
    assert decided(sales.sale(at=AT, sku=sku, buyer=buyer)).rule == "last_touch"


def test_a_named_click_older_than_its_window_does_not_win(sku: Sku) -> None:
    link = link_to(sku)
    touch = TouchFactory.create(link=link, at=AT - 31 * DAY)
    found = decided(sales.sale(at=AT, sku=sku, referral_code=link.code, click_id=touch.click_id))
    assert (found.rule, reasons(found)) == ("none", {link.pk: "window_over"})


def test_a_touch_after_the_order_is_never_looked_at(sku: Sku) -> None:
    buyer = AccountFactory.create()
    TouchFactory.create(link=link_to(sku), account=buyer, at=AT + timedelta(microseconds=1))
    found = decided(sales.sale(at=AT, sku=sku, buyer=buyer))
    assert (found.rule, found.losers) == ("none", [])


@pytest.mark.parametrize(
    ("status", "reason"), [("frozen", "promoter_frozen"), ("left", "promoter_left")]
)
def test_a_promoter_who_is_not_active_does_not_win(sku: Sku, status: str, reason: str) -> None:
    link = link_to(sku, promoter=PromoterFactory.create(status=status))
    found = decided(sales.sale(at=AT, sku=sku, referral_code=link.code))
    assert (found.rule, found.promoter_id) == ("none", None)
    assert reasons(found) == {link.pk: reason}


def test_buying_through_ones_own_link_pays_the_one_who_was_there_before(sku: Sku) -> None:
    """SELF_PURCHASE = none: the finding is kept, an honest earlier touch still earns."""
    buyer, honest = AccountFactory.create(), link_to(sku)
    own = link_to(sku, promoter=PromoterFactory.create(account=buyer))
    TouchFactory.create(link=honest, account=buyer, at=AT - DAY)
    found = decided(sales.sale(at=AT, sku=sku, buyer=buyer, referral_code=own.code))
    assert found.promoter_id == honest.promoter_id
    assert (reasons(found), found.findings) == ({own.pk: "self_purchase"}, ["self_purchase"])


def test_the_market_may_allow_self_purchase(sku: Sku, settings: Any) -> None:
    settings.SELF_PURCHASE = "commission"
    buyer = AccountFactory.create()
    own = link_to(sku, promoter=PromoterFactory.create(account=buyer))
    found = decided(sales.sale(at=AT, sku=sku, buyer=buyer, referral_code=own.code))
    assert (found.rule, found.promoter_id) == ("named", own.promoter_id)


def test_a_shop_pays_no_commission_to_itself(sku: Sku) -> None:
    owner = sku.product.shop.account
    note = note_with(sku, author=owner)
    found = decided(sales.sale(at=AT, sku=sku, source=("note", note.pk)))
    assert (found.rule, found.creator_id) == ("none", None)
    assert (reasons(found), found.findings) == ({note.pk: "own_goods"}, ["own_goods"])


@pytest.mark.parametrize("kind", ["product", "shop", "note"])
def test_a_link_covers_its_product_its_shop_and_what_its_note_shows(sku: Sku, kind: str) -> None:
    targets = {
        "product": (sku.product_id, SkuFactory.create().product_id),
        "shop": (sku.product.shop_id, SkuFactory.create().product.shop_id),
        "note": (note_with(sku).pk, NoteFactory.create().pk),
    }
    right, wrong = (
        PromotionLinkFactory.create(target_kind=kind, target_id=target) for target in targets[kind]
    )
    assert decided(sales.sale(at=AT, sku=sku, referral_code=right.code)).rule == "named"
    found = decided(sales.sale(at=AT, sku=sku, referral_code=wrong.code))
    assert (found.rule, reasons(found)) == ("none", {wrong.pk: "wrong_target"})


@pytest.mark.parametrize(
    ("who", "finding"),
    [("frozen", "inviter_frozen"), ("buyer", "inviter_buys"), ("owner", "inviter_owns_shop")],
)
def test_an_inviter_who_may_not_share_leaves_the_share_to_the_shop(
    sku: Sku, who: str, finding: str
) -> None:
    buyer = AccountFactory.create()
    accounts = {
        "frozen": AccountFactory.create(),
        "buyer": buyer,
        "owner": sku.product.shop.account,
    }
    inviter = PromoterFactory.create(
        account=accounts[who], status="frozen" if who == "frozen" else "active"
    )
    link = link_to(sku, promoter=PromoterFactory.create(sponsor=inviter))
    found = decided(sales.sale(at=AT, sku=sku, buyer=buyer, referral_code=link.code))
    assert (found.rule, found.inviter_id, found.findings) == ("named", None, [finding])
    commission = CommissionOrder.objects.get(attribution=found)
    assert set(sales.splits(commission)) == {"promoter", "shop", "platform", "charity"}


def test_an_attribution_is_written_once(sku: Sku) -> None:
    link = link_to(sku)
    found = decided(sales.sale(at=AT, sku=sku, referral_code=link.code))
    Promoter.objects.filter(pk=link.promoter_id).update(status="frozen")
    accruals.reconcile_orders([found.order_line.order_id], at=AT + DAY)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        connection.cursor().execute("UPDATE commissions_attribution SET rule = 'none'")
    found.refresh_from_db()
    assert found.promoter_id == link.promoter_id


def test_an_attribution_of_an_unknown_line_is_refused_by_the_database(sku: Sku) -> None:
    """Decision 12: a trigger looks at the lines of a statement at once."""
    line = sales.sale(at=AT, sku=sku)
    insert = """
        INSERT INTO commissions_attribution (order_line_id, rule, source_kind, losers, findings, at)
        SELECT n, 'none', '', '[]', '[]', %s FROM unnest(%s::bigint[]) n"""
    with pytest.raises(IntegrityError, match="unknown order line 999999"), transaction.atomic():
        connection.cursor().execute(insert, [AT, [line.pk, 999_999]])
    assert not Attribution.objects.exists()


def test_a_good_touch_is_not_crowded_out_by_many_others(sku: Sku) -> None:
    buyer, link = AccountFactory.create(), link_to(sku)
    others = [PromotionLinkFactory.create() for _ in range(3)]
    TouchFactory.create(link=link, account=buyer, at=AT - 20 * DAY)
    for number in range(120):
        TouchFactory.create(link=others[number % 3], account=buyer, at=AT - number * HOUR)
    found = decided(sales.sale(at=AT, sku=sku, buyer=buyer))
    assert found.promoter_id == link.promoter_id
    assert len(found.losers) == attribution.KEPT - 1
    assert {loser["reason"] for loser in found.losers} == {"wrong_target"}


@pytest.mark.parametrize("covers", [False, True])
def test_a_click_on_other_goods_does_not_cost_the_notes_author_their_commission(
    sku: Sku, covers: bool
) -> None:
    """From the checkout on: the link is looked at first, and then the note named at checkout."""
    buyer, author = AccountFactory.create(), AccountFactory.create()
    note = note_with(sku, author=author)
    link = link_to(sku if covers else SkuFactory.create())
    click = TouchFactory.create(link=link, at=AT - HOUR)
    CommissionOfferFactory.create(product=sku.product, starts_at=AT - DAY)
    placed = checkout.place(
        buyer=buyer,
        lines=[checkout.LineRequest(sku.pk, 1, "note", note.pk)],
        address_id=AddressFactory.create(account=buyer).pk,
        expected_total_fen=sku.price_fen,
        click_id=click.click_id,
        at=AT,
    )
    bought = payments.record_payment(
        provider="sandbox",
        notice_id="n1",
        transaction_id="t1",
        checkout_number=placed.number,
        amount_fen=placed.total_fen,
        payer="",
        paid_at=AT,
        at=AT,
    )
    assert bought.outcome == "accepted"
    found = decided(OrderLine.objects.get())
    fen = sales.fen_of(author, "pending"), sales.fen_of(link.promoter.account, "pending")
    if covers:
        assert (found.rule, found.promoter_id) == ("named", link.promoter_id)
        assert fen == (0, 2_064)  # 80 % of 20 % of 129.00
    else:
        assert (found.rule, found.creator_id, reasons(found)) == (
            "named",
            author.pk,
            {link.pk: "wrong_target"},
        )
        assert fen == (2_580, 0)  # 20 % of 129.00
