"""What a rule of the books is: one statement that returns the rows which break it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quick:
    """A statement of one row that several rules may share; `column` says whether this rule holds.

    It compares sums weighted by `weight`: what differs in any group differs in the sum unless the
    weights, drawn anew for every check, happen to cancel it (less than 1 in 4 million, and less
    than 1 in 16 million million that two checks in a row miss the same fault). It never names a
    row: where it says no, or cannot say, the rule's own exact statement runs.
    """

    sql: str
    column: str


@dataclass(frozen=True, slots=True)
class Rule:
    """`code` names the invariant (docs/operations/payouts.md), `name` the rule itself; `sql`
    returns the offending rows and may use %(at)s, the instant of the check. `quick` spares a
    large ledger the exact statement where nothing is wrong; it may use %(salt)s."""

    code: str
    name: str
    sql: str
    quick: Quick | None = None


def weight(key: str, owner: str = "0") -> str:
    """22 pseudo-random bits for a bigint key (and an owner), other ones for every salt; a product
    with an amount of up to 10^12 fen stays within a bigint."""
    return f"(hashint8extended({key}, %(salt)s::bigint # ({owner})::bigint) & 4194303)"


# Half-even in whole numbers, as backend.core.money does it: {0} fen × {1} bps.
HALF_EVEN = """(({0}::bigint * {1}) / 10000 + CASE
    WHEN mod({0}::bigint * {1}, 10000) > 5000 THEN 1
    WHEN mod({0}::bigint * {1}, 10000) = 5000 AND mod(({0}::bigint * {1}) / 10000, 2) = 1 THEN 1
    ELSE 0 END)"""


def between(kind: int) -> str:
    """The journals of one kind, as a range of the entries' key."""
    return f"journal_id >= {kind}::bigint << 56 AND journal_id < ({kind} + 1)::bigint << 56"
