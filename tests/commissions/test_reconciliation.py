"""Reconciliation reports: ours against theirs to the fen, stored, signed off once (A5, X11)."""

import csv
import io
from datetime import date, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse

from backend.core.errors import NotAllowed, NotFound, WrongState
from backend.core.models import AuditEntry
from backend.core.sql import run
from commissions import payouts
from commissions.models import (
    Payout,
    PayoutAttempt,
    Reconciliation,
    ReconciliationLine,
    SandboxTransfer,
)
from commissions.providers import CHANNELS, sandbox
from tests.commissions.money_out import (
    AT,
    CARD,
    FAIL,
    OK,
    WRONG,
    approved,
    checker,
    earner,
    maker,
    officer,
)
from tests.desk import signed_in

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
Mode = sandbox.Mode


def signer() -> Any:
    """May sign."""
    return officer("sign_reconciliation")


def findings(report: Reconciliation) -> dict[str, str]:
    """number → finding."""
    return dict(report.lines.values_list("number", "finding"))


def sent(number: str = OK, amount_fen: int = 1_000) -> Payout:
    payout = approved(earner(number=number), amount_fen)
    payouts.send_payouts(at=AT)
    payout.refresh_from_db()
    return payout


def test_a_banks_answer_makes_the_report_of_its_batch() -> None:
    paid, failed, wrong, missing, twice = (
        approved(earner(number=CARD, provider="bank_file"), fen)
        for fen in (1_000, 2_000, 3_000, 4_000, 5_000)
    )
    by = maker()
    batch = payouts.build_batch(by=by, at=AT)
    rows = [
        f"{paid.number},10.00,paid,",
        f"{failed.number},20.00,failed,=closed",
        f"{wrong.number},30.01,paid,",
        f"{twice.number},50.00,paid,",
        f"{twice.number},50.00,paid,",
        "P404,1.00,paid,",
    ]
    head = "number,amount_yuan,result,reason"
    content = "\n".join([head, *rows, "TOTAL,161.01,6,"]).encode()
    payouts.read_answer(number=batch.number, content=content, by=by, at=AT)
    report = Reconciliation.objects.get()
    assert (report.batch_id, report.revision, report.status) == (batch.pk, 1, "open")
    assert [(line.row, line.number, line.finding) for line in report.lines.order_by("id")] == [
        (2, paid.number, "agreed"),
        (3, failed.number, "agreed"),
        (4, wrong.number, "amount"),
        (5, twice.number, "twice"),
        (6, twice.number, "twice"),
        (7, "P404", "unknown"),
        (8, missing.number, "waiting"),
    ]
    assert (report.ours_count, report.ours_fen) == (1, 1_000), "the one told twice is not booked"
    assert (report.theirs_count, report.theirs_fen) == (5, 14_101)
    assert report.exceptions == 5
    good = f"{head}\n{missing.number},40.00,paid,\nTOTAL,40.00,1,".encode()
    payouts.read_answer(number=batch.number, content=good, by=by, at=AT)
    assert Reconciliation.objects.latest("id").revision == 2


def test_a_channels_day_is_asked_number_by_number_once() -> None:
    fine, refused, wrong = sent(), sent(FAIL), sent(WRONG)
    lost = sent("62229004")
    stranger = SandboxTransfer.objects.create(
        number="PX", amount_fen=7, number_masked="", state="paid", at=AT
    )
    # Booked as paid with us, and the channel has it as failed; and the other way round.
    ours, theirs = sent(), sent()
    SandboxTransfer.objects.filter(number=ours.number).update(state="failed")
    SandboxTransfer.objects.filter(number=theirs.number).delete()
    assert payouts.build_reports(at=AT) == 0, "the day has not ended"
    assert payouts.build_reports(at=AT + DAY) == 6
    report = Reconciliation.objects.get()
    assert (report.provider, report.day, report.status) == ("sandbox", date(2026, 11, 22), "open")
    assert findings(report) == {
        fine.number: "agreed",
        refused.number: "agreed",
        wrong.number: "amount",
        lost.number: "waiting",
        ours.number: "result",
        theirs.number: "missing",
        stranger.number: "unknown",
    }
    assert (report.ours_count, report.ours_fen) == (3, 3_000)
    assert (report.theirs_count, report.theirs_fen) == (3, 1_000 + 999 + 7)
    assert report.exceptions == 5
    assert payouts.build_reports(at=AT + DAY) == 0, "a day has one report"
    assert Reconciliation.objects.count() == 1


