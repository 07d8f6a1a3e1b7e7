"""Stock moves by deltas, never below what orders hold, and every move leaves its row: C4."""

from typing import Any

import pytest
from django.db import Error, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from backend.core.clock import now
from backend.core.errors import Refusal
from seeds.factories import ProductFactory, ShopFactory, SkuFactory
from shops import inventory
from shops.inventory import StockLine
from shops.models import Sku, StockMovement
from tests.cast import Person


@pytest.fixture
def sku(selena: Person) -> Sku:
    shop = ShopFactory.create(account=selena.account)
    return SkuFactory.create(product=ProductFactory.create(shop=shop), on_hand=10, committed=3)


def adjust(client: APIClient, sku: Sku, body: dict[str, Any], key: str = "k") -> Any:
    path = f"/v1/skus/{sku.pk}/stock-adjustments"
    return client.post(path, body, format="json", headers={"Idempotency-Key": key})


def numbers(sku: Sku) -> tuple[int, int, int]:
    """(on hand, committed, movements)."""
    sku.refresh_from_db()
    return sku.on_hand, sku.committed, sku.movements.count()


def test_an_owner_adds_and_takes_units(sku: Sku, selena: Person) -> None:
    answer = adjust(selena.client, sku, {"delta": 5, "reason": "到货"})
    assert (answer.status_code, answer.json()["on_hand"]) == (201, 15)
    answer = adjust(selena.client, sku, {"delta": -12, "reason": "盘亏"}, "k2")
    assert (answer.json()["on_hand"], answer.json()["available"]) == (3, 0)
    rows = sku.movements.order_by("id").values_list("kind", "delta_on_hand", "reason", "by")
    assert list(rows) == [
        ("adjust", 5, "到货", selena.account.pk),
        ("adjust", -12, "盘亏", selena.account.pk),
    ]


