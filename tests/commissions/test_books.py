"""The audit has teeth: each rule of the books is broken on purpose, behind the back of every
guard, and names the row (I1–I10 of the books, A1–A3, A5–A7)."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from backend.core.models import Event, Heartbeat
from commissions import books, ledger, tasks
from commissions.models import CommissionSplit, Entry
from shops.models import MetricMark, OrderEvent, Refund
from tests.commissions import sales
from tests.commissions.books_faults import FAULTS
from tests.commissions.books_world import World, world
from tests.commissions.money_out import AT

NOW = AT + timedelta(days=8)


def sabotage(there: World, statements: list[str]) -> None:
    """Runs statements with every trigger of the database switched off."""
    names = {
        "payout": there.payouts[0].pk,
        "commission": there.commission(0).pk,
        "refunded": there.commission(1).pk,
        "confirmed": there.commission(3).pk,
        "line": there.lines[0].pk,
        "order": there.lines[0].order_id,
        "promoter": there.promoter.pk,
        "inviter": there.inviter.pk,
        "stranger": there.payouts[0].approved_by_id,
        "maker": there.payouts[0].prepared_by_id,
        "account": there.account.pk,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement.format(**names))
            assert cursor.rowcount, statement
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_the_books_of_a_market_at_work_are_clean(db: None) -> None:
    world()
    lines: list[str] = []
    assert books.check(at=NOW, progress=lines.append) == []
    assert len(lines) == len(books.RULES)
    ledger.fold()
    assert books.check(at=NOW) == []


def test_every_rule_has_a_fault_of_its_own() -> None:
    assert set(FAULTS) == {rule.name for rule in books.RULES}
    codes = " ".join(rule.code for rule in books.RULES).split()
    wanted = {f"I{n}" for n in range(1, 11)} | {"A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8"}
    assert wanted - set(codes) == set()


def test_every_planted_fault_is_named(db: None, subtests: pytest.Subtests) -> None:
    """One market for all of them; each fault is taken back before the next."""
    made = world()
    for name, statements in FAULTS.items():
        with subtests.test(name), transaction.atomic():
            sabotage(made, statements)
            found = {finding.name: finding for finding in books.check(at=NOW)}
            assert name in found
            assert found[name].count == len(found[name].rows) >= 1
            # Where a rule has a quick look, the whole one says the same.
            if any(rule.quick for rule in books.RULES if rule.name in found):
                assert set(found) == {finding.name for finding in books.check(at=NOW, exact=True)}
            transaction.set_rollback(True)


def test_where_nothing_is_wrong_the_quick_statements_are_enough(
    db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """A clean check runs every quick statement once and no exact one beside it, so each must hold
    for a journal of every kind."""
    world()
    quick = {rule.quick.sql for rule in books.RULES if rule.quick}
    exact = [rule for rule in books.RULES if rule.quick is None]
    # A savepoint and its release, a setting and the statement.
    with django_assert_num_queries(4 * (len(quick) + len(exact))):
        assert books.check(at=NOW) == []
    assert len(quick) >= 3


@pytest.mark.parametrize(
    "fault",
    [
        # As much too little elsewhere: unweighted sums would not see it.
        """UPDATE commissions_entry SET amount_fen = amount_fen + CASE WHEN journal_id =
            (SELECT min(journal_id) FROM commissions_entry) THEN 1 ELSE -1 END
        WHERE (account_id, journal_id) IN (
            (SELECT account_id, journal_id FROM commissions_entry ORDER BY 2, 1 LIMIT 1)
            UNION ALL
            (SELECT account_id, journal_id FROM commissions_entry ORDER BY 2 DESC, 1 LIMIT 1))""",
        "INSERT INTO commissions_journal (id, kind, subject_id, at)"
        " VALUES ((3::bigint << 56) | 999999, 3, 999999, '2026-11-22T04:00Z')",
        "DELETE FROM commissions_journal WHERE id = (SELECT max(id) FROM commissions_journal)",
    ],
)
def test_the_quick_look_at_journals_misses_nothing(db: None, fault: str) -> None:
    sabotage(world(), [fault])
    (rule, *_) = [rule for rule in books.RULES if rule.code == "I1 A3"]
    assert [finding.name for finding in books.check(at=NOW, rules=[rule])] == [rule.name]


@pytest.mark.parametrize(
    ("status", "asked", "quiet"),
    [
        ("refunding", timedelta(minutes=11), False),
        ("refunding", timedelta(minutes=9), True),
        ("awaiting_return", timedelta(minutes=11), False),
        ("returned", timedelta(minutes=11), False),
        ("returned", timedelta(minutes=9), True),
        ("succeeded", timedelta(days=7), True),
    ],
)
def test_a_refund_that_its_job_forgot_is_named(
    db: None, status: str, asked: timedelta, quiet: bool
) -> None:
    """A1: a buyer's money must not lie at a provider unseen; `asked` ago it should have gone on."""
    at = NOW - asked
    line = world().lines[0]
    refund = sales.open_refund(line, at).refund
    Refund.objects.filter(pk=refund.pk).update(status=status, deadline_at=at)
    OrderEvent.objects.create(order=line.order, kind=f"refund_{status}", at=at)
    found = [(finding.code, finding.rows) for finding in books.check(at=NOW)]
    named = [("A1", [{"waits": refund.number, "status": f"refund {status}"}])]
    assert found == ([] if quiet else named)


