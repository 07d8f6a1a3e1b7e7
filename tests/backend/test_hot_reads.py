"""The hottest pages cost a constant number of statements, prepared ones, and may be asked anew for
nothing: P7."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection
from rest_framework.test import APIClient

from backend.core.clock import now
from backend.core.postgres.base import _is_silent
from backend.core.sql import read, rows, run, value
from commissions import accruals, promoters
from notes.models import GoodsNoteApplication, Note, NoteMedia, NoteProduct
from seeds.factories import (
    AccountFactory,
    CommissionOfferFactory,
    MediaFileFactory,
    NoteFactory,
    ProductFactory,
    PromotionLinkFactory,
    ShopFactory,
    SkuFactory,
)
from shops.models import Product, Shop
from tests.cast import Person
from tests.commissions import sales


class Place:
    """Pages and what makes them longer."""

    def __init__(self, selena: Person, lily: Person) -> None:
        self.reader, self.owner = lily, selena
        self.shop: Shop = ShopFactory.create(account=selena.account)
        self.product: Product = SkuFactory.create(product__shop=self.shop).product
        self.note: Note = NoteFactory.create(author=selena.account, terms=["羊毛"])
        self.link = PromotionLinkFactory.create(
            promoter=promoters.join(account=lily.account, at=now()), target_id=self.product.pk
        )

    def grow(self, by: int) -> None:
        """More of everything that a page shows."""
        for _ in range(by):
            SkuFactory.create(product=self.product)
            place = self.note.media.count()
            NoteMedia.objects.create(note=self.note, file=MediaFileFactory.create(), position=place)
            others = ProductFactory.create()
            CommissionOfferFactory.create(product=others)
            NoteProduct.objects.create(note=self.note, product=others, origin="others")
            note = NoteFactory.create(author=self.owner.account, terms=["羊毛"])
            NoteProduct.objects.create(note=note, product=self.product, origin="own")
            line = sales.sale(
                at=now(),
                sku=self.product.skus.first(),
                buyer=AccountFactory.create(),
                referral_code=self.link.code,
            )
            accruals.reconcile_orders([line.order_id], at=now())


@pytest.fixture
def place(selena: Person, lily: Person) -> Place:
    return Place(selena, lily)


Ask = Callable[[Place], Any]
# Page → who asks for it, and how many statements it costs, the token's one included.
PAGES: dict[str, tuple[Ask, int]] = {
    "discover": (lambda p: p.reader.client.get("/v1/feeds/discover"), 2),
    "discover, nobody signed in": (lambda p: APIClient().get("/v1/feeds/discover"), 1),
    "search": (lambda p: p.reader.client.get("/v1/search?q=羊毛"), 2),
    "note": (lambda p: p.reader.client.get(f"/v1/notes/{p.note.pk}"), 2),
    "product": (lambda p: p.reader.client.get(f"/v1/products/{p.product.pk}"), 2),
    "own product": (lambda p: p.owner.client.get(f"/v1/products/{p.product.pk}"), 2),
    "earnings": (lambda p: p.reader.client.get("/v1/me/earnings"), 2),
    "commissions": (lambda p: p.reader.client.get("/v1/me/commissions"), 2),
    "metrics": (
        lambda p: p.owner.client.get(
            f"/v1/metrics/daily?from=2026-11-01&to=2026-11-30&shop={p.shop.pk}"
        ),
        2,
    ),
}


@pytest.mark.parametrize("page", PAGES)
def test_a_hot_page_costs_the_same_for_few_rows_and_many(
    place: Place, page: str, django_assert_num_queries: Any
) -> None:
    ask, cost = PAGES[page]
    for grown in (0, 1, 7):
        place.grow(grown)
        with django_assert_num_queries(cost):
            answer = ask(place)
        assert answer.status_code == 200, answer.content


def test_only_others_goods_in_a_note_cost_one_statement_more(
    place: Place, selena: Person, django_assert_num_queries: Any
) -> None:
    """Whether an offer is open is the commissions room's to say."""
    GoodsNoteApplication.objects.create(
        account=selena.account, follower_count_at_apply=1000, status="approved", submitted_at=now()
    )
    place.grow(3)
    with django_assert_num_queries(3):
        cards = place.reader.client.get(f"/v1/notes/{place.note.pk}").json()["cards"]
    assert [card["available"] for card in cards] == [True] * 3


