"""A function that returns rows says how many: PostgreSQL expects 1,000 of any that does not, and
reads whole tables for what it would otherwise look up."""

from backend.core.sql import rows

SILENT = """
SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'public' AND p.proretset AND p.prorows = 1000
  AND NOT EXISTS (SELECT 1 FROM pg_depend d
                  WHERE d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e')
ORDER BY 1
"""


def test_every_function_of_ours_that_returns_rows_says_how_many(db: None) -> None:
    assert rows(SILENT) == []
    rows("CREATE FUNCTION tuike_silent() RETURNS SETOF int LANGUAGE sql AS 'SELECT 1'")
    assert rows(SILENT) == [{"proname": "tuike_silent"}]
