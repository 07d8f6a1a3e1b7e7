"""K4: earnings as they move, told to whoever follows them, by a process of their own."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from backend.accounts import tokens
from backend.core.clock import now
from commissions import accruals, following, ledger, promoters, settlement
from commissions.following import Moving
from commissions.models import CommissionOrder
from seeds.factories import AccountFactory, PromotionLinkFactory, SkuFactory
from tests.backend.streaming import Stream, memory, stream_server, within
from tests.cast import person
from tests.commissions import sales

AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


@pytest.mark.django_db
def test_what_is_followed_is_what_the_ledger_says() -> None:
    account = AccountFactory.create()
    promoter = promoters.join(account=account, at=AT)
    sku = SkuFactory.create()
    link = PromotionLinkFactory.create(promoter=promoter, target_id=sku.product_id)
    line = sales.sale(at=AT, sku=sku, price_fen=10_000, referral_code=link.code)
    accruals.reconcile_orders([line.order_id], at=AT)
    other = AccountFactory.create()
    pending = ledger.balance(ledger.AccountKey("person", account.pk, "pending"))
    assert pending > 0
    assert following.balances([account.pk, other.pk]) == {
        account.pk: Moving(pending, 0, 0),
        other.pk: Moving(0, 0, 0),
    }
    assert following.confirmed([account.pk]) == {account.pk: 0}
    sales.receive(line, AT)
    accruals.reconcile_orders([line.order_id], at=AT)
    assert following.confirmed([account.pk]) == {account.pk: pending}
    settlement.settle_due(at=AT + timedelta(days=8))
    assert following.balances([account.pk])[account.pk] == Moving(0, pending, 0)
    assert CommissionOrder.objects.get().status == "settled"


@pytest.mark.django_db
def test_a_token_is_open_until_it_is_revoked_or_past_its_end() -> None:
    who = person("linda", "Linda")
    _, token_id = tokens.find(token=who.token, at=now()) or (None, 0)
    assert tokens.still_open(token_ids=[token_id, 10**9], at=now()) == {token_id}
    assert tokens.still_open(token_ids=[token_id], at=now() + timedelta(days=91)) == set()
    tokens.revoke_all(account=who.account, at=now())
    assert tokens.still_open(token_ids=[token_id], at=now()) == set()


@pytest.mark.django_db(transaction=True)
def test_a_payment_is_told_by_the_real_server() -> None:
    """K4: pay, and read the stream. tests/faults has the same through web server and worker."""
    who = person("linda", "Linda")
    promoter = promoters.join(account=who.account, at=AT)
    sku = SkuFactory.create()
    link = PromotionLinkFactory.create(promoter=promoter, target_id=sku.product_id)
    with stream_server() as port:
        stream = Stream(port, who.token)
        assert stream.answer.status == 200
        within(5, lambda: len(stream.figures()) == 1)
        line = sales.sale(at=AT, sku=sku, price_fen=10_000, referral_code=link.code)
        accruals.reconcile_orders([line.order_id], at=AT)
        within(5, lambda: stream.figures()[-1]["estimated_fen"] > 0)
        tokens.revoke_all(account=who.account, at=now())
        assert Stream(port, who.token).answer.status == 401


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_two_hundred_idle_streams_need_littlememory() -> None:
    people = [person(f"p{number:03}", "推客") for number in range(200)]
    with stream_server() as port:
        first = Stream(port, people[0].token)
        within(5, lambda: len(first.figures()) == 1)
        before = memory(port)
        streams = [Stream(port, who.token) for who in people[1:]]
        within(30, lambda: all(stream.figures() for stream in streams))
        more = memory(port) - before
        print(f"\n200 idle streams: {more / 1024:.1f} MiB more than one")
        assert more < 64 * 1024
        began = time.monotonic()
        sku = SkuFactory.create()
        promoter = promoters.join(account=people[150].account, at=AT)
        link = PromotionLinkFactory.create(promoter=promoter, target_id=sku.product_id)
        line = sales.sale(at=AT, sku=sku, price_fen=10_000, referral_code=link.code)
        accruals.reconcile_orders([line.order_id], at=AT)
        within(5, lambda: streams[149].figures()[-1]["estimated_fen"] > 0)
        print(f"told after {time.monotonic() - began:.2f} s")
        tokens.revoke_all(account=people[150].account, at=now())
        assert streams[149].has_ended.wait(20)
        ended = ["event: end", 'data: {"code":"authentication_failed"}', ""]
        assert streams[149].lines[-3:] == ended
        for stream in [first, *streams]:
            stream.close()
