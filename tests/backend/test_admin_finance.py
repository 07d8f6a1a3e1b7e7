"""The finance desk over HTTP, without a browser: every page, every action (K6)."""

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from backend.accounts import tokens
from backend.accounts.models import AccessToken
from backend.core.clock import now
from backend.core.models import AuditEntry, Event
from commissions import payouts
from commissions.models import Journal, LedgerAccount, PayeeAccount, Payout, PayoutBatch
from seeds.factories import AccountFactory
from tests.cast import Person
from tests.commissions.books_world import world
from tests.commissions.money_out import (
    AT,
    CARD,
    WRONG,
    approved,
    credit,
    earner,
    money_of,
    officer,
)
from tests.desk import signed_in

LIST = "/admin/commissions/payout/"
DESK = ["view_payout", "view_payoutbatch", "view_payeeaccount"]


def press(client: Client, action: str, *rows: Payout, **fields: str) -> str:
    """Chooses rows of the list, an action, and confirms; the page that follows."""
    data = {"action": action, "_selected_action": [row.pk for row in rows], "index": "0"}
    asked = client.post(LIST, data).content.decode()
    assert 'name="confirmed"' in asked, "nothing is decided without being asked"
    return client.post(LIST, {**data, "confirmed": "yes", **fields}, follow=True).content.decode()


def test_two_people_prepare_and_approve_in_the_list(db: None) -> None:
    account = earner(number=CARD, provider="bank_file")
    payout = payouts.request(account=account, amount_fen=1_000, at=AT)
    both = officer("prepare_payout", "approve_payout", *DESK)
    first, second = signed_in(both), signed_in(officer("approve_payout", *DESK))
    press(first, "prepare_selected", payout)
    assert Payout.objects.get().status == "prepared"
    page = press(first, "approve_selected", payout)
    assert "Maker and checker must be two people" in page
    assert Payout.objects.get().status == "prepared"
    press(second, "approve_selected", payout)
    payout.refresh_from_db()
    assert (payout.status, payout.prepared_by) == ("approved", both)
    assert AuditEntry.objects.filter(action__startswith="payout.").count() == 2


def test_a_rejection_needs_its_reason(db: None) -> None:
    account = earner()
    payout = payouts.request(account=account, amount_fen=1_000, at=AT)
    client = signed_in(officer("prepare_payout", *DESK))
    press(client, "reject_selected", payout, reason="")
    assert Payout.objects.get().status == "requested"
    press(client, "reject_selected", payout, reason="the name differs")
    payout.refresh_from_db()
    assert (payout.status, payout.reason) == ("rejected", "the name differs")
    assert money_of(account) == (10_000, 0)


def test_who_may_only_look_cannot_act(db: None) -> None:
    payout = payouts.request(account=earner(), amount_fen=1_000, at=AT)
    client = signed_in(officer(*DESK))
    assert client.get(LIST).status_code == 200
    url = reverse("admin:commissions_payout_change", args=[payout.pk])
    page = client.get(url).content.decode()
    assert "Approve 复核通过" not in page
    assert "Prepare 初审通过" not in page
    act = reverse("admin:commissions_payout_prepare_one", args=[payout.pk])
    assert client.post(act, {"confirmed": "yes"}).status_code == 403
    client.post(LIST, {"action": "prepare_selected", "_selected_action": payout.pk, "index": "0"})
    client.post(url, {"status": "paid", "amount_fen": "1"})
    payout.refresh_from_db()
    assert (payout.status, payout.amount_fen) == ("requested", 1_000)


def test_an_unknown_result_is_resolved_on_its_own_page(db: None) -> None:
    payout = approved(earner(number=WRONG))
    payouts.send_payouts(at=AT)
    client = signed_in(officer("approve_payout", *DESK))
    page = client.get(reverse("admin:commissions_payout_change", args=[payout.pk]))
    assert "Resolve as paid" in page.content.decode()
    assert "Approve 复核通过" not in page.content.decode()
    url = reverse("admin:commissions_payout_paid_one", args=[payout.pk])
    assert client.get(url).status_code == 200
    client.post(url, {"confirmed": "yes", "reason": "statement of 22 Nov, line 17"})
    payout.refresh_from_db()
    assert payout.status == "paid"


