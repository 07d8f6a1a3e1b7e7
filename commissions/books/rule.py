"""What a rule of the books is: one statement that returns the rows which break it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """`code` names the invariant (docs/operations/payouts.md), `name` the rule itself; `sql`
    returns the offending rows and may use %(at)s, the instant of the check."""

    code: str
    name: str
    sql: str


# Half-even in whole numbers, as backend.core.money does it: {0} fen × {1} bps.
HALF_EVEN = """(({0}::bigint * {1}) / 10000 + CASE
    WHEN mod({0}::bigint * {1}, 10000) > 5000 THEN 1
    WHEN mod({0}::bigint * {1}, 10000) = 5000 AND mod(({0}::bigint * {1}) / 10000, 2) = 1 THEN 1
    ELSE 0 END)"""


def between(kind: int) -> str:
    """The journals of one kind, as a range of the entries' key."""
    return f"journal_id >= {kind}::bigint << 56 AND journal_id < ({kind} + 1)::bigint << 56"
