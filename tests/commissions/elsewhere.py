"""Shared ground of the conversion tests: a partner of Selena's shop, Linda's link, rows."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from django.core.files.base import ContentFile

from backend.core import sealing, webhooks
from commissions import conversions
from commissions.models import ConversionImport, ConversionSource, ConversionVerdict
from seeds.factories import (
    AccountFactory,
    PlanVersionFactory,
    PromotionLinkFactory,
    ShopFactory,
    SkuFactory,
)

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)
_names = count(1)
COLUMNS = "order,line,sku,paid_fen,refunded_fen,paid_at,received_at,code"


class Partner:
    """京东 tells orders of Selena's goods; article J1 is her SKU at 20 %."""

    def __init__(self, owner: Any = None) -> None:
        PlanVersionFactory.create(starts_at=AT - 99 * DAY, published_at=AT - 99 * DAY)
        self.owner = owner or AccountFactory.create()
        self.sku = SkuFactory.create(product__shop=ShopFactory.create(account=self.owner))
        self.link = PromotionLinkFactory.create(
            target_kind="product", target_id=self.sku.product_id, created_at=AT - DAY
        )
        self.linda = self.link.promoter.account
        self.source, self.secret = conversions.add_source(
            name=f"京东 {next(_names)}",
            shop_id=self.sku.product.shop_id,
            fee_bps=500,
            window_days=15,
            by=None,
            at=AT,
        )
        self.goods("J1", rate_bps=2_000)

    def goods(self, name: str, **more: Any) -> None:
        """Article `name` is the SKU."""
        conversions.set_goods(
            account=self.owner,
            source_id=self.source.pk,
            external_sku=name,
            sku_id=self.sku.pk,
            **({"rate_bps": None} | more),
        )

    def row(self, order: str = "A1", **more: Any) -> dict[str, Any]:
        """A row as a partner tells it."""
        told = {
            "order": order,
            "line": "1",
            "sku": "J1",
            "paid_fen": 10_000,
            "paid_at": AT.isoformat(),
            "code": self.link.code,
        }
        return {name: value for name, value in (told | more).items() if value is not None}

    def upload(self, content: bytes, kind: str = "jsonl", dry_run: bool = False) -> int:
        """A stored file."""
        file = ContentFile(content, name="orders")
        made = conversions.upload(
            account=self.owner,
            source_id=self.source.pk,
            kind=kind,
            dry_run=dry_run,
            file=file,
            at=AT,
        )
        return made.pk

    def import_(self, *rows: Mapping[str, Any], dry_run: bool = False) -> list[str]:
        """The verdicts of rows that are imported as a file."""
        content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        job = self.upload(content, dry_run=dry_run)
        conversions.run_imports(at=AT)
        return verdicts(job)

    def postback(self, row: Any, *, at: datetime = AT, name: str = "msg_1", **more: Any) -> str:
        """The verdict of a signed postback."""
        body = row if isinstance(row, bytes) else json.dumps(row).encode()
        headers = webhooks.headers(
            message_id=name,
            body=body,
            secret=more.pop("secret", self.secret),
            at=more.pop("sent", AT),
        )
        verdict = conversions.take_postback(
            source_id=self.source.pk, headers=headers | more, body=body, at=at
        )
        return str(verdict)


def verdicts(job: int) -> list[str]:
    """The codes of an import, in the order of its rows."""
    found = ConversionVerdict.objects.filter(upload_id=job).order_by("row")
    return list(found.values_list("code", flat=True))


def progress(job: int) -> tuple[str, int, dict[str, int]]:
    """(status, rows, counts) of an import."""
    found = ConversionImport.objects.get(pk=job)
    return found.status, found.row_count, found.counts


def secret_of(source: ConversionSource) -> str:
    """What signs its postbacks."""
    return sealing.unseal(source.secret_sealed)
