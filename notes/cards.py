"""Product cards 商品卡: who may show which goods in a note or a live session.

Own goods: at any follower count, 0 included (D1). Others' goods: an approved goods-note
application and a commission offer open to the author (D2). Whether a card may stand is judged
when it is attached, when the note is published and whenever it is read: a note whose card has
lapsed stays, the card comes back as unavailable with the reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Min, Q, QuerySet

from backend.accounts.models import Account
from backend.core.errors import Invalid, NotFound, Refusal
from backend.core.sql import rows
from notes import ports
from notes.authorship import lock_own, mark_edited
from notes.models import NoteProduct
from notes.permissions import (  # the verbs of the permission are the cards' too
    apply_for_goods_notes,
    approve_goods_notes,
    reject_goods_notes,
    revoke_goods_notes,
)
from shops.catalog.refusals import ShopNotOpen
from shops.checkout import ProductNotOnSale
from shops.models import Product, Shop

__all__ = [
    "Shown",
    "apply_for_goods_notes",
    "approve_goods_notes",
    "attach",
    "detach",
    "embeddable",
    "judged",
    "real_note_sources",
    "reject_goods_notes",
    "require",
    "revoke_goods_notes",
    "standings",
]

AD_LABEL = "广告"


class GoodsNotePermissionRequired(Refusal):
    """Others' goods need an approved goods-note application."""

    code = "goods_note_permission_required"
    status = 403
    title = "Showing others' goods needs an approved goods-note application"


class NoCommissionOffer(Refusal):
    """The product has no commission offer open to the author."""

    code = "no_commission_offer"
    status = 403
    title = "The product has no commission offer open to you"


class TooManyCards(Invalid):
    """A note shows at most NOTE_MAX_CARDS products."""

    code = "too_many_cards"
    title = "The note shows as many products as it may"


class CardExists(Refusal):
    """The note shows this product already."""

    code = "card_exists"
    status = 409
    title = "The note shows this product already"