def test_a_day_that_an_event_or_a_mark_will_count_again_is_not_closed(db: None) -> None:
    there = world()
    sabotage(there, FAULTS["the stored figures of a closed day are a recount of its orders"])
    assert [finding.code for finding in books.check(at=NOW)] == ["A8"]
    mark = MetricMark.objects.create(day=there.lines[0].order.placed_day, marked_at=AT)
    assert books.check(at=NOW) == []
    mark.delete()
    Event.objects.create(
        kind="order.paid", subject_id=there.lines[0].order_id, recorded_at=NOW, due_at=NOW
    )
    assert books.check(at=NOW) == []


def test_a_finding_names_the_row_and_shows_at_most_twenty(db: None) -> None:
    there = world()
    sabotage(there, FAULTS["a payout's journals are those of its state"])
    (finding, *_) = [f for f in books.check(at=NOW) if f.name.startswith("a payout's journals")]
    assert finding.rows[0]["payout"] == there.payouts[0].number
    Event.objects.bulk_create(
        Event(kind="order.paid", subject_id=n, state="parked", recorded_at=AT, due_at=AT)
        for n in range(33)
    )
    (parked,) = [f for f in books.check(at=NOW) if f.name.startswith("no event is parked")]
    assert (parked.count, len(parked.rows)) == (33, 20)


def test_the_command_says_clean_or_names_the_rows_and_exits_1(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = world()
    module = "commissions.management.commands.check_books.now"
    monkeypatch.setattr(module, lambda: NOW)
    out = StringIO()
    call_command("check_books", stdout=out)
    assert "The books are clean." in out.getvalue()
    sabotage(there, FAULTS["the channel has paid what we say it has"])
    out = StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command("check_books", stdout=out)
    assert stopped.value.code == 1
    assert f"payout={there.payouts[0].number}" in out.getvalue()


def test_the_hourly_job_leaves_its_verdict(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    there = world()
    monkeypatch.setattr(tasks, "now", lambda: NOW)
    tasks.check_books()
    assert Heartbeat.objects.get(job="books").note == "clean"
    sabotage(there, FAULTS["a payout is sent once"])
    monkeypatch.setattr(tasks, "now", lambda: NOW + timedelta(seconds=1))
    tasks.check_books()
    assert Heartbeat.objects.get(job="books").note == "1 rules broken"


def test_the_world_of_these_tests_has_something_of_everything(db: None) -> None:
    world()
    kinds = set(Entry.objects.values_list("journal_id", flat=True))
    assert {journal >> 56 for journal in kinds} == {1, 2, 3, 4, 5, 6}
    assert set(CommissionSplit.objects.values_list("role", flat=True)) == {
        "promoter",
        "agency",
        "agency2",
        "inviter",
        "platform",
        "charity",
    }
