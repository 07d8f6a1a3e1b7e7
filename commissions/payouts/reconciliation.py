"""Reconciliation reports 对账单: ours against theirs, per bank batch and per day of a channel.

A batch's report is made of the bank's answer file, in the transaction that books it. A day's is
made of our own sendings of that day; the channel is asked about each by its number, outside any
transaction and a few at a time, so that a worker may die anywhere and the next one goes on.
Numbers that the channel knows and we do not are found where it can list them (`Lists`); WeChat Pay
and Alipay tell those in their bills of funds alone, which a person compares.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Q, Sum

from backend.accounts.models import Account
from backend.core import audit
from backend.core.clock import business_day, day_edges
from backend.core.errors import NotFound
from backend.core.logs import get
from backend.core.states import move, move_one
from commissions.models import (
    Payout,
    PayoutBatch,
    Reconciliation,
    ReconciliationLine,
)
from commissions.payouts.review import ReasonMissing, SamePerson, need
from commissions.providers import CHANNELS, Answer, ChannelTimeout, Lists, Result, bank_file

log = get(__name__)
SIGN = "commissions.sign_reconciliation"
Finding = ReconciliationLine.Finding
Status = Reconciliation.Status
# A day is reconciled so long after its end, when what was slow has arrived.
AFTER = timedelta(hours=2)
# Days without a report that are made up for: a worker that was away for a weekend.
DAYS_BACK = 7
LINES = 20_000
# After so long without an answer a line says so, instead of keeping its report open for ever.
GIVE_UP = timedelta(days=1)
UNENDED = (Payout.Status.SENDING, Payout.Status.UNKNOWN)


def of_batch(
    *, batch: PayoutBatch, answers: list[bank_file.AnswerRow], by: Account, at: datetime
) -> None:
    """The report of a bank's answer, once it is booked; `by` has read it in. Inside the caller's
    transaction, with the batch locked."""
    report = Reconciliation.objects.create(
        provider=batch.provider,
        batch=batch,
        revision=1 + Reconciliation.objects.filter(batch=batch).count(),
        built_at=at,
        read_by=by,
    )
    payouts = {payout.number: payout for payout in batch.payouts.order_by("id")[:LINES]}
    told = Counter(answer.number for answer in answers)
    lines = [_of_row(report, answer, payouts, told) for answer in answers]
    missing = [payout for number, payout in payouts.items() if number not in told]
    for row, payout in enumerate(missing, start=len(answers) + 2):
        waits = payout.status in UNENDED
        finding = Finding.WAITING if waits else Finding.MISSING
        lines.append(_line(report, row, payout, finding))
    ReconciliationLine.objects.bulk_create(lines, batch_size=1_000)
    _total(report)


def _of_row(
    report: Reconciliation,
    answer: bank_file.AnswerRow,
    payouts: dict[str, Payout],
    told: Counter[str],
) -> ReconciliationLine:
    payout = payouts.get(answer.number)
    theirs = "paid" if answer.paid else "failed"
    if payout is None:
        finding = Finding.UNKNOWN
    elif told[answer.number] > 1:
        finding = Finding.TWICE
    elif answer.amount_fen != payout.net_fen:
        finding = Finding.AMOUNT
    else:
        finding = Finding.AGREED if payout.status == theirs else Finding.RESULT
    told_of = {"number": answer.number[:40], "note": answer.reason[:200]}
    return _line(
        report,
        answer.row,
        payout,
        finding,
        theirs=theirs,
        theirs_fen=answer.amount_fen,
        **told_of,
    )


def _line(
    report: Reconciliation, row: int, payout: Payout | None, finding: str, **theirs: Any
) -> ReconciliationLine:
    ours = {"number": payout.number, "ours": payout.status} if payout else {}
    return ReconciliationLine(
        report=report,
        row=row,
        finding=finding,
        ours_fen=payout.net_fen if payout else None,
        **ours | theirs,
    )


def build_reports(*, at: datetime, limit: int = 300) -> int:
    """Begins the reports of the days that have ended and have none, and asks the channels about at
    most `limit` of their lines; returns how many were asked. Any number of these may run at once:
    a day is begun once, a line answered once."""
    today = business_day(at - AFTER)
    for back in range(DAYS_BACK, 0, -1):
        for provider in sorted(CHANNELS):
            _begin(provider, today - timedelta(days=back), at)
    lines = list(
        ReconciliationLine.objects.select_related("report")
        .filter(report__status=Status.ASKING, finding=Finding.TO_ASK)
        .order_by("id")[:limit]
    )
    for line in lines:
        _ask(line, at)
    for report in Reconciliation.objects.filter(status=Status.ASKING).order_by("id")[:100]:
        _close(report)
    return len(lines)


def _begin(provider: str, day: date, at: datetime) -> None:
    if not Reconciliation.objects.filter(provider=provider, day=day).exists():
        try:
            begin(provider=provider, day=day, at=at)
        except IntegrityError:
            log.info("the report of %s %s was begun by another worker", provider, day)


def begin(*, provider: str, day: date, at: datetime, revision: int = 1) -> Reconciliation | None:
    """The report of a channel's day, its lines still to be asked; None where nothing was sent and
    the channel lists nothing.

    :raises IntegrityError: it was begun meanwhile.
    """
    start, end = day_edges(day)
    sent = Payout.objects.filter(
        attempts__kind="send",
        attempts__started_at__gte=start,
        attempts__started_at__lt=end,
        payee__provider=provider,
    ).order_by("id")[:LINES]
    channel = CHANNELS[provider]
    listed = dict(channel.listing(start, end)) if isinstance(channel, Lists) else {}
    payouts = list(sent)
    if not payouts and not listed:
        return None
    ours = set(Payout.objects.filter(number__in=list(listed)).values_list("number", flat=True))
    with transaction.atomic():
        report = Reconciliation.objects.create(
            provider=provider, day=day, revision=revision, status=Status.ASKING, built_at=at
        )
        lines = [
            _line(report, row, payout, Finding.TO_ASK)
            for row, payout in enumerate(payouts, start=1)
        ]
        unknown = [number for number in sorted(listed) if number not in ours]
        lines += [
            _line(
                report,
                row,
                None,
                Finding.UNKNOWN,
                number=number[:40],
                theirs="paid",
                theirs_fen=listed[number],
            )
            for row, number in enumerate(unknown, start=len(lines) + 1)
        ]
        ReconciliationLine.objects.bulk_create(lines, batch_size=1_000)
    return report


def _ask(line: ReconciliationLine, at: datetime) -> None:
    """Asks the channel about one line; without an answer it is asked again at the next run."""
    channel = CHANNELS.get(line.report.provider)
    try:
        if channel is None:
            raise ChannelTimeout("closed")
        answer = channel.query(line.number, at=at)
    except ChannelTimeout:
        answer = Answer(Result.UNCLEAR, code="TIMEOUT")
    except Exception as error:
        log.exception("reconciliation of %s: the channel's client broke", line.number)
        answer = Answer(Result.UNCLEAR, code=type(error).__name__)
    if answer.result is Result.UNCLEAR and at - line.report.built_at < GIVE_UP:
        return
    with transaction.atomic():
        payout = Payout.objects.get(number=line.number)
        ReconciliationLine.objects.filter(pk=line.pk, finding=Finding.TO_ASK).update(
            finding=_finding(payout, answer),
            ours=payout.status,
            theirs=answer.result.value[:10],
            theirs_fen=_told_fen(payout, answer),
            note=answer.code[:200],
        )


def _told_fen(payout: Payout, answer: Answer) -> int | None:
    """What they say they have paid; a channel that names no amount has paid what it was asked."""
    if answer.result is not Result.PAID:
        return None
    return payout.net_fen if answer.amount_fen is None else answer.amount_fen


# (their result, ours) → what it is; another pair of two ends is RESULT.
_PAIRS = {
    (Result.PAID, Payout.Status.PAID): Finding.AGREED,
    (Result.FAILED, Payout.Status.FAILED): Finding.AGREED,
    (Result.NOT_FOUND, Payout.Status.FAILED): Finding.AGREED,
    (Result.NOT_FOUND, Payout.Status.PAID): Finding.MISSING,
    (Result.NOT_FOUND, Payout.Status.SENDING): Finding.WAITING,
    (Result.NOT_FOUND, Payout.Status.UNKNOWN): Finding.WAITING,
    (Result.PROCESSING, Payout.Status.SENDING): Finding.WAITING,
    (Result.PROCESSING, Payout.Status.UNKNOWN): Finding.WAITING,
}


def _finding(payout: Payout, answer: Answer) -> Finding:
    if answer.result is Result.UNCLEAR:
        return Finding.UNCLEAR
    if answer.result is Result.PAID and answer.amount_fen not in (None, payout.net_fen):
        return Finding.AMOUNT
    return _PAIRS.get((answer.result, Payout.Status(payout.status)), Finding.RESULT)


def _close(report: Reconciliation) -> None:
    """Opens a report for signing once nothing of it is to be asked any more."""
    with transaction.atomic():
        held = Reconciliation.objects.select_for_update(no_key=True, of=("self",)).get(pk=report.pk)
        left = held.lines.filter(finding=Finding.TO_ASK).exists()
        if held.status == Status.ASKING and not left:
            _total(held)
            move(
                Reconciliation.objects.filter(pk=held.pk),
                transitions=Reconciliation.TRANSITIONS,
                to=Status.OPEN,
            )


def _total(report: Reconciliation) -> None:
    ours, theirs = Q(ours="paid"), Q(theirs="paid")
    found = report.lines.aggregate(
        ours_count=Count("id", filter=ours),
        ours_fen=Sum("ours_fen", filter=ours, default=0),
        theirs_count=Count("id", filter=theirs),
        theirs_fen=Sum("theirs_fen", filter=theirs, default=0),
        exceptions=Count("id", filter=~Q(finding=Finding.AGREED)),
    )
    Reconciliation.objects.filter(pk=report.pk).update(**found)


def ask_again(*, report_id: int, by: Account, at: datetime) -> Reconciliation:
    """A new revision of a day's report, asked from the beginning; the older one stays.

    :raises NotAllowed: `by` may not sign reports.
    :raises NotFound: no such report of a day.
    """
    need(by, SIGN)
    old = Reconciliation.objects.filter(pk=report_id, day__isnull=False).first()
    if old is None or old.day is None or old.provider not in CHANNELS:
        raise NotFound()
    same = Reconciliation.objects.filter(provider=old.provider, day=old.day)
    try:
        made = begin(provider=old.provider, day=old.day, at=at, revision=1 + same.count())
    except IntegrityError:
        made = same.order_by("-revision").first()  # somebody pressed at the same moment
    assert made is not None, "the day had lines before"
    return made


def sign(*, report_id: int, by: Account, reason: str, at: datetime) -> Reconciliation:
    """Signs a report off; from now on the database refuses every change to it. With exceptions it
    takes a reason, which says what is done about them.

    :raises NotAllowed: `by` may not sign reports.
    :raises NotFound: no such report.
    :raises SamePerson: `by` built the batch, or read an answer to it.
    :raises ReasonMissing: exceptions, and no reason.
    :raises WrongState: signed before, or still asking.
    """
    need(by, SIGN)
    with transaction.atomic():
        report = (
            Reconciliation.objects.select_for_update(no_key=True, of=("self",))
            .select_related("batch")
            .filter(pk=report_id)
            .first()
        )
        if report is None:
            raise NotFound()
        if report.batch:
            _third(report.batch, by)
        if report.exceptions and not reason.strip():
            raise ReasonMissing(fields={"reason": ["Say what is done about the exceptions."]})
        move_one(
            report,
            transitions=Reconciliation.TRANSITIONS,
            to=Status.SIGNED,
            signed_by=by,
            signed_at=at,
            reason=reason.strip()[:300],
        )
        audit.note(
            actor=by,
            action="reconciliation.sign",
            target=report,
            at=at,
            reason=reason.strip()[:300],
            exceptions=report.exceptions,
        )
    return report


def _third(batch: PayoutBatch, by: Account) -> None:
    """Who built a batch, or booked it by a file, does not say that both are right: the report is
    made of that very file, so they would be looking at their own work alone.

    :raises SamePerson: `by` did.
    """
    if batch.built_by_id == by.pk:
        raise SamePerson("Who built the batch does not sign it off.")
    if batch.reconciliations.filter(read_by=by).exists():
        raise SamePerson("Who read the bank's answer does not sign it off.")


COLUMNS = ("row", "number", "finding", "ours", "ours_fen", "theirs", "theirs_fen", "note")


def export_csv(*, report_id: int, by: Account, at: datetime) -> Iterator[bytes]:
    """The report's lines as CSV, streamed, formula-safe; each export is an audit row.

    :raises NotAllowed: `by` may not sign reports.
    :raises NotFound: no such report.
    """
    need(by, SIGN)
    report = Reconciliation.objects.filter(pk=report_id).first()
    if report is None:
        raise NotFound()
    audit.note(actor=by, action="reconciliation.export", target=report, at=at)
    return _encoded(report.lines.order_by("id").values_list(*COLUMNS).iterator(2_000))


def _encoded(found: Iterable[tuple[object, ...]]) -> Iterator[bytes]:
    yield b"\xef\xbb\xbf" + _csv_line(COLUMNS)
    for line in found:
        yield _csv_line("" if cell is None else cell for cell in line)


def _csv_line(cells: Iterable[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(
        [bank_file.safe(cell) if isinstance(cell, str) else cell for cell in cells]
    )
    return text.getvalue().encode()