def test_a_day_is_the_business_zones_and_a_report_never_asks_in_the_middle() -> None:
    """16:00 UTC is midnight in Shanghai; November has 30 days."""
    payout = sent()
    edges = {
        "2026-11-30T15:59:59Z": date(2026, 11, 30),
        "2026-11-30T16:00:00Z": date(2026, 12, 1),
    }
    for at, day in edges.items():
        PayoutAttempt.objects.filter(payout=payout).update(started_at=at)
        begun = [
            payouts.reconciliation.begin(provider="sandbox", day=one, at=AT)
            for one in (date(2026, 11, 30), date(2026, 12, 1))
        ]
        assert [report.day for report in begun if report] == [day]
        Reconciliation.objects.filter(day=day).update(revision=9)


def test_a_silent_channel_keeps_a_report_asking_until_it_gives_up() -> None:
    payout = sent()
    sandbox.script(Mode.DOWN, Mode.DOWN)
    assert payouts.build_reports(at=AT + DAY) == 1
    assert Reconciliation.objects.get().status == "asking"
    assert findings(Reconciliation.objects.get()) == {payout.number: "to_ask"}
    report_id, by = Reconciliation.objects.get().pk, signer()
    with pytest.raises(WrongState):
        payouts.sign(report_id=report_id, by=by, reason="x", at=AT)
    assert payouts.build_reports(at=AT + 3 * DAY) == 1
    assert findings(Reconciliation.objects.get()) == {payout.number: "unclear"}
    assert Reconciliation.objects.get().status == "open"


def test_a_report_is_signed_once_and_then_is_a_record() -> None:
    sent()
    sent(WRONG)
    payouts.build_reports(at=AT + DAY)
    report = Reconciliation.objects.get()
    with pytest.raises(NotAllowed):
        payouts.sign(report_id=report.pk, by=checker(), reason="x", at=AT)
    with pytest.raises(payouts.ReasonMissing):
        payouts.sign(report_id=report.pk, by=signer(), reason=" ", at=AT)
    with pytest.raises(NotFound):
        payouts.sign(report_id=report.pk + 1, by=signer(), reason="x", at=AT)
    report.refresh_from_db()
    assert (report.status, report.signed_by) == ("open", None)
    by = signer()
    payouts.sign(report_id=report.pk, by=by, reason="asked the bank", at=AT)
    report.refresh_from_db()
    assert (report.status, report.signed_by, report.reason) == ("signed", by, "asked the bank")
    with pytest.raises(WrongState):
        payouts.sign(report_id=report.pk, by=signer(), reason="again", at=AT)
    for change in (
        lambda: Reconciliation.objects.update(exceptions=0),
        lambda: Reconciliation.objects.all().delete(),
        lambda: ReconciliationLine.objects.update(finding="agreed"),
        lambda: ReconciliationLine.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_who_built_the_batch_does_not_sign_it_off_nor_who_read_the_answer() -> None:
    """The report is made of the very file that was read in: a third person looks at it."""
    paid, waiting = (approved(earner(number=CARD, provider="bank_file")) for _ in range(2))
    builder = officer("prepare_payout", "sign_reconciliation")
    reader = officer("approve_payout", "sign_reconciliation")
    batch = payouts.build_batch(by=builder, at=AT)

    def read(payout: Payout, by: Any) -> Reconciliation:
        content = f"number,amount_yuan,result,reason\n{payout.number},10.00,paid,\nTOTAL,10.00,1,"
        payouts.read_answer(number=batch.number, content=content.encode(), by=by, at=AT)
        return Reconciliation.objects.latest("id")

    report = read(paid, reader)
    assert report.read_by == reader
    for by in (builder, reader):
        with pytest.raises(payouts.SamePerson):
            payouts.sign(report_id=report.pk, by=by, reason="waiting", at=AT)
    again = read(waiting, maker())
    with pytest.raises(payouts.SamePerson):
        payouts.sign(report_id=again.pk, by=reader, reason="waiting", at=AT)
    assert not Reconciliation.objects.filter(status="signed").exists()
    signed = payouts.sign(report_id=report.pk, by=signer(), reason="waiting", at=AT)
    assert (signed.status, signed.exceptions) == ("signed", 1)
    with pytest.raises(IntegrityError, match="not_by_reader"), transaction.atomic():
        Reconciliation.objects.filter(pk=again.pk).update(
            status="signed", signed_by=again.read_by, signed_at=AT, reason="x"
        )


def test_the_upgrade_takes_the_readers_of_open_reports_from_the_audit_trail() -> None:
    readers = import_module("commissions.migrations.0132_reconciliation_readers").READERS
    payout, by = approved(earner(number=CARD, provider="bank_file")), maker()
    batch = payouts.build_batch(by=by, at=AT)
    content = f"number,amount_yuan,result,reason\n{payout.number},10.00,paid,\nTOTAL,10.00,1,"
    payouts.read_answer(number=batch.number, content=content.encode(), by=by, at=AT)
    Reconciliation.objects.update(read_by=None)
    assert run(readers) == 1
    assert Reconciliation.objects.get().read_by == by


def test_a_day_is_asked_again_as_a_new_revision_and_exported() -> None:
    payout = sent("62229004")
    payouts.build_reports(at=AT + DAY)
    first = Reconciliation.objects.get()
    payouts.reconcile_payouts(at=AT + DAY)
    by = signer()
    again = payouts.ask_again(report_id=first.pk, by=by, at=AT + DAY)
    assert again.revision == 2
    payouts.build_reports(at=AT + DAY)
    assert (findings(first), findings(again)) == (
        {payout.number: "waiting"},
        {payout.number: "agreed"},
    )
    text = b"".join(payouts.export_csv(report_id=again.pk, by=by, at=AT)).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text))) == [
        ["row", "number", "finding", "ours", "ours_fen", "theirs", "theirs_fen", "note"],
        ["1", payout.number, "agreed", "failed", "1000", "failed", "", "ACCOUNT_CLOSED"],
    ]
    with pytest.raises(NotAllowed):
        payouts.export_csv(report_id=again.pk, by=checker(), at=AT)


