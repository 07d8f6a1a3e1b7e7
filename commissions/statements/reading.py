"""Reading statements: whose they are, and their lines, a page at a time, out of the ledger."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q, QuerySet

from backend.accounts.models import Account
from backend.core.errors import NotFound
from backend.core.sql import read
from commissions.models import Journal, Statement, StatementKey
from shops.models import Shop

PAGE = 1_000
# How lines are told now. Any change of what stands on one is a new edition: a statement's bytes are
# signed, so one of an earlier edition is told as it was for ever.
EDITION = 2
Owner = Statement.Owner

# What a line says is written once and never changes: numbers, ids, codes; no title, no name.
_LINES = """
SELECT n.number AS n, e.at, a.kind AS account, j.kind, e.journal_id, o.number AS order_number,
       c.id AS commission, coalesce(p.number, 'run ' || run.id, 'award ' || b.id,
                                    'write-off ' || w.id, '') AS reference,
       coalesce(w.reason, sp.label,
                CASE j.kind WHEN 2 THEN 'refunded' WHEN 20 THEN 'overridden' ELSE '' END) AS reason,
       e.at < %(from)s AS late, e.amount_fen
FROM commissions_statementline n
JOIN commissions_entry e ON (e.account_id, e.journal_id) = (n.account_id, n.journal_id)
JOIN commissions_ledgeraccount a ON a.id = n.account_id
JOIN commissions_journal j ON j.id = n.journal_id
LEFT JOIN commissions_commissionreversal r ON j.kind = 2 AND r.id = j.subject_id
LEFT JOIN commissions_attributionoverride v ON j.kind = 20 AND v.id = j.subject_id
LEFT JOIN commissions_commissionorder c ON c.id = CASE j.kind WHEN 1 THEN j.subject_id
    ELSE coalesce(r.commission_id, v.commission_id) END
LEFT JOIN shops_orderline l ON l.id = c.order_line_id
LEFT JOIN shops_order o ON o.id = l.order_id
LEFT JOIN commissions_settlementposting t ON j.kind = 3 AND t.id = j.subject_id
LEFT JOIN commissions_settlementrun run ON run.id = t.run_id
LEFT JOIN commissions_settlementperiod sp ON sp.id = run.period_id
LEFT JOIN commissions_payout p ON p.id = j.subject_id
    AND (j.kind IN (4, 5, 6) OR (j.kind = 7 AND %(edition)s::int >= 2))
LEFT JOIN commissions_writeoff w ON j.kind = 40 AND w.id = j.subject_id
LEFT JOIN commissions_bountyaward b ON j.kind = 41 AND b.id = j.subject_id
WHERE n.statement_id = %(statement)s AND n.number > %(after)s
  AND n.number <= %(after)s::bigint + %(size)s
ORDER BY n.number
"""


def page_of_lines(
    statement: Statement, *, after: int = 0, size: int = PAGE
) -> list[dict[str, Any]]:
    """The lines with numbers from `after` + 1, `size` at most; one statement. Ids of journals are
    texts: they are too large for the numbers of JavaScript."""
    asked = {
        "statement": statement.pk,
        "edition": statement.edition,
        "from": statement.period.from_at,
        "after": after,
        "size": size,
    }
    found = read(_LINES, asked)
    return [
        {
            "n": row["n"],
            "at": row["at"],
            "account": row["account"],
            "cause": cause_of(row["kind"]),
            "journal": str(row["journal_id"]),
            "order": row["order_number"] or "",
            "commission": row["commission"],
            "reference": row["reference"],
            "reason": row["reason"],
            "late": row["late"],
            "amount_fen": row["amount_fen"],
        }
        for row in found
    ]


def cause_of(kind: int) -> str:
    """A journal kind's name in statements: stable, as it stands in signed files."""
    try:
        return Journal.Kind(kind).name.lower()
    except ValueError:
        return f"kind_{kind}"


def lines(statement: Statement) -> Iterator[dict[str, Any]]:
    """All lines, a thousand at a time: no transaction stays open while a slow client reads."""
    after = 0
    while after < statement.lines_count:
        page = page_of_lines(statement, after=after)
        assert page, f"statement {statement.number} has lost lines"
        yield from page
        after += PAGE


def of_person(account: Account) -> QuerySet[Statement]:
    """The account's own statements."""
    return _signed().filter(owner_kind=Owner.PERSON, owner_id=account.pk)


def of_shop(*, account: Account, shop_id: int) -> QuerySet[Statement]:
    """The statements of a shop of the account's.

    :raises NotFound: no shop, or another's.
    """
    if not Shop.objects.filter(pk=shop_id, account=account).exists():
        raise NotFound()
    return _signed().filter(owner_kind=Owner.SHOP, owner_id=shop_id)


def find(*, account: Account, number: str) -> Statement:
    """A statement of the account's own, or of a shop of theirs.

    :raises NotFound: no statement, or another's.
    """
    shops = Shop.objects.filter(account=account).values("pk")
    own = Q(owner_kind=Owner.PERSON, owner_id=account.pk)
    found = _signed().filter(own | Q(owner_kind=Owner.SHOP, owner_id__in=shops), number=number)
    statement = found.first()
    if statement is None:
        raise NotFound()
    return statement


def _signed() -> QuerySet[Statement]:
    return Statement.objects.select_related("period", "signed_by").exclude(digest="")


def keys() -> QuerySet[StatementKey]:
    """Every public key that has ever signed."""
    return StatementKey.objects.all()
