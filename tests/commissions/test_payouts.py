"""Asking for money and the four eyes on it: K6, I7 of the books (never more than available)."""

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries, Settings

from backend.core.errors import NotAllowed, NotFound, WrongState
from backend.core.models import AuditEntry
from commissions import payouts
from commissions.models import Journal, Payout
from tests.cast import Person
from tests.commissions.money_out import (
    AT,
    approved,
    checker,
    credit,
    earner,
    maker,
    money_of,
    officer,
    payee,
)

URL = "/v1/me/payouts"


def ask(person: Person, amount_fen: object, key: str = "k1") -> object:
    return person.client.post(
        URL, {"amount_fen": amount_fen}, format="json", headers={"Idempotency-Key": key}
    )


def test_a_request_holds_the_money_and_says_where_it_goes(linda: Person) -> None:
    credit(linda.account, 5_000)
    payee(linda.account)
    answer = ask(linda, 1_200)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["status"], body["amount_fen"], body["net_fen"]) == ("requested", 1_200, 1_200)
    assert body["payee"] == {"provider": "sandbox", "number_masked": "**** 0001"}
    assert body["number"].isalnum()
    assert len(body["number"]) <= 32
    assert money_of(linda.account) == (3_800, 1_200)
    assert linda.client.get(f"{URL}/{body['number']}").json() == body
    assert linda.client.get(URL).json()["results"] == [body]


def test_the_same_key_asks_once(linda: Person) -> None:
    credit(linda.account, 5_000)
    payee(linda.account)
    first, second = ask(linda, 1_200), ask(linda, 1_200)
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"
    assert ask(linda, 1_300).status_code == 422
    assert money_of(linda.account) == (3_800, 1_200)
    assert linda.client.post(URL, {"amount_fen": 100}, format="json").status_code == 400


@pytest.mark.parametrize(
    ("amount", "status", "code", "extra"),
    [
        (99, 422, "below_minimum", {"minimum_fen": 100}),
        (5_001, 409, "insufficient_balance", {"available_fen": 5_000}),
        (0, 422, "invalid", {}),
        (10**13, 422, "invalid", {}),
        ("100", 422, "invalid", {}),
        (100.0, 422, "invalid", {}),
    ],
)
def test_an_amount_that_cannot_be_paid_is_refused_and_moves_nothing(
    linda: Person, amount: object, status: int, code: str, extra: dict[str, int]
) -> None:
    credit(linda.account, 5_000)
    payee(linda.account)
    answer = ask(linda, amount)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code)
    assert {name: body[name] for name in extra} == extra
    assert money_of(linda.account) == (5_000, 0)
    assert not Payout.objects.exists()


def test_without_a_payee_account_nothing_is_paid(linda: Person) -> None:
    credit(linda.account, 5_000)
    answer = ask(linda, 1_000)
    assert (answer.status_code, answer.json()["code"]) == (409, "payee_missing")
    assert money_of(linda.account) == (5_000, 0)


def test_a_balance_below_zero_refuses_until_earnings_cover_it(linda: Person) -> None:
    payee(linda.account)
    credit(linda.account, -500)
    answer = ask(linda, 100)
    assert (answer.status_code, answer.json()["available_fen"]) == (409, -500)
    credit(linda.account, 600)
    assert ask(linda, 100).status_code == 201
    assert money_of(linda.account) == (0, 100)


def test_the_fee_is_part_of_the_amount(linda: Person, settings: Settings) -> None:
    settings.PAYOUT_FEE_FEN = 150
    credit(linda.account, 5_000)
    payee(linda.account)
    assert ask(linda, 150).json()["code"] == "below_minimum"
    body = ask(linda, 1_000).json()
    assert (body["fee_fen"], body["net_fen"]) == (150, 850)
    assert money_of(linda.account) == (4_000, 1_000)


def test_a_request_can_be_taken_back_until_staff_have_it(linda: Person, mallory: Person) -> None:
    credit(linda.account, 5_000)
    payee(linda.account)
    number = ask(linda, 1_000).json()["number"]
    cancel = f"{URL}/{number}/cancel"
    assert mallory.client.get(f"{URL}/{number}").status_code == 404
    refused = mallory.client.post(cancel, headers={"Idempotency-Key": "c0"})
    assert refused.status_code == 404
    assert money_of(linda.account) == (4_000, 1_000)
    answer = linda.client.post(cancel, headers={"Idempotency-Key": "c1"})
    assert answer.json()["status"] == "cancelled"
    assert money_of(linda.account) == (5_000, 0)
    again = linda.client.post(cancel, headers={"Idempotency-Key": "c2"})
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    other = ask(linda, 1_000, "k2").json()["number"]
    payouts.prepare(number=other, by=maker(), at=AT)
    late = linda.client.post(f"{URL}/{other}/cancel", headers={"Idempotency-Key": "c3"})
    assert (late.status_code, late.json()["state"]) == (409, "prepared")
    assert money_of(linda.account) == (4_000, 1_000)


