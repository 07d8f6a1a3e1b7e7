"""Races for money on its way out: approvals, withdrawals, batches, answers, sendings."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from itertools import count

import pytest
from django.db import transaction

from backend.accounts.models import Account
from backend.core import ids
from backend.core.models import AuditEntry
from commissions import ledger, payouts
from commissions.ledger import JournalKind
from commissions.models import (
    Journal,
    PayeeAccount,
    Payout,
    PayoutAttempt,
    PayoutBatch,
    SandboxTransfer,
)
from commissions.payouts import batches, money, requests, resolving, review, sending
from seeds.factories import AccountFactory
from tests.commissions.money_out import (
    AT,
    CARD,
    OK,
    checker,
    maker,
    money_of,
    payee,
)
from tests.races.crowd import Act, Answer, Meeting, words
from tests.races.race import Race, meet_before
from tests.races.unguarded import Unique, looking_move, looking_move_one, no_row_locks

FEN = 1_000
# Causes that no real settlement will ever reach.
causes = count(1 << 40)


def give(account: Account, fen: int) -> None:
    """Money to withdraw, out of the platform's; below zero: takes it."""
    legs = [
        (ledger.AccountKey("platform", 0, "available"), -fen),
        (ledger.AccountKey("person", account.pk, "available"), fen),
    ]
    with transaction.atomic():
        ledger.post([ledger.Posting(JournalKind.SETTLEMENT, next(causes), legs)], at=AT)


def payee_of(provider: str = "sandbox") -> Account:
    """Somebody new with an account to be paid on."""
    account = AccountFactory.create()
    payee(account, CARD if provider == "bank_file" else OK, provider)
    return account


def ended_as(payout: Payout) -> set[str]:
    """The journals that ended a payout, in words."""
    kinds = {JournalKind.PAYOUT_PAID: "paid", JournalKind.PAYOUT_BACK: "given back"}
    found = Journal.objects.filter(subject_id=payout.pk, kind__in=list(kinds))
    return {kinds[JournalKind(kind)] for kind in found.values_list("kind", flat=True)}


class OfPayouts(Race):
    """A row of payouts in one state, one a round, their money held."""

    status = "prepared"
    provider = "sandbox"
    needs_second = False

    def ground(self, rounds: int) -> None:
        self.account = payee_of(self.provider)
        self.maker, self.checker, self.other = maker(), checker(), checker()
        give(self.account, rounds * FEN)
        to = PayeeAccount.objects.get(account=self.account)
        self.payouts = Payout.objects.bulk_create(
            Payout(
                number=ids.bill_number("P", AT),
                account=self.account,
                payee=to,
                amount_fen=FEN,
                status=self.status,
                requested_at=AT,
                needs_second=self.needs_second,
                prepared_by=None if self.status == "requested" else self.maker,
            )
            for _ in range(rounds)
        )
        with transaction.atomic():
            for payout in self.payouts:
                money.hold(payout, AT)

    def prepare(self, number: int) -> Sequence[Act]:
        self.payout = self.payouts[number]
        return self.acts(self.payout.number)

    def acts(self, number: str) -> Sequence[Act]:
        """What two do with this payout."""
        raise NotImplementedError

    def approved(self) -> None:
        """The round's payout, and no other, waits to be sent."""
        Payout.objects.filter(pk=self.payout.pk).update(
            status="approved", approved_by=self.checker, approved_at=AT
        )


class TwoApprovals(OfPayouts):
    name = "two approvals of one payout"
    removed = "row lock and the state in the UPDATE's WHERE"

    def acts(self, number: str) -> Sequence[Act]:
        return [
            partial(payouts.approve, number=number, by=by, at=AT)
            for by in (self.checker, self.other)
        ]

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, review, "move_one")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        no_row_locks(patch)
        patch.setattr(review, "move_one", looking_move_one(meet))

    def judge(self, answers: list[Answer]) -> str:
        told = AuditEntry.objects.filter(action="payout.approve", target_id=str(self.payout.pk))
        times, heard = told.count(), words(answers)
        right = times == 1 and heard == {"done": 1, "wrong_state": 1}
        return "" if right else f"approved {times} times, {dict(heard)}"


class ApprovalAgainstRejection(TwoApprovals):
    name = "approval against rejection of one payout"

    def acts(self, number: str) -> Sequence[Act]:
        return [
            partial(payouts.approve, number=number, by=self.checker, at=AT),
            partial(payouts.reject, number=number, by=self.other, reason="no", at=AT),
        ]

    def judge(self, answers: list[Answer]) -> str:
        state = Payout.objects.get(pk=self.payout.pk).status
        wanted = ({"given back"}, "rejected") if state == "rejected" else (set(), "approved")
        found = (ended_as(self.payout), state)
        done = words(answers)["done"]
        return "" if done == 1 and found == wanted else f"{done} done, {found}"


class CancellingAgainstPreparing(OfPayouts):
    name = "cancelling against preparing one payout"
    removed = "row lock and the state in the UPDATE's WHERE"
    status = "requested"

    def acts(self, number: str) -> Sequence[Act]:
        return [
            partial(payouts.cancel, account=self.account, number=number, at=AT),
            partial(payouts.prepare, number=number, by=self.maker, at=AT),
        ]

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        for module in (requests, review):
            meet_before(patch, meet, module, "move_one")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        no_row_locks(patch)
        for module in (requests, review):
            patch.setattr(module, "move_one", looking_move_one(meet))

    def judge(self, answers: list[Answer]) -> str:
        state = Payout.objects.get(pk=self.payout.pk).status
        wanted = ({"given back"}, "cancelled") if state == "cancelled" else (set(), "prepared")
        found = (ended_as(self.payout), state)
        done = words(answers)["done"]
        return "" if done == 1 and found == wanted else f"{done} done, {found}"


