"""The oracle's money out: payouts, and a bank that is known to have done what its mode says."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

# What became of a transfer at the bank, by mode; None: nothing ever arrived there.
AT_THE_BANK = {
    "ok": "paid",
    "fail": "failed",
    "timeout_paid": "paid",
    "timeout_lost": None,
    "duplicate": "paid",
    "slow": "slow",
    "wrong_amount": "wrong",
    "died_before": None,
    "died_after": "paid",
}
# What we may know at once: only what the bank has said for certain.
AFTER_SENDING = {
    "ok": "paid",
    "duplicate": "paid",
    "fail": "failed",
    "died_before": "sending",
    "died_after": "sending",
}
SLOW_FOR = timedelta(seconds=60)
NOT_FOUND_MEANS_NOTHING_FOR = timedelta(minutes=10)
ENDED = ("paid", "failed", "rejected", "cancelled")


@dataclass(eq=False)
class Payout:
    """A promise of money."""

    number: str
    account: int
    fen: int
    fee: int
    by_bank_file: bool
    status: str = "requested"
    maker: int = 0
    mode: str = "ok"
    sent: datetime | None = None

    @property
    def net(self) -> int:
        """What the person gets."""
        return self.fen - self.fee

    def may_become(self, status: str, at: datetime) -> bool:
        """Whether the bank, asked at `at`, can have led us to this state."""
        assert self.sent is not None
        at_bank, waited = AT_THE_BANK[self.mode], at - self.sent
        if status == self.status or status == "unknown":
            return True
        if status == "paid":
            return at_bank == "paid" or (at_bank == "slow" and waited >= SLOW_FOR)
        if status == "failed":
            gone = at_bank is None and waited >= NOT_FOUND_MEANS_NOTHING_FOR
            return at_bank == "failed" or gone
        return False


@dataclass(eq=False)
class Batch:
    """Payouts that went to the bank in one file."""

    number: str
    payouts: list[Payout]


@dataclass
class Out:
    """All money out."""

    payouts: list[Payout] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def of(self, *statuses: str, by_bank_file: bool | None = None) -> list[Payout]:
        """Payouts in these states, oldest first."""
        return [
            payout
            for payout in self.payouts
            if payout.status in statuses
            and (by_bank_file is None or payout.by_bank_file == by_bank_file)
        ]

    def end(self, payout: Payout, status: str) -> None:
        """A payout has ended."""
        assert payout.status not in ENDED, f"{payout} ends twice"
        payout.status = status
        self.seen[f"payout {status}"] += 1

    def send(self, payout: Payout, mode: str, at: datetime) -> None:
        """It has been handed to the channel."""
        payout.mode, payout.sent = mode, at
        status = AFTER_SENDING.get(mode, "unknown")
        payout.status = "sending"
        self.seen[f"sent {mode}"] += 1
        if status in ENDED:
            self.end(payout, status)
        else:
            payout.status = status

    def balances(self) -> Counter[tuple[str, int, str]]:
        """What payouts alone come to."""
        found: Counter[tuple[str, int, str]] = Counter()
        for payout in self.payouts:
            person = ("person", payout.account)
            if payout.status in ("failed", "rejected", "cancelled"):
                continue
            found[(*person, "available")] -= payout.fen
            if payout.status == "paid":
                found["provider", 0, "cash"] += payout.net
                found["platform", 0, "available"] += payout.fee
            else:
                found[(*person, "in_transit")] += payout.fen
        return found

    def transfers(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """What the channel's books must hold: fen and possible states by payout number."""
        found: dict[str, tuple[int, tuple[str, ...]]] = {}
        for payout in self.payouts:
            if payout.sent is None or payout.by_bank_file:
                continue
            at_bank = AT_THE_BANK[payout.mode]
            if at_bank == "slow":
                states = ("paid",) if payout.status == "paid" else ("pending", "paid")
                found[payout.number] = (payout.net, states)
            elif at_bank == "wrong":
                found[payout.number] = (payout.net - 1, ("paid",))
            elif at_bank is not None:
                found[payout.number] = (payout.net, (at_bank,))
            elif payout.status == "failed":
                found[payout.number] = (0, ("failed",))
        return found