def test_the_next_calls_of_the_sandbox_go_as_they_are_scripted() -> None:
    """ "down, slow, late": nothing arrives, then it takes a minute, then it is paid unheard."""
    sandbox.script(Mode.DOWN, Mode.SLOW, Mode.LATE)
    down, slow, late = (approved(earner()) for _ in range(3))
    assert payouts.send_payouts(at=AT) == 3
    states = {row.number: row.state for row in SandboxTransfer.objects.all()}
    assert states == {slow.number: "pending", late.number: "pending"}
    assert set(Payout.objects.values_list("status", flat=True)) == {"unknown"}
    assert payouts.reconcile_payouts(at=AT + timedelta(minutes=3)) == 2
    for payout, status in ((down, "unknown"), (slow, "paid"), (late, "paid")):
        payout.refresh_from_db()
        assert payout.status == status
    sandbox.script(Mode.DOWN)
    assert payouts.reconcile_payouts(at=AT + timedelta(hours=1)) == 0
    assert payouts.reconcile_payouts(at=AT + timedelta(hours=3)) == 1
    down.refresh_from_db()
    assert (down.status, down.reason) == ("failed", "channel: VOIDED")


def test_no_script_reaches_a_production_service(settings: Any) -> None:
    sandbox.script(Mode.DOWN)
    settings.PRODUCTION = True
    with pytest.raises(sandbox.NotInProduction):
        sandbox.script(Mode.DOWN)
    assert CHANNELS["sandbox"].query("P1", at=AT).result == "not_found"


def test_the_desk_signs_with_a_reason_asks_again_and_exports_on_its_pages() -> None:
    sent("62229004")
    payouts.build_reports(at=AT + DAY)
    report = Reconciliation.objects.get()
    rights = ("sign_reconciliation", "view_reconciliation", "view_reconciliationline")
    desk = signed_in(officer(*rights))
    change = f"/admin/commissions/reconciliation/{report.pk}/change/"
    assert "missing with them" not in desk.get(change).content.decode()
    exceptions = desk.get("/admin/commissions/reconciliationline/").content.decode()
    assert "no end on either side yet" in exceptions

    def press(action: str, **fields: str) -> str:
        path = reverse(f"admin:commissions_reconciliation_{action}", args=[report.pk])
        answer = desk.post(path, {"confirmed": "yes", **fields}, follow=True)
        return str(answer.content.decode())

    assert "Say why" in press("sign_one")
    assert Reconciliation.objects.get().status == "open"
    press("explain_one", reason="sent again by hand? no: it never arrived")
    assert Reconciliation.objects.get().status == "signed"
    press("ask_again_one")
    assert list(Reconciliation.objects.values_list("revision", flat=True).order_by("id")) == [1, 2]
    path = reverse("admin:commissions_reconciliation_export", args=[report.pk])
    told = desk.get(path)
    assert told["Content-Disposition"] == f'attachment; filename="reconciliation-{report.pk}.csv"'
    assert b"waiting" in b"".join(told.streaming_content)  # type: ignore[arg-type]
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {
        "reconciliation.sign",
        "reconciliation.export",
    }
    looker = signed_in(officer("view_reconciliation"))
    assert looker.get(path).status_code in (302, 403)