def test_the_same_key_adds_once(sku: Sku, selena: Person) -> None:
    body = {"delta": 5, "reason": "到货"}
    first, second = adjust(selena.client, sku, body), adjust(selena.client, sku, body)
    assert (first.content, second.status_code) == (second.content, 201)
    assert second["Idempotent-Replayed"] == "true"
    assert numbers(sku) == (15, 3, 1)
    answer = adjust(selena.client, sku, {"delta": 6, "reason": "到货"})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    answer = selena.client.post(f"/v1/skus/{sku.pk}/stock-adjustments", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")
    assert numbers(sku) == (15, 3, 1)


@pytest.mark.parametrize(
    ("delta", "status", "code"),
    [
        (-8, 409, "below_committed"),
        (-10, 409, "below_committed"),
        (-11, 409, "insufficient_stock"),
        (0, 422, "invalid"),
        (10_000_000, 422, "stock_too_large"),
        (10_000_001, 422, "invalid"),
        (-(2**40), 422, "invalid"),
        ("5", 422, "invalid"),
        (1.0, 422, "invalid"),
    ],
)
def test_a_correction_that_cannot_be_is_refused(
    sku: Sku, selena: Person, delta: Any, status: int, code: str
) -> None:
    answer = adjust(selena.client, sku, {"delta": delta, "reason": "盘点"})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    if status == 409:
        assert (answer.json()["sku"], answer.json()["available"]) == (sku.pk, 7)
    assert numbers(sku) == (10, 3, 0)
    # The key was not used up: the mended request may come under it.
    assert adjust(selena.client, sku, {"delta": 1, "reason": "盘点"}).status_code == 201


def test_a_correction_needs_a_reason_and_is_no_number_to_set(sku: Sku, selena: Person) -> None:
    for body in ({"delta": 1}, {"delta": 1, "reason": " "}, {"on_hand": 7, "reason": "x"}):
        assert adjust(selena.client, sku, body).status_code == 422
    assert numbers(sku) == (10, 3, 0)


def test_strangers_correct_nothing(sku: Sku, mallory: Person, anyone: APIClient) -> None:
    body = {"delta": 1, "reason": "x"}
    assert adjust(mallory.client, sku, body).status_code == 404
    assert adjust(anyone, sku, body).status_code == 401
    assert numbers(sku) == (10, 3, 0)


def test_units_are_held_given_back_shipped_and_returned(sku: Sku) -> None:
    line, at = [StockLine(sku.pk, 4, 77)], now()
    with transaction.atomic():
        inventory.reserve(lines=line, at=at)
        assert numbers(sku) == (10, 7, 1)
        inventory.release(lines=line, at=at)
        assert numbers(sku) == (10, 3, 2)
        inventory.reserve(lines=line, at=at)
        inventory.ship(lines=line, at=at)
        assert numbers(sku) == (6, 3, 4)
        inventory.put_back(lines=line, at=at)
    assert numbers(sku) == (10, 3, 5)
    rows = sku.movements.order_by("id").values_list(
        "kind", "delta_on_hand", "delta_committed", "order_line_id", "at"
    )
    assert list(rows) == [
        ("reserve", 0, 4, 77, at),
        ("release", 0, -4, 77, at),
        ("reserve", 0, 4, 77, at),
        ("ship", -4, -4, 77, at),
        ("return", 4, 0, 77, at),
    ]


def test_all_lines_are_held_or_none(sku: Sku) -> None:
    other = SkuFactory.create(on_hand=1)
    lines = [StockLine(sku.pk, 4), StockLine(other.pk, 2)]
    with pytest.raises(inventory.InsufficientStock) as refusal, transaction.atomic():
        inventory.reserve(lines=lines, at=now())
    assert refusal.value.extra == {"sku": other.pk, "available": 1}
    assert (numbers(sku), numbers(other)) == ((10, 3, 0), (1, 0, 0))


def test_two_lines_of_one_sku_are_one_wish(sku: Sku) -> None:
    """7 are free: 4 and 4 together are too many, 4 and 3 leave one row each."""
    at = now()
    with pytest.raises(inventory.InsufficientStock), transaction.atomic():
        inventory.reserve(lines=[StockLine(sku.pk, 4, 1), StockLine(sku.pk, 4, 2)], at=at)
    with transaction.atomic():
        inventory.reserve(lines=[StockLine(sku.pk, 4, 1), StockLine(sku.pk, 3, 2)], at=at)
    assert numbers(sku) == (10, 10, 2)


@pytest.mark.parametrize("change", [{"is_active": False}, {"pk": 0}])
def test_an_inactive_or_unknown_sku_has_nothing_available(sku: Sku, change: dict[str, Any]) -> None:
    if "is_active" in change:
        Sku.objects.filter(pk=sku.pk).update(is_active=False)
    wanted = change.get("pk", sku.pk)
    with pytest.raises(inventory.InsufficientStock) as refusal, transaction.atomic():
        inventory.reserve(lines=[StockLine(wanted, 1)], at=now())
    assert refusal.value.extra == {"sku": wanted, "available": 0}


def test_giving_back_what_nobody_holds_is_a_bug(sku: Sku) -> None:
    for verb in (inventory.release, inventory.ship):
        with pytest.raises(AssertionError), transaction.atomic():
            verb(lines=[StockLine(sku.pk, 4)], at=now())
    assert numbers(sku) == (10, 3, 0)


def test_a_movement_is_never_rewritten(sku: Sku, selena: Person) -> None:
    inventory.adjust(account=selena.account, sku_id=sku.pk, delta=1, reason="x", at=now())
    for rewrite in (
        lambda: StockMovement.objects.update(delta_on_hand=9),
        lambda: StockMovement.objects.all().delete(),
    ):
        with pytest.raises(Error), transaction.atomic():
            rewrite()
    assert numbers(sku) == (11, 3, 1)


VERBS = ["adjust", "reserve", "release", "ship", "put_back"]
STEPS = st.lists(
    st.tuples(st.sampled_from(VERBS), st.integers(0, 1), st.integers(-9, 9)), max_size=15
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_the_sums_of_the_movements_are_the_numbers_of_the_sku(
    sku: Sku, selena: Person, steps: list[tuple[str, int, int]]
) -> None:
    """Any sequence of verbs on two SKUs, against a model of four numbers: the SKU, the sum of
    its movements and the model never differ, whether a step was done or refused."""
    with transaction.atomic():
        skus = SkuFactory.create_batch(2, product=sku.product, on_hand=0)
        model = [[0, 0], [0, 0]]
        for verb, which, qty in steps:
            expected = _expected(verb, model[which], qty)
            done = _do(selena, verb, skus[which], qty)
            assert done == (expected is not None), (verb, qty, model[which])
            model[which] = expected or model[which]
            assert [_sums(sku) for sku in skus] == model
            assert [list(numbers(sku)[:2]) for sku in skus] == model
        transaction.set_rollback(True)


def _expected(verb: str, state: list[int], qty: int) -> list[int] | None:
    """The state after the step, or None where it must be refused."""
    on_hand, committed = state
    after = {
        "adjust": [on_hand + qty, committed],
        "reserve": [on_hand, committed + qty],
        "release": [on_hand, committed - qty],
        "ship": [on_hand - qty, committed - qty],
        "put_back": [on_hand + qty, committed],
    }[verb]
    allowed = qty != 0 if verb == "adjust" else qty > 0
    return after if allowed and 0 <= after[1] <= after[0] else None


def _do(person: Person, verb: str, sku: Sku, qty: int) -> bool:
    at = now()
    try:
        with transaction.atomic():
            if verb == "adjust":
                inventory.adjust(
                    account=person.account, sku_id=sku.pk, delta=qty, reason="x", at=at
                )
            else:
                getattr(inventory, verb)(lines=[StockLine(sku.pk, qty)], at=at)
    except (Refusal, AssertionError):
        return False
    return True


def _sums(sku: Sku) -> list[int]:
    sums = sku.movements.aggregate(on_hand=Sum("delta_on_hand"), committed=Sum("delta_committed"))
    return [sums["on_hand"] or 0, sums["committed"] or 0]
