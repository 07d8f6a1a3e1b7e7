"""The audit trail with before and after: what an act changed in rows that money moves by, written
by the database, tied to who did it, shown on the row's page. K6, K15; ASVS V16."""

import json

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries

from backend.core import audit
from backend.core.models import AuditEntry, RowChange
from backend.core.sql import run, value
from commissions import payees, payouts, settlement
from commissions.models import CommissionOrder, PayeeAccount, Payout
from tests.commissions.books_world import world
from tests.commissions.money_out import AT, CARD, OK, earner, officer
from tests.desk import signed_in

pytestmark = pytest.mark.django_db
PAGE = "/admin/core/rowchange/"


def next_act() -> None:
    """A test is one transaction; what follows is another act."""
    run("SET LOCAL tuike.act = ''")


def changes(row: object) -> list[tuple[str, object, object]]:
    """What the newest change of a payout or payee account touched."""
    newest = RowChange.objects.filter(
        table_name=row._meta.db_table,  # type: ignore[attr-defined]
        row_id=str(row.pk),  # type: ignore[attr-defined]
    ).latest("id")
    return audit.fields_of(newest)


def prepared() -> Payout:
    payout = payouts.request(account=earner(), amount_fen=1_000, at=AT)
    next_act()
    payouts.prepare(number=payout.number, by=officer("prepare_payout"), at=AT)
    next_act()
    return payout


def test_an_approval_says_what_the_row_was_before_and_after_and_who_did_it() -> None:
    payout, by = prepared(), officer("approve_payout")
    payouts.approve(number=payout.number, by=by, at=AT)
    told = {name: (was, became) for name, was, became in changes(payout)}
    assert told["status"] == ("prepared", "approved")
    assert told["approved_by_id"] == (None, by.pk)
    assert set(told) <= {"status", "approved_by_id", "approved_at", "send_from"}
    entry = AuditEntry.objects.get(action="payout.approve")
    change = RowChange.objects.latest("id")
    assert (change.act, change.operation) == (entry.act, "update")
    newest = audit.acts_on(payout)[0]
    assert [found.actor for found in newest.entries] == [by]
    assert ("status", "prepared", "approved") in newest.changes


def test_each_act_has_its_own_number_and_a_refusal_leaves_none() -> None:
    payout = prepared()
    before = RowChange.objects.count()
    maker = Payout.objects.get(pk=payout.pk).prepared_by
    assert maker
    maker.user_permissions.set(officer("approve_payout").user_permissions.all())
    with pytest.raises(Exception, match=r"."):
        payouts.approve(number=payout.number, by=type(maker).objects.get(pk=maker.pk), at=AT)
    assert RowChange.objects.count() == before
    acts = set(AuditEntry.objects.values_list("act", flat=True))
    assert len(acts) == AuditEntry.objects.count()


def test_a_payees_number_and_name_are_never_written_in_clear() -> None:
    account = earner(number=CARD, provider="bank_file")
    row = PayeeAccount.objects.get(account=account)
    told = {name: (was, became) for name, was, became in changes(row)}
    for hidden in ("number_sealed", "holder_name_sealed", "number_masked", "fingerprint"):
        assert told[hidden] == (None, "•••")
    assert told["provider"] == (None, "bank_file")
    written = json.dumps(list(RowChange.objects.values("before", "after")), ensure_ascii=False)
    for secret in (
        CARD,
        "李小鱼",
        row.fingerprint,
        row.number_masked,
        bytes(row.number_sealed).hex(),
        "\\\\x",
    ):
        assert secret not in written
    next_act()
    payees.add(account=account, provider="sandbox", holder_name="李小鱼", number=OK, at=AT)
    assert PayeeAccount.objects.filter(account=account).count() == 2
    assert changes(row) == [("is_active", True, False)]


def test_a_hold_is_told_and_what_settles_is_not() -> None:
    there = world()
    assert not RowChange.objects.filter(table_name="commissions_commissionorder").exists()
    order = there.commission(3)
    assert isinstance(order, CommissionOrder)
    by = officer("change_commissionorder")
    settlement.hold(commission_id=order.pk, by=by, reason="complaint 17", at=AT)
    assert changes(order)[0] == ("held_reason", "", "complaint 17")


def test_a_change_by_hand_at_the_database_is_nobodys() -> None:
    payout = prepared()
    run("UPDATE commissions_payout SET reason = 'by hand' WHERE id = %s", [payout.pk])
    newest = max(audit.acts_on(payout), key=lambda act: bool(act.changes and not act.entries))
    assert (newest.entries, newest.changes) == ([], [("reason", "", "by hand")])
    assert newest.database_user == value("SELECT session_user")
    page = signed_in(officer("view_payout", "prepare_payout")).get(
        f"/admin/commissions/payout/{payout.pk}/history/"
    )
    assert "or by hand" in page.content.decode()


@pytest.mark.parametrize("act", ["UPDATE {} SET row_id = '1'", "DELETE FROM {}"])
def test_the_trail_is_append_only(act: str) -> None:
    earner()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        run(act.format("core_rowchange"))


def test_the_page_of_a_payout_leads_to_its_history_with_before_and_after() -> None:
    payout, by = prepared(), officer("approve_payout", "view_payout")
    payouts.approve(number=payout.number, by=by, at=AT)
    client = signed_in(by)
    path = f"/admin/commissions/payout/{payout.pk}"
    assert f"{path}/history/" in client.get(f"{path}/change/").content.decode()
    page = client.get(f"{path}/history/").content.decode()
    for word in ("payout.approve", by.handle, "status", "prepared", "approved"):
        assert word in page
    stranger = signed_in(officer("view_payoutbatch"))
    assert stranger.get(f"{path}/history/").status_code == 403
    assert client.get("/admin/commissions/payout/0/history/").status_code == 302


def test_the_history_of_rows_that_are_not_watched_is_for_auditors() -> None:
    account = earner()
    looker = signed_in(officer("view_account"))
    path = f"/admin/accounts/account/{account.pk}/history/"
    assert looker.get(path).status_code == 403
    assert signed_in(officer("view_account", "view_auditentry")).get(path).status_code == 200


def test_the_list_is_filtered_by_table_row_and_person(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    payout, by = prepared(), officer("approve_payout")
    payouts.approve(number=payout.number, by=by, at=AT)
    client = signed_in(officer("view_rowchange", "view_auditentry"))
    for query, found in (
        ("", "payout.approve"),
        (f"?q=@{by.handle}", "payout.approve"),
        (f"?q={payout.pk}&table_name=commissions_payout", "prepared → approved"),
    ):
        assert found in client.get(PAGE + query).content.decode()
    assert "payout.prepare" not in client.get(f"{PAGE}?q=@{by.handle}").content.decode()
    entry = AuditEntry.objects.get(action="payout.approve")
    page = client.get(f"/admin/core/auditentry/{entry.pk}/change/").content.decode()
    assert "prepared → approved" in page


def test_no_table_that_is_watched_shows_bytes_or_has_another_key() -> None:
    keyless = value(
        """SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE t.tgname = c.relname || '_watched' AND NOT EXISTS (
            SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'id')"""
    )
    watched = value("SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%%\\_watched'", [])
    assert (keyless, watched >= 15) == (0, True)