_REFUSALS: dict[str, type[Refusal]] = {
    kind.code: kind
    for kind in (GoodsNotePermissionRequired, NoCommissionOffer, ShopNotOpen, ProductNotOnSale)
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether an author may show a product: `reason` is "" or the code of the refusal."""

    own: bool
    product_status: str
    reason: str

    OWN: ClassVar[str] = NoteProduct.Origin.OWN.value
    OTHERS: ClassVar[str] = NoteProduct.Origin.OTHERS.value

    @property
    def origin(self) -> str:
        """'own' or 'others'."""
        return self.OWN if self.own else self.OTHERS


class Shown(NamedTuple):
    """What is known of a product that a note shows, or would."""

    product_id: int
    status: str
    shop_status: str
    own: bool


_STANDINGS = """
SELECT p.id, p.status, s.status AS shop_status, s.account_id = %(author)s::bigint AS own,
  EXISTS (SELECT 1 FROM notes_goodsnoteapplication g
    WHERE g.account_id = %(author)s::bigint AND g.status = 'approved') AS permitted
FROM shops_product p JOIN shops_shop s ON s.id = p.shop_id
WHERE p.id = ANY(%(products)s::bigint[])
"""


def standings(*, author_id: int, product_ids: Sequence[int], at: datetime) -> dict[int, Standing]:
    """The standing of these products for an author; unknown ids are absent. One statement, and
    the offers' port where others' goods are among them."""
    if not product_ids:
        return {}
    found = rows(_STANDINGS, {"author": author_id, "products": list(product_ids)})
    return judged(
        [Shown(row["id"], row["status"], row["shop_status"], row["own"]) for row in found],
        author_id=author_id,
        permitted=any(row["permitted"] for row in found),
        at=at,
    )


def judged(
    shown: Sequence[Shown], *, author_id: int, permitted: bool, at: datetime
) -> dict[int, Standing]:
    """The standing of products whose states are known; `permitted` says whether the author may
    show others' goods at all. Asks the offers' port where they are among them."""
    others = [product.product_id for product in shown if permitted and not product.own]
    offered = ports.offers_open_to(author_id, others, at) if others else set()
    return {
        product.product_id: Standing(
            own=product.own,
            product_status=product.status,
            reason=_reason(
                product.own or permitted,
                product.status,
                product.shop_status,
                product.own or product.product_id in offered,
            ),
        )
        for product in shown
    }


def _reason(permitted: bool, product_status: str, shop_status: str, offered: bool) -> str:
    if not permitted:
        return GoodsNotePermissionRequired.code
    if product_status != "on_sale":
        return ProductNotOnSale.code
    if shop_status != "open":
        return ShopNotOpen.code
    return "" if offered else NoCommissionOffer.code


def require(*, author_id: int, product_id: int, at: datetime) -> Standing:
    """The standing of a product that the author may show.

    :raises NotFound: no such product, or another shop's draft.
    :raises GoodsNotePermissionRequired: others' goods without an approved application.
    :raises ProductNotOnSale: off the shelf, banned, or the author's own draft.
    :raises ShopNotOpen: its shop is not open.
    :raises NoCommissionOffer: others' goods without an offer open to the author.
    """
    found = standings(author_id=author_id, product_ids=[product_id], at=at).get(product_id)
    if found is None or (found.product_status == "draft" and not found.own):
        raise NotFound("There is no such product")
    if found.reason:
        raise _REFUSALS[found.reason](product=product_id)
    return found


def attach(*, account: Account, note_id: int, product_id: int, at: datetime) -> NoteProduct:
    """Shows a product in one's own note.

    :raises NotFound: no such note of this account, no such product.
    :raises NoteTakenDown: staff took the note down.
    :raises GoodsNotePermissionRequired: others' goods without an approved application.
    :raises ProductNotOnSale: the product is not on sale.
    :raises ShopNotOpen: its shop is not open.
    :raises NoCommissionOffer: others' goods without an offer open to the author.
    :raises CardExists: the note shows it already.
    :raises TooManyCards: the note shows NOTE_MAX_CARDS products.
    """
    with transaction.atomic():
        note = lock_own(account=account, note_id=note_id)
        standing = require(author_id=account.pk, product_id=product_id, at=at)
        cards = NoteProduct.objects.filter(note=note)
        if cards.filter(product_id=product_id).exists():
            raise CardExists()
        if cards.count() >= settings.NOTE_MAX_CARDS:
            raise TooManyCards(limit=settings.NOTE_MAX_CARDS)
        last = cards.aggregate(last=Max("position"))["last"]
        card = NoteProduct.objects.create(
            note=note,
            product_id=product_id,
            position=0 if last is None else last + 1,
            origin=standing.origin,
        )
        mark_edited(note, at=at)
    return card


def detach(*, account: Account, note_id: int, product_id: int, at: datetime) -> None:
    """Takes a product out of one's own note; one that is not there is no error.

    :raises NotFound: no such note of this account.
    :raises NoteTakenDown: staff took the note down.
    """
    with transaction.atomic():
        note = lock_own(account=account, note_id=note_id)
        deleted, _ = NoteProduct.objects.filter(note=note, product_id=product_id).delete()
        if deleted:
            mark_edited(note, at=at)


def embeddable(*, account: Account, query: str = "", origin: str = "") -> QuerySet[Product]:
    """Products that the account could show: its own in every state and all that others have on
    sale in open shops, with `price_fen` (the cheapest active SKU). Whether it may is for
    `standings`."""
    own = Q(shop__account=account)
    others = Q(status=Product.Status.ON_SALE, shop__status=Shop.Status.OPEN) & ~own
    found = Product.objects.filter({"own": own, "others": others}.get(origin, own | others))
    if query:
        found = found.filter(title__icontains=query)
    return found.select_related("shop").annotate(
        price_fen=Min("skus__price_fen", filter=Q(skus__is_active=True))
    )


_NOTE_SOURCES = """
SELECT c.note_id AS source, c.product_id AS product FROM notes_noteproduct c
JOIN notes_note n ON n.id = c.note_id AND n.status = 'published'
JOIN unnest(%s::bigint[], %s::bigint[]) AS asked(source, product)
  ON asked.source = c.note_id AND asked.product = c.product_id
"""


def real_note_sources(pairs: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those (note id, product id) pairs that are a card in a published note: what an order line
    may name as its source (shops.ports)."""
    found = rows(_NOTE_SOURCES, [[pair[0] for pair in pairs], [pair[1] for pair in pairs]])
    return {(row["source"], row["product"]) for row in found}
