"""Steps of money out: asking, four eyes, sending, what the bank says, bank files."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from commissions import payouts
from commissions.payouts import sending
from commissions.providers import CHANNELS, Transfer
from commissions.providers.sandbox import Mode, force
from tests.histories import check
from tests.histories.ground import FEE_FEN
from tests.histories.out import AT_THE_BANK, Batch, Payout
from tests.histories.steps import PLACE, Steps, act, pick
from tests.histories.world import EARNERS

# A channel that is down, or late, is scripted: tests/commissions/test_payouts_called.py.
MODE = st.sampled_from([mode for mode in Mode if mode not in (Mode.DOWN, Mode.LATE)])
ON_THE_WAY = ("requested", "prepared", "approved", "sending", "unknown")
# Of what is available: a part, all of it, a fen too much; or an amount.
AMOUNT = st.sampled_from(["half", "all", "more", 1, 99, 100, 250])
WORD = st.sampled_from(["paid", "failed", "nothing", "wrong"])


class Paying(Steps):
    """From an available balance to the bank and back."""

    def minutes(self, count: int) -> timedelta:
        return timedelta(minutes=count)

    def available(self, account: int) -> int:
        return check.expected_balances(self.oracle, self.out).get(
            ("person", account, "available"), 0
        )

    def rich(self) -> list[str]:
        """Who has something to ask for."""
        return [n for n in EARNERS if self.available(self.world.people[n].pk) >= 100]

    def tempted(self) -> list[str]:
        """Who would gain by asking for too much; everybody, where nobody would."""

        def hope(name: str) -> bool:
            account = self.world.people[name].pk
            on_its_way = any(p.account == account for p in self.out.of(*ON_THE_WAY))
            return on_its_way or self.available(account) < 0

        return [name for name in EARNERS if hope(name)] or list(EARNERS)

    @act(which=PLACE, amount=AMOUNT)
    def request(self, which: int, amount: Any) -> None:
        """Somebody asks for their money, possibly for more than there is."""
        self.ask_out(pick(self.tempted(), which), amount)

    def ask_out(self, name: str, amount: Any) -> Payout | None:
        account = self.world.people[name]
        available = self.available(account.pk)
        known = {"half": available // 2, "all": available, "more": max(available + 1, 100)}
        fen = known.get(amount, amount)
        refusals = set()
        if fen < 100:
            refusals.add("below_minimum")
        if fen > available:
            refusals.add("insufficient_balance")
        if self.payees[name] is None:
            refusals.add("payee_missing")
        self.out.seen["refused below zero"] += available < 0
        made = self.ask(refusals, payouts.request, account=account, amount_fen=fen, at=self.at)
        if not made:
            return None
        by_bank = self.payees[name] == "bank_file"
        found = Payout(made.number, account.pk, fen, FEE_FEN, by_bank)
        self.out.payouts.append(found)
        return found

    @act(
        lambda self: self.rich(),
        which=PLACE,
        amount=st.sampled_from(["half", "all"]),
        mode=MODE,
        then=st.sampled_from(["send", "send", "send", "die", "die late", "rest"]),
        asked_after=st.sampled_from([None, 1, 3, 12]),
    )
    def pay_out(
        self, which: int, amount: str, mode: Mode, then: str, asked_after: int | None
    ) -> None:
        """The whole way of a payout in one step, unless the worker dies or rests; the bank may
        be asked some minutes later."""
        found = self.ask_out(pick(self.rich(), which), amount)
        if found is None:
            return
        self.prepare_one(found, "maker")
        self.approve_one(found, "checker", mode)
        if found.by_bank_file and then != "rest":
            self.build_batch()
        elif then == "send":
            self.send()
        elif then != "rest":
            self.die_while_sending(arrived=then == "die late")
        if asked_after and found.status in ("unknown", "sending") and not found.by_bank_file:
            self.at += self.minutes(asked_after)
            self.reconcile()
        self.compare()

    # ------------------------------------------------------------ four eyes
    @act(
        lambda self: self.out.payouts,
        which=PLACE,
        how=st.sampled_from(["cancel", "prepare", "approve", "reject"]),
        by=st.sampled_from(["maker", "checker", "both"]),
        mode=MODE,
    )
    def review(self, which: int, how: str, by: str, mode: Mode) -> None:
        """Its owner or staff do something to a payout, possibly not theirs to do."""
        found = pick(self.out.payouts, which)
        if how == "cancel":
            refusals = set() if found.status == "requested" else {"wrong_state"}
            account = self.world.accounts[found.account]
            values = {"account": account, "number": found.number, "at": self.at}
            if self.ask(refusals, payouts.cancel, **values):
                self.out.end(found, "cancelled")
        elif how == "prepare":
            self.prepare_one(found, by)
        elif how == "approve":
            self.approve_one(found, by, mode)
        else:
            refusals = set() if found.status in ("requested", "prepared") else {"wrong_state"}
            values = {"number": found.number, "by": self.world.staff[by], "at": self.at}
            if self.ask(refusals, payouts.reject, reason="no", **values):
                self.out.end(found, "rejected")

    def prepare_one(self, found: Payout, by: str) -> None:
        refusals = set() if found.status == "requested" else {"wrong_state"}
        if by == "checker":
            refusals = {"not_allowed"}
        staff = self.world.staff[by]
        if self.ask(refusals, payouts.prepare, number=found.number, by=staff, at=self.at):
            found.status, found.maker = "prepared", staff.pk

    def approve_one(self, found: Payout, by: str, mode: Mode) -> None:
        staff = self.world.staff[by]
        refusals = set() if found.status == "prepared" else {"wrong_state"}
        if found.maker == staff.pk:
            refusals.add("maker_is_checker")
        if by == "maker":
            refusals = {"not_allowed"}
        if self.ask(refusals, payouts.approve, number=found.number, by=staff, at=self.at):
            found.status = "approved"
            self.modes[found.number] = str(mode)
            force(found.number, mode)

    # ------------------------------------------------------------ the channel
    @act(lambda self: self.out.of("approved", by_bank_file=False))
    def send_all(self) -> None:
        """The job that sends."""
        self.send()

    def die_while_sending(self, *, arrived: bool) -> None:
        """A worker takes a payout and dies, before or after the bank was asked."""
        found = self.out.of("approved", by_bank_file=False)[0]
        claimed, _ = sending._claim(self.at, [])
        assert claimed is not None
        assert claimed.number == found.number
        force(found.number, Mode.OK)
        if arrived:
            transfer = Transfer(found.number, found.net, "李小鱼", "62220001")
            CHANNELS["sandbox"].send(transfer, at=self.at)
        self.out.send(found, "died_after" if arrived else "died_before", self.at)

    @act(
        lambda self: self.out.of("sending", "unknown", by_bank_file=False),
        minutes=st.sampled_from([0, 1, 3, 12, 200]),
    )
    def ask_the_bank(self, minutes: int) -> None:
        """The job that asks what became of a sending, sooner or later."""
        self.at += self.minutes(minutes)
        self.reconcile()

    @act(lambda self: self.out.of("unknown"), which=PLACE)
    def resolve(self, which: int) -> None:
        """A person ends an unknown payout, by what the bank's statement says."""
        self.resolve_one(pick(self.out.of("unknown"), which))

    def resolve_one(self, found: Payout) -> None:
        at_bank = AT_THE_BANK[found.mode]
        if at_bank not in ("paid", "wrong"):
            return
        values = {"number": found.number, "by": self.world.staff["checker"], "at": self.at}
        if self.ask(set(), payouts.resolve, paid=True, reason="statement", **values):
            self.out.end(found, "paid")

    # ------------------------------------------------------------ bank files
    @act(lambda self: any(payout.by_bank_file for payout in self.out.payouts))
    def batch(self) -> None:
        """Approved payouts to bank accounts go into a file."""
        self.build_batch()

    def build_batch(self) -> None:
        due = self.out.of("approved", by_bank_file=True)
        refusals = set() if due else {"nothing_to_batch"}
        by = self.world.staff["checker"]
        made = self.ask(refusals, payouts.build_batch, by=by, at=self.at)
        if made:
            self.out.batches.append(Batch(made.number, due))
            for payout in due:
                payout.status, payout.sent = "sending", self.at
                self.out.seen["in a bank file"] += 1

    @act(
        lambda self: self.out.batches,
        which=PLACE,
        words=st.lists(WORD, min_size=1, max_size=3),
        times=st.integers(1, 2),
    )
    def read(self, which: int, words: list[str], times: int) -> None:
        """The bank's answer is read, possibly twice, possibly against what was booked."""
        batch = pick(self.out.batches, which)
        for _ in range(times):
            self.read_file(batch, [words[n % len(words)] for n in range(len(batch.payouts))])

    def read_file(self, batch: Batch, words: Sequence[str]) -> None:
        rows, counted = [], {"paid": 0, "failed": 0, "again": 0, "wrong": 0}
        total = 0
        for payout, word in zip(batch.payouts, words, strict=True):
            if word == "nothing":
                continue
            fen = payout.net + (word == "wrong")
            said = "failed" if word == "failed" else "paid"
            rows.append(f"{payout.number},{fen // 100}.{fen % 100:02d},{said},")
            total += fen
            self.book(payout, word, counted)
        end = f"TOTAL,{total // 100}.{total % 100:02d},{len(rows)},"
        content = "\r\n".join(["number,amount_yuan,result,reason", *rows, end]).encode()
        by = self.world.staff["checker"]
        reading = payouts.read_answer(number=batch.number, content=content, by=by, at=self.at)
        waiting = sum(payout.status == "sending" for payout in batch.payouts)
        found = (reading.paid, reading.failed, reading.again, len(reading.problems))
        assert (*found, reading.waiting) == (*counted.values(), waiting)

    def book(self, payout: Payout, word: str, counted: dict[str, int]) -> None:
        if word == "wrong" or payout.status not in ("sending", word):
            counted["wrong"] += 1
        elif payout.status == word:
            counted["again"] += 1
        else:
            self.out.end(payout, word)
            counted[word] += 1

    def pay_the_rest(self) -> None:
        """What only people can end: another amount than ours, and files without an answer."""
        for payout in self.out.of("unknown"):
            self.resolve_one(payout)
        for batch in self.out.batches:
            if any(payout.status == "sending" for payout in batch.payouts):
                self.read_file(batch, ["paid"] * len(batch.payouts))
        assert not self.out.of("sending", "unknown"), "a payout is on its way for ever"