def test_a_bank_batch_goes_out_and_its_answer_comes_back(db: None) -> None:
    payout = approved(earner(number=CARD, provider="bank_file"))
    client = signed_in(officer("prepare_payout", *DESK))
    build = reverse("admin:commissions_payoutbatch_build")
    assert client.get(build).status_code == 200
    assert not PayoutBatch.objects.exists(), "nothing is built by following a link"
    client.post(build, {"confirmed": "yes"})
    batch = PayoutBatch.objects.get()
    assert "No approved payout waits" in client.post(build, {"confirmed": "yes"}).content.decode()
    url = reverse("admin:commissions_payoutbatch_download_csv", args=[batch.pk])
    assert CARD not in client.get(url).content.decode()
    answer = client.post(url, {"confirmed": "yes"})
    assert answer["Content-Disposition"] == f'attachment; filename="{batch.number}.csv"'
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[1][:3] == [payout.number, "李小鱼", CARD]
    xlsx = reverse("admin:commissions_payoutbatch_download_xlsx", args=[batch.pk])
    assert client.post(xlsx, {"confirmed": "yes"}).content[:2] == b"PK"
    lines = ["number,amount_yuan,result,reason", f"{payout.number},10.00,paid,", "P0,1.00,paid,"]
    content = "\n".join([*lines, "TOTAL,11.00,2,"]).encode()
    checker = signed_in(officer("approve_payout", *DESK))
    there = reverse("admin:commissions_payout_change", args=[payout.pk])
    assert checker.get(there).content.decode().count("Resolve as ") == 2, "nobody can be asked"
    read = reverse("admin:commissions_payoutbatch_read_answer", args=[batch.pk])
    broken = SimpleUploadedFile("answer.csv", b"nonsense")
    assert "cannot be read" in client.post(read, {"file": broken}).content.decode()
    page = client.post(read, {"file": SimpleUploadedFile("a.csv", content)}, follow=True)
    assert "1 paid, 0 failed" in page.content.decode()
    assert "Row 3, P0: this number is not in the batch." in page.content.decode()
    payout.refresh_from_db()
    assert payout.status == "paid"


def test_a_payee_is_shown_in_clear_to_those_who_may_and_say_why(db: None) -> None:
    earner(number=CARD, provider="bank_file")
    row = PayeeAccount.objects.get()
    url = reverse("admin:commissions_payeeaccount_unmask", args=[row.pk])
    page = reverse("admin:commissions_payeeaccount_change", args=[row.pk])
    plain = signed_in(officer(*DESK))
    assert plain.post(url, {"reason": "x"}).status_code == 403
    assert CARD not in plain.get(page).content.decode()
    client = signed_in(officer("unmask_payeeaccount", *DESK))
    assert CARD not in client.get(url).content.decode()
    assert CARD not in client.post(url, {"reason": ""}).content.decode()
    assert not AuditEntry.objects.exists()
    shown = client.post(url, {"reason": "the bank asks"})
    assert CARD in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    assert AuditEntry.objects.get().reason == "the bank asks"


def test_the_same_account_of_two_people_is_seen(db: None) -> None:
    earner(number=CARD, provider="bank_file")
    earner(number=CARD, provider="bank_file")
    page = signed_in(officer(*DESK)).get("/admin/commissions/payeeaccount/?o=5")
    assert [row.people for row in page.context["cl"].result_list] == [1, 1]


