"""Sources: partners that tell conversions, their goods and their secret. Staff add them."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from backend.accounts.models import Account
from backend.core import audit, ids, sealing, webhooks
from backend.core.errors import Invalid, NotFound, Refusal
from commissions import offers
from commissions.models import ConversionGoods, ConversionSource
from shops.models import Shop, Sku


class SourceNameTaken(Refusal):
    """A source has this name already."""

    code = "source_name_taken"
    status = 409
    title = "A source has this name already"


class SourceClosed(Refusal):
    """The source takes no conversions for now."""

    code = "source_closed"
    status = 409
    title = "The source is closed"


def add_source(
    *, name: str, shop_id: int, fee_bps: int, window_days: int, by: Any, at: datetime
) -> tuple[ConversionSource, str]:
    """A new source for a shop, and its secret, which is shown this once. Its buyers are one
    account that nobody can sign in as.

    :raises NotFound: no such shop.
    :raises SourceNameTaken: another has the name.
    """
    secret = webhooks.new_secret()
    if not Shop.objects.filter(pk=shop_id).exists():
        raise NotFound()
    try:
        with transaction.atomic():
            buyer = Account.objects.create_user(
                f"elsewhere.{ids.code(16).lower()}", None, display_name=name[:40], is_active=False
            )
            Account.objects.filter(pk=buyer.pk).update(joined_at=at)  # not the clock of the row
            source = ConversionSource.objects.create(
                name=name,
                shop_id=shop_id,
                buyer=buyer,
                fee_bps=fee_bps,
                window_days=window_days,
                secret_sealed=sealing.seal(secret),
                created_at=at,
            )
            audit.note(actor=by, action="conversion_source.add", target=source, at=at)
    except IntegrityError as error:
        raise SourceNameTaken() from error
    return source, secret


def new_secret(*, source_id: int, by: Any, at: datetime) -> str:
    """A new secret, shown this once; the one before it signs nothing from now on.

    :raises NotFound: no such source.
    """
    secret = webhooks.new_secret()
    with transaction.atomic():
        source = ConversionSource.objects.filter(pk=source_id).first()
        if source is None:
            raise NotFound()
        source.secret_sealed = sealing.seal(secret)
        source.save(update_fields=["secret_sealed"])
        audit.note(actor=by, action="conversion_source.new_secret", target=source, at=at)
    return secret


def reseal() -> int:
    """Seals every source's secret under the newest of FIELD_KEYS; how many. Partners are few."""
    with transaction.atomic():
        sources = list(
            ConversionSource.objects.select_for_update(no_key=True, of=("self",)).order_by("pk")
        )
        for source in sources:
            source.secret_sealed = sealing.reseal(source.secret_sealed)
        ConversionSource.objects.bulk_update(sources, ["secret_sealed"])
    return len(sources)


def set_open(*, source_id: int, is_active: bool, by: Any, reason: str, at: datetime) -> None:
    """Opens or closes a source; what it has told stays.

    :raises NotFound: no such source.
    """
    with transaction.atomic():
        source = ConversionSource.objects.filter(pk=source_id).first()
        if source is None:
            raise NotFound()
        source.is_active = is_active
        source.save(update_fields=["is_active"])
        action = "conversion_source.open" if is_active else "conversion_source.close"
        audit.note(actor=by, action=action, target=source, at=at, reason=reason)


def sources_of(account: Account) -> QuerySet[ConversionSource]:
    """The sources of the account's shops, the shop loaded."""
    return ConversionSource.objects.select_related("shop").filter(shop__account=account)


def own_source(*, account: Account, source_id: int) -> ConversionSource:
    """A source of the account's own shop.

    :raises NotFound: it is not.
    """
    source = sources_of(account).filter(pk=source_id).first()
    if source is None:
        raise NotFound()
    return source


def set_goods(
    *,
    account: Account,
    source_id: int,
    external_sku: str,
    sku_id: int,
    rate_bps: int | None,
) -> ConversionGoods:
    """Says which SKU of the shop a partner's article is, and its rate in bps; without one, the
    product's offer counts. What was told before keeps what it had.

    :raises NotFound: not a source of the account's.
    :raises Invalid: the SKU is not the shop's.
    :raises OverCap: above COMMISSION_CAP_BPS, or above what the source's platform fee leaves.
    """
    source = own_source(account=account, source_id=source_id)
    offers.within_cap(rate_bps or 0, fee_bps=source.fee_bps)
    if not Sku.objects.filter(pk=sku_id, product__shop_id=source.shop_id).exists():
        raise Invalid("The SKU is not the shop's.", fields={"sku": ["Not a SKU of the shop."]})
    found, _ = ConversionGoods.objects.update_or_create(
        source=source,
        external_sku=external_sku,
        defaults={"sku_id": sku_id, "rate_bps": rate_bps},
    )
    return found
