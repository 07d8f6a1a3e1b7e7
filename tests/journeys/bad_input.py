"""The ground of the bad-input list: a world in which everybody has something, a request that must
be refused, and a look at every row of every table before and after."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from django.apps import apps
from django.core.cache import cache
from rest_framework.test import APIClient

from backend.core import ids
from backend.core.clock import now
from backend.core.sql import rows
from commissions import accruals, payouts
from commissions.models import CommissionOrder, PayeeAccount
from notes.models import Note
from seeds import factories as f
from shops.models import Product
from tests.cast import Person
from tests.commissions import money_out, sales
from tests.shops.sales import place

ROOMS = ("core", "shops", "notes", "commissions", "accounts")
# Signing in notes when a token was last used; that is no movement of anything.
ASIDE = {"accounts_accesstoken"}
OVER = 2**63
LONG = "长" * 100_000


def _tables() -> list[str]:
    return sorted(
        model._meta.db_table
        for room in ROOMS
        for model in apps.get_app_config(room).get_models()
        if model._meta.db_table not in ASIDE
    )


def everything() -> dict[str, tuple[int, str]]:
    """How many rows each table has, and one digest over what stands in them."""
    parts = [
        f"SELECT '{table}' AS name, count(*) AS n, "
        f"md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) AS digest FROM {table} t"
        for table in _tables()
    ]
    return {row["name"]: (row["n"], row["digest"]) for row in rows(" UNION ALL ".join(parts))}


World = SimpleNamespace


def build(selena: Person, lily: Person, linda: Person, mallory: Person, staff: Person) -> World:
    """Selena sells, Lily has bought and asks for money back, Linda has earned and asks for a
    payout; Mallory has a shop of her own, and nothing of this is hers."""
    at = now()
    shop = f.ShopFactory.create(account=selena.account)
    f.ShopFactory.create(account=mallory.account)
    sku = f.SkuFactory.create(product=f.ProductFactory.create(shop=shop), on_hand=20)
    f.CommissionOfferFactory.create(product=sku.product)
    f.PlanVersionFactory.create(starts_at=at)
    sponsor = f.PromoterFactory.create()
    promoter = f.PromoterFactory.create(account=linda.account, sponsor=sponsor)
    link = f.PromotionLinkFactory.create(promoter=promoter, target_id=sku.product.pk)
    line = sales.sale(at=now(), sku=sku, buyer=lily.account, referral_code=link.code)
    asked = sales.open_refund(line, at)
    accruals.reconcile_orders([line.order_id], at=at)
    money_out.credit(linda.account, 5_000)
    money_out.payee(linda.account)
    payout = payouts.request(account=linda.account, amount_fen=1_000, at=at)
    return World(
        people={
            "selena": selena,
            "lily": lily,
            "linda": linda,
            "mallory": mallory,
            "staff": staff,
            "anyone": SimpleNamespace(client=APIClient(), account=None),
        },
        shop=shop.pk,
        sku=sku.pk,
        product=sku.product_id,
        price=sku.price_fen,
        hidden=f.ProductFactory.create(shop=shop, status=Product.Status.DRAFT).pk,
        category=sku.product.category.code,
        order=line.order.number,
        line=line.pk,
        refund=asked.refund.number,
        commission=CommissionOrder.objects.get(order_line=line).pk,
        note=f.NoteFactory.create(author=selena.account, status=Note.Status.DRAFT).pk,
        link=link.code,
        payout=payout.number,
        payee=PayeeAccount.objects.get(account=linda.account).pk,
        address=f.AddressFactory.create(account=lily.account).pk,
        checkout=place(lily.account, (sku, 1)),
        sponsor=sponsor.pk,
        promoter=promoter.pk,
    )


@dataclass(frozen=True)
class Case:
    """One request that must be refused: `body` is an object, or bytes as they are."""

    name: str
    who: str
    method: str
    path: str
    status: int
    code: str
    body: Callable[[World], Any] = field(default=lambda w: {})
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    error_at: str = ""


def _send(world: World, case: Case) -> Any:
    body = case.body(world)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Idempotency-Key": ids.code(12), **case.headers}
    headers = {name: value for name, value in headers.items() if value != "none"}
    send = getattr(world.people[case.who].client, case.method)
    path = case.path.format(**vars(world))
    if case.method == "get":
        return send(path, headers=headers)
    return send(path, data=raw, content_type=case.content_type, headers=headers)


def wrong(world: World, case: Case, before: dict[str, tuple[int, str]]) -> str:
    """What is wrong with the answer to this request, or with the rows after it; "" if nothing."""
    cache.clear()  # no case inherits another's calls per minute
    answer = _send(world, case)
    said = answer.json() if answer.content else {}
    after = everything()
    moved = [name for name in after if after[name] != before[name]]
    if (answer.status_code, said.get("code")) != (case.status, case.code):
        return f"{case.name}: {answer.status_code} {answer.content[:300]!r}, moved {moved}"
    if answer["Content-Type"] != "application/problem+json":
        return f"{case.name}: {answer['Content-Type']}"
    if case.error_at and case.error_at not in said["errors"]:
        return f"{case.name}: {said['errors']}"
    return f"{case.name}: moved {moved}" if moved else ""


def check(world: World, cases: list[Case]) -> None:
    """Each request is refused with its status and code, and nothing has moved; all in one world,
    for after a refusal it is the world it was."""
    assert len({case.name for case in cases}) == len(cases), "a case stands twice"
    before = everything()
    assert [found for case in cases if (found := wrong(world, case, before))] == []


# ------------------------------------------------------- bodies and requests
def basket(**more: Any) -> Callable[[World], Any]:
    return lambda w: {
        "lines": [{"sku": w.sku, "qty": 1}],
        "address": w.address,
        "expected_total_fen": w.price,
        **more,
    }


def line(**more: Any) -> Callable[[World], Any]:
    return lambda w: {**basket()(w), "lines": [{"sku": w.sku, "qty": 1, **more}]}


def note(**more: Any) -> Callable[[World], Any]:
    return lambda w: {"kind": "image", **more}


def raw(text: str) -> Callable[[World], Any]:
    return lambda w: text.encode("utf-8", "surrogatepass")


def get(name: str, who: str, path: str, status: int, code: str) -> Case:
    return Case(name, who, "get", path, status, code)