@pytest.mark.parametrize(
    "name",
    [
        "commissions_payout",
        "commissions_payoutbatch",
        "commissions_payoutattempt",
        "commissions_payeeaccount",
        "commissions_sandboxtransfer",
        "commissions_sandboxscript",
        "commissions_payoutnotice",
        "commissions_reconciliation",
        "commissions_reconciliationline",
        "commissions_ledgeraccount",
        "commissions_journal",
        "core_auditentry",
        "core_event",
        "core_heartbeat",
        "accounts_account",
        "accounts_accesstoken",
        "accounts_failedsignin",
        "auth_group",
    ],
)
def test_every_page_opens_and_its_list_costs_the_same_however_long(
    staff: Person, name: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in(staff.account)
    url = reverse(f"admin:{name}_changelist")
    there = world()
    client.get(url)
    with django_assert_num_queries(24, exact=False) as first:
        assert client.get(f"{url}?q=1").status_code == 200
        assert client.get(url).status_code == 200
    credit(there.account, 50_000)
    for _ in range(5):
        approved(there.account, 200)
    with django_assert_num_queries(len(first), exact=False):
        client.get(f"{url}?q=1")
        client.get(url)


def test_the_entries_of_an_account_and_of_a_journal_are_paged(staff: Person) -> None:
    client = signed_in(staff.account)
    account = earner(1)
    for _ in range(60):
        credit(account, 100)
    row = LedgerAccount.objects.get(owner_kind="person", owner_id=account.pk)
    url = reverse("admin:commissions_ledgeraccount_change", args=[row.pk])
    page = client.get(url)
    assert len(page.context["entries"]) == 50
    assert "¥60.01" in page.content.decode()
    older = client.get(f"{url}?before={page.context['older']}")
    assert len(older.context["entries"]) == 11
    journal = Journal.objects.order_by("id").first()
    assert journal is not None
    page = client.get(reverse("admin:commissions_journal_change", args=[journal.pk]))
    assert len(page.context["entries"]) == 2
    for bad in ("0", "x", "9" * 30):
        answer = client.get(f"/admin/commissions/journal/{bad}/change/")
        assert answer.status_code in (302, 404)


def test_a_parked_event_is_replayed(staff: Person) -> None:
    fields = {"kind": "order.paid", "recorded_at": AT, "due_at": AT}
    parked = Event.objects.create(subject_id=1, state="parked", attempts=8, error="x", **fields)
    done = Event.objects.create(subject_id=2, state="delivered", **fields)
    client = signed_in(staff.account)
    data = {"action": "replay", "_selected_action": [parked.pk, done.pk], "index": "0"}
    client.post("/admin/core/event/", data)
    parked.refresh_from_db()
    done.refresh_from_db()
    assert (parked.state, parked.attempts, done.state) == ("pending", 0, "delivered")
    assert AuditEntry.objects.get(action="event.replay").target_id == str(parked.pk)


def test_a_leaked_token_is_revoked(staff: Person, lily: Person) -> None:
    token = AccessToken.objects.get(account=lily.account)
    client = signed_in(staff.account)
    data = {"action": "revoke", "_selected_action": [token.pk], "index": "0"}
    client.post("/admin/accounts/accesstoken/", data)
    assert lily.client.get("/v1/me").status_code == 401
    assert tokens.find(token=lily.token, at=now()) is None


def test_staff_cannot_give_rights_to_anybody(db: None) -> None:
    clerk = officer("view_account", "change_account")
    client = signed_in(clerk)
    rights = {"is_superuser": "on", "is_staff": "on", "is_active": "on"}
    mate = AccountFactory.create(handle="mate")
    fields = {"handle": "mate", "display_name": "x", "verification": "none", **rights}
    client.post(reverse("admin:accounts_account_change", args=[mate.pk]), fields)
    mate.refresh_from_db()
    assert (mate.display_name, mate.is_superuser, mate.is_staff) == ("x", False, False)
    assert AuditEntry.objects.get().data == {"fields": ["city_code", "display_name"]}
    own = reverse("admin:accounts_account_change", args=[clerk.pk])
    assert client.post(own, {**fields, "handle": clerk.handle}).status_code == 403
    for account in (clerk, mate):
        url = reverse("admin:auth_user_password_change", args=[account.pk])
        assert client.get(url).status_code == 403
    clerk.refresh_from_db()
    assert not clerk.is_superuser