@pytest.mark.parametrize("page", PAGES)
def test_a_hot_page_is_prepared_by_its_third_reading(place: Place, page: str) -> None:
    """server_side_binding and prepare_threshold really prepare: PostgreSQL says so itself."""
    ask, cost = PAGES[page]
    ask(place)
    run("DEALLOCATE ALL")
    for _ in range(3):
        ask(place)
    assert value("SELECT count(*) FROM pg_prepared_statements") == cost


# ---------------------------------------------------------------- asking again
SHARED = {
    "discover": ("/v1/feeds/discover", "public, max-age=5"),
    "search": ("/v1/search?q=羊毛", "public, max-age=5"),
    "notes of an account": ("/v1/accounts/selena/notes", "public, max-age=5"),
    "note": ("/v1/notes/{note}", "public, no-cache"),
    "product": ("/v1/products/{product}", "public, no-cache"),
}


@pytest.mark.parametrize("page", SHARED)
def test_what_everybody_reads_is_sent_again_only_when_it_has_changed(
    place: Place, anyone: APIClient, page: str
) -> None:
    path, kept = SHARED[page]
    path = path.format(note=place.note.pk, product=place.product.pk)
    first = anyone.get(path)
    assert (first.status_code, first["Cache-Control"]) == (200, kept)
    assert "Authorization" in first["Vary"]
    again = anyone.get(path, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    Note.objects.update(title="另一个")
    Product.objects.update(title="另一个")
    changed = anyone.get(path, headers={"If-None-Match": first["ETag"]})
    assert (changed.status_code, changed["ETag"] != first["ETag"]) == (200, True)


@pytest.mark.parametrize("page", SHARED)
def test_what_somebody_signed_in_reads_is_nobody_elses(place: Place, page: str) -> None:
    path, _ = SHARED[page]
    path = path.format(note=place.note.pk, product=place.product.pk)
    answer = place.reader.client.get(path, headers={"If-None-Match": "*"})
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert "ETag" not in answer


def test_a_refusal_is_not_kept(anyone: APIClient, place: Place) -> None:
    for path in ("/v1/notes/999999", "/v1/feeds/discover?x=1"):
        answer = anyone.get(path, headers={"If-None-Match": "*"})
        assert answer.status_code in (400, 404)
        assert answer["Cache-Control"] == "no-store"


# ---------------------------------------------------------------- what stands below
def test_values_are_the_same_in_both_forms_of_the_wire(db: None) -> None:
    statement = """
    SELECT 1::bigint AS a, 1.5::float8 AS b, true AS c, 'ü'::text AS d, '{"x": [1]}'::json AS e,
      NULL::text AS f, '2026-11-01 04:05:06.789012+08'::timestamptz AS g, '2026-11-01'::date AS h,
      ARRAY[1.5, 2]::float8[] AS i, 12.50::numeric AS j, 3::smallint AS k
    """
    assert read(statement) == rows(statement)
    assert read("SELECT '{\"x\": 1}'::jsonb AS a") == [{"a": {"x": 1}}]
    assert read("SELECT 1 AS a WHERE false") == []


@pytest.fixture
def kept(django_db_blocker: Any, transactional_db: None) -> Iterator[int]:
    """A connection of this thread, as a request finds it; its server process."""
    connection.ensure_connection()
    connection.health_check_enabled = True
    yield int(value("SELECT pg_backend_pid()"))
    connection.close()


def _next_request() -> None:
    connection.close_if_unusable_or_obsolete()


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_ended_is_replaced_before_a_request_uses_it(kept: int) -> None:
    from psycopg import connect

    _next_request()
    assert value("SELECT pg_backend_pid()") == kept
    with connect(connection.connection.info.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [kept])
        while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [kept]).fetchone():
            pass
    _next_request()
    assert value("SELECT pg_backend_pid()") != kept


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_spoke_unasked_is_asked_and_kept(kept: int) -> None:
    """A server tells its settings' changes unasked: that is no end."""
    from psycopg import connect

    with connect(connection.connection.info.dsn, autocommit=True) as other:
        connection.cursor().execute("LISTEN bell")
        other.execute("NOTIFY bell")
        while _is_silent(connection.connection.pgconn):
            pass
    _next_request()
    assert value("SELECT pg_backend_pid()") == kept


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_no_more_is_not_called_silent(kept: int) -> None:
    driver = connection.connection
    driver.close()
    assert not connection.is_usable()
    with pytest.raises(OperationalError):
        connection.cursor().execute("SELECT 1")