class Withdrawals(Race):
    name = "four withdrawals of one balance"
    removed = "the lock of the balance row"
    hands = 4

    def ground(self, rounds: int) -> None:
        self.account = payee_of()

    def prepare(self, number: int) -> Sequence[Act]:
        give(self.account, FEN - money_of(self.account)[0])
        return [partial(payouts.request, account=self.account, amount_fen=FEN, at=AT)] * 4

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting, read: str = "lock") -> None:
        real = getattr(ledger, read)

        def reading(key: ledger.AccountKey) -> int:
            fen: int = real(key)
            meet()
            return fen

        patch.setattr(ledger, "lock", reading)

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        self.window(patch, meet, read="balance")

    def judge(self, answers: list[Answer]) -> str:
        left, heard = money_of(self.account)[0], words(answers)
        right = left == 0 and heard == {"done": 1, "insufficient_balance": 3}
        return "" if right else f"{left} fen left, {dict(heard)}"


class TwoBatches(OfPayouts):
    name = "two batches built of the same payouts"
    removed = "SKIP LOCKED and the state in the UPDATE's WHERE"
    provider = "bank_file"

    def acts(self, number: str) -> Sequence[Act]:
        self.approved()
        self.last = PayoutBatch.objects.order_by("-id").values_list("id", flat=True).first() or 0
        return [partial(payouts.build_batch, by=self.maker, at=AT)] * 2

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, batches, "move")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        no_row_locks(patch)
        patch.setattr(batches, "move", looking_move(meet))

    def judge(self, answers: list[Answer]) -> str:
        new = PayoutBatch.objects.filter(pk__gt=self.last)
        times = sum(new.values_list("payouts_count", flat=True))
        return "" if times == 1 else f"the payout goes to the bank {times} times"


class TwoAnswers(OfPayouts):
    name = "two bank answers, paid and failed, read at once"
    removed = "the batch's lock and the state in the UPDATE's WHERE"
    provider = "bank_file"

    def acts(self, number: str) -> Sequence[Act]:
        self.approved()
        batch = payouts.build_batch(by=self.maker, at=AT).number
        return [
            partial(payouts.read_answer, number=batch, content=content, by=self.maker, at=AT)
            for content in (self._says("paid"), self._says("failed"))
        ]

    def _says(self, result: str) -> bytes:
        row = f"{self.payout.number},10.00,{result},"
        return "\n".join(["number,amount_yuan,result,reason", row, "TOTAL,10.00,1,"]).encode()

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, money, "move")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        no_row_locks(patch)
        patch.setattr(money, "move", looking_move(meet))

    def judge(self, answers: list[Answer]) -> str:
        ends = ended_as(self.payout)
        return "" if len(ends) == 1 else f"the payout is {' and '.join(sorted(ends))}"


class TwoSenders(OfPayouts):
    name = "one payout sent by two workers"
    removed = "SKIP LOCKED, the state in WHERE, one send per payout (unique)"
    guards = (Unique("commissions_payoutattempt", "payout_id"),)

    def acts(self, number: str) -> Sequence[Act]:
        self.approved()
        return [partial(payouts.send_payouts, at=AT)] * 2

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, sending, "move")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        no_row_locks(patch)
        patch.setattr(sending, "move", looking_move(meet))

    def judge(self, answers: list[Answer]) -> str:
        calls = SandboxTransfer.objects.get(number=self.payout.number).calls
        sends = PayoutAttempt.objects.filter(payout=self.payout, kind="send").count()
        return "" if (calls, sends) == (1, 1) else f"the channel was called {calls} times"


class ResolvedAgainstAnswered(OfPayouts):
    name = "staff resolve a payout as failed while the channel says paid"
    removed = "row lock, the state in the UPDATE's WHERE, the look at open questions"

    def acts(self, number: str) -> Sequence[Act]:
        self.approved()
        Payout.objects.filter(pk=self.payout.pk).update(status="unknown")
        PayoutAttempt.objects.create(payout=self.payout, started_at=AT)
        SandboxTransfer.objects.create(
            number=number, amount_fen=FEN, number_masked="", state="paid", at=AT
        )
        later = AT + timedelta(hours=1)
        said = {"paid": False, "reason": "the bank's letter", "at": later}
        return [
            partial(payouts.resolve, number=number, by=self.other, **said),
            partial(payouts.reconcile_payouts, at=later),
        ]

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, resolving, "move_one")
        meet_before(patch, meet, money, "move")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        no_row_locks(patch)
        patch.setattr(resolving, "_refuse_while_open", lambda *_: None)
        patch.setattr(resolving, "move_one", looking_move_one(meet))
        patch.setattr(money, "move", looking_move(meet))

    def judge(self, answers: list[Answer]) -> str:
        ends = ended_as(self.payout)
        return "" if len(ends) == 1 else f"the payout is {' and '.join(sorted(ends))}"


RACES = (
    TwoApprovals,
    ApprovalAgainstRejection,
    CancellingAgainstPreparing,
    Withdrawals,
    TwoBatches,
    TwoAnswers,
    TwoSenders,
    ResolvedAgainstAnswered,
)
