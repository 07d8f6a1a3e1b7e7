"""Refunds and payments that a provider has not finally answered do not keep the others from being
asked for, however many they are (A1: nothing is forgotten)."""

from typing import Any

import pytest

from backend.core.clock import now
from shops import aftersales, payments, providers
from shops.aftersales import completing
from shops.models import Payment, Refund
from shops.providers import sandbox
from tests.cast import Person
from tests.shops.sales import ask_back, bought, pay, shop_of, sku_in


def _not_final(patch: pytest.MonkeyPatch, stuck: set[str]) -> list[str]:
    """The provider's answer to these numbers is not final; what it is asked for."""
    asked: list[str] = []

    def refund(self: Any, *, refund_number: str, **_: Any) -> None:
        asked.append(refund_number)
        if refund_number in stuck:
            raise providers.ProviderAway

    patch.setattr(sandbox.Sandbox, "refund", refund)
    return asked


def test_refunds_without_a_final_answer_let_the_later_ones_pass(
    selena: Person, lily: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completing, "REFUNDS_A_RUN", 2)
    sku = sku_in(shop_of(selena.account))
    numbers = [ask_back(bought(lily.account, (sku, 1))).number for _ in range(5)]
    asked = _not_final(monkeypatch, set(numbers[:3]))
    done = [aftersales.complete_refunds(at=now()) for _ in range(4)]
    assert done == [0, 1, 1, 0]
    assert asked == [*numbers, *numbers[:3]]
    left = Refund.objects.filter(status="refunding").order_by("id")
    assert list(left.values_list("number", flat=True)) == numbers[:3]


def test_payments_without_a_final_answer_let_the_later_ones_pass(
    selena: Person, lily: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payments, "RETURNS_A_RUN", 2)
    sku = sku_in(shop_of(selena.account))
    for _ in range(4):
        pay(bought(lily.account, (sku, 1)).checkout)
    second = Payment.objects.filter(status="returning").order_by("id")
    numbers = [f"P{pk}" for pk in second.values_list("id", flat=True)]
    asked = _not_final(monkeypatch, set(numbers[:2]))
    assert [payments.return_payments(at=now()) for _ in range(3)] == [0, 2, 0]
    assert asked == [*numbers, *numbers[:2]]
