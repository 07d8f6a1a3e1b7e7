"""Rules of the hash chain over the journals: X3. The whole chain is recomputed by
`check_books --chain`; every check looks at its end and at a part that changes with the instant."""

from commissions.books.ledger_rules import ONE_PASS
from commissions.books.rule import Quick, Rule
from commissions.chain.told import BYTES, ENTRIES, GENESIS

_LOOKED_AT = 1_000
_SOMEWHERE = "abs(hashint8extended((extract(epoch FROM %(at)s::timestamptz) * 1000)::bigint, 0))"

RULES = [
    Rule(
        "X3 A1",
        "every journal is sealed once, or waits for its seal",
        """
        SELECT coalesce(j.id, s.journal_id) AS journal, s.n, w.waits
        FROM commissions_journal j FULL JOIN commissions_sealedjournal s ON s.journal_id = j.id
        LEFT JOIN (SELECT u.id, count(*) AS waits
                   FROM commissions_sealwaiting q CROSS JOIN unnest(q.journal_ids) u(id)
                   GROUP BY 1) w ON w.id = coalesce(j.id, s.journal_id)
        WHERE j.id IS NULL OR (s.n IS NOT NULL)::int + coalesce(w.waits, 0) <> 1
        UNION ALL
        SELECT u.id, NULL, 1 FROM commissions_sealwaiting q CROSS JOIN unnest(q.journal_ids) u(id)
        LEFT JOIN commissions_journal j ON j.id = u.id WHERE j.id IS NULL
        ORDER BY 1
        """,
        Quick(ONE_PASS, "sealed"),
    ),
    Rule(
        "X3",
        "links are what their journals say: the newest, and a part that every check chooses anew",
        f"""
        WITH head AS (
            SELECT coalesce(max(n), 0) AS n FROM commissions_sealedjournal
        ), chosen AS (
            SELECT generate_series(greatest(1, n - {_LOOKED_AT - 1}), n) AS n FROM head
            UNION
            SELECT generate_series(start, least(start + {_LOOKED_AT - 1}, n)) FROM (
                SELECT n, 1 + mod({_SOMEWHERE}, greatest(n, 1)) AS start FROM head) somewhere
        )
        SELECT c.n, s.journal_id AS journal FROM chosen c
        LEFT JOIN commissions_sealedjournal s ON s.n = c.n
        LEFT JOIN commissions_sealedjournal b ON b.n = c.n - 1
        LEFT JOIN commissions_journal j ON j.id = s.journal_id LEFT JOIN {ENTRIES}
        WHERE s.n IS NULL OR s.link IS DISTINCT FROM sha256(
            CASE WHEN c.n = 1 THEN {GENESIS} ELSE b.link END || {BYTES})
        ORDER BY 1
        """,
    ),
    Rule(
        "X3",
        "archives follow one another, and the chain still has the links they are fastened to",
        """
        SELECT a.id AS archive, a.first, a.last, a.link FROM commissions_booksarchive a
        LEFT JOIN commissions_sealedjournal s ON s.n = a.last
        WHERE s.n IS NULL OR encode(s.link, 'hex') <> a.link
           OR a.first <> 1 + coalesce((SELECT max(b.last) FROM commissions_booksarchive b
                                       WHERE b.last < a.last), 0)
        ORDER BY 1
        """,
    ),
]
