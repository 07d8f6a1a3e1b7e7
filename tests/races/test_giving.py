"""Write-offs and bounties where two meet, on real connections: no guard is crossed (I2, I7, I9)."""

import pytest

from commissions import bounties, writeoffs
from commissions.models import Journal
from tests.commissions.books_world import audited
from tests.commissions.elsewhere import AT, DAY
from tests.commissions.money_out import money_of, officer
from tests.races.crowd import Crowd
from tests.races.of_giving import debtor_with_earning, funded, journals, settled_later

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 3


def test_a_write_off_beside_a_new_earning_gives_what_one_of_the_two_orders_would() -> None:
    """Earning first: the debt is gone and nothing is forgiven. Write-off first: 900 forgiven."""
    for _ in range(ROUNDS):
        account, made = debtor_with_earning()
        by = officer("approve_writeoff")
        with Crowd(2) as crowd:
            answers = crowd.at_once(
                lambda m=made, b=by: writeoffs.approve(write_off_id=m.pk, by=b, at=AT),
                settled_later,
            )
        assert [answer.word for answer in answers if answer.is_bug] == []
        made.refresh_from_db()
        after = (answers[0].word, made.written_fen, money_of(account)[0])
        assert after in {("done", 900, 1_600), ("nothing_owed", None, 700)}
    assert [found for found in audited(AT) if found.code.startswith(("I1 ", "I3", "I9 A7"))] == []


def test_two_who_evaluate_never_promise_more_than_is_funded() -> None:
    for _ in range(ROUNDS):
        _, awards = funded(3)
        with Crowd(4) as crowd:
            answers = crowd.at_once(*[lambda: bounties.evaluate(at=AT)] * 4)
        assert [answer.word for answer in answers if answer.is_bug] == []
        assert awards.count() == 3


def test_two_who_pay_pay_each_award_once() -> None:
    _, awards = funded(5)
    bounties.evaluate(at=AT)
    with Crowd(3) as crowd:
        answers = crowd.at_once(*[lambda: bounties.pay_due(at=AT + DAY)] * 3)
    assert [answer.word for answer in answers if answer.is_bug] == []
    assert sum(answer.value for answer in answers) == 5
    assert set(awards.values_list("status", flat=True)) == {"paid"}
    assert journals(Journal.Kind.BOUNTY) == 5
    assert audited(AT) == []