def test_a_list_costs_the_same_however_long(
    linda: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    credit(linda.account, 50_000)
    payee(linda.account)
    for _ in range(12):
        payouts.request(account=linda.account, amount_fen=100, at=AT)
    with django_assert_num_queries(2):
        assert len(linda.client.get(URL).json()["results"]) == 12
    with django_assert_num_queries(2):
        page = linda.client.get(f"{URL}?page_size=5").json()
    assert len(page["results"]) == 5
    rest = linda.client.get(f"{URL}?page_size=50&cursor={page['next']}").json()
    assert (len(rest["results"]), rest["next"]) == (7, None)


def test_the_payout_keeps_the_account_it_was_requested_with(linda: Person) -> None:
    credit(linda.account, 5_000)
    payee(linda.account, "62220001")
    number = ask(linda, 1_000).json()["number"]
    payee(linda.account, "62220011")
    body = linda.client.get(f"{URL}/{number}").json()
    assert body["payee"]["number_masked"] == "**** 0001"


def test_maker_and_checker_are_two_people_with_two_rights(db: None) -> None:
    account = earner()
    number = payouts.request(account=account, amount_fen=1_000, at=AT).number
    both = officer("prepare_payout", "approve_payout")
    with pytest.raises(NotAllowed):
        payouts.prepare(number=number, by=checker(), at=AT)
    payouts.prepare(number=number, by=both, at=AT)
    with pytest.raises(payouts.SamePerson):
        payouts.approve(number=number, by=both, at=AT)
    with pytest.raises(NotAllowed):
        payouts.approve(number=number, by=maker(), at=AT)
    assert Payout.objects.get().status == "prepared"
    assert AuditEntry.objects.count() == 1
    other = checker()
    done = payouts.approve(number=number, by=other, at=AT)
    assert (done.status, done.prepared_by, done.approved_by) == ("approved", both, other)
    assert list(AuditEntry.objects.order_by("id").values_list("action", "actor_id")) == [
        ("payout.prepare", both.pk),
        ("payout.approve", other.pk),
    ]
    assert money_of(account) == (9_000, 1_000)


def test_the_table_itself_refuses_one_person_in_both_roles(db: None) -> None:
    account = earner()
    payout = payouts.request(account=account, amount_fen=1_000, at=AT)
    both = officer("prepare_payout", "approve_payout")
    payouts.prepare(number=payout.number, by=both, at=AT)
    with pytest.raises(IntegrityError, match="payout_four_eyes"), transaction.atomic():
        Payout.objects.filter(pk=payout.pk).update(status="approved", approved_by=both)
    with pytest.raises(IntegrityError, match="payout_not_own"), transaction.atomic():
        Payout.objects.filter(pk=payout.pk).update(status="approved", approved_by=account)
    with pytest.raises(IntegrityError, match="payout_approved_by_somebody"), transaction.atomic():
        Payout.objects.filter(pk=payout.pk).update(status="approved")


def test_nobody_handles_a_payout_to_themselves(db: None) -> None:
    own = officer("prepare_payout", "approve_payout")
    credit(own, 5_000)
    payee(own)
    number = payouts.request(account=own, amount_fen=1_000, at=AT).number
    with pytest.raises(payouts.OwnPayout):
        payouts.prepare(number=number, by=own, at=AT)
    with pytest.raises(payouts.OwnPayout):
        payouts.reject(number=number, by=own, reason="x", at=AT)
    payouts.prepare(number=number, by=maker(), at=AT)
    with pytest.raises(payouts.OwnPayout):
        payouts.approve(number=number, by=own, at=AT)
    assert Payout.objects.get().status == "prepared"


def test_a_rejected_payout_gives_the_money_back_with_a_reason(db: None) -> None:
    account = earner()
    number = payouts.request(account=account, amount_fen=1_000, at=AT).number
    by = maker()
    with pytest.raises(payouts.ReasonMissing):
        payouts.reject(number=number, by=by, reason="  ", at=AT)
    assert money_of(account) == (9_000, 1_000)
    done = payouts.reject(number=number, by=by, reason="name differs", at=AT)
    assert (done.status, done.reason) == ("rejected", "name differs")
    assert money_of(account) == (10_000, 0)
    with pytest.raises(WrongState):
        payouts.reject(number=number, by=by, reason="again", at=AT)
    with pytest.raises(NotFound):
        payouts.reject(number="P0", by=by, reason="x", at=AT)
    assert money_of(account) == (10_000, 0)
    assert Journal.objects.filter(kind=Journal.Kind.PAYOUT_BACK).count() == 1


def test_an_approved_payout_is_not_rejected_any_more(db: None) -> None:
    account = earner()
    payout = approved(account)
    with pytest.raises(WrongState):
        payouts.reject(number=payout.number, by=checker(), reason="late", at=AT)
    assert money_of(account) == (9_000, 1_000)
