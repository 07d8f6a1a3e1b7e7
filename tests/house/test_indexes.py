"""No index is the beginning of another: it would be written with every row and never chosen."""

from backend.core.sql import rows

# Django's own tables of many-to-many fields name theirs by themselves.
BEGINNINGS = """
SELECT a.indexrelid::regclass::text AS beginning, b.indexrelid::regclass::text AS whole
FROM pg_index a JOIN pg_index b ON a.indrelid = b.indrelid AND a.indexrelid <> b.indexrelid
WHERE NOT a.indisunique AND a.indpred IS NULL AND b.indpred IS NULL
  AND a.indclass[0] = b.indclass[0]
  AND (b.indkey::text LIKE a.indkey::text || ' %%'
       OR (b.indkey::text = a.indkey::text AND b.indisunique))
  AND a.indrelid::regclass::text ~ %s
  AND a.indrelid::regclass::text !~ '_(groups|user_permissions|topics)$'
ORDER BY 1
"""
OURS = "^(core|shops|notes|commissions|webhooks)_"


def test_no_index_is_the_beginning_of_another(db: None) -> None:
    assert rows(BEGINNINGS, [OURS]) == []
