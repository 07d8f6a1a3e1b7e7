"""SQL of the guards that migrations install: what the database itself refuses."""

APPEND_ONLY_FUNCTION = """
CREATE OR REPLACE FUNCTION tuike_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Tests empty tables between runs; nothing else may set this on its connection.
    IF TG_OP = 'TRUNCATE' AND current_setting('tuike.allow_truncate', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
"""


def append_only(table: str) -> str:
    """Triggers that refuse UPDATE, DELETE and TRUNCATE of `table`."""
    return f"""
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION tuike_append_only();
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION tuike_append_only();
"""


def drop_append_only(table: str) -> str:
    """The reverse of `append_only`."""
    return f"""
DROP TRIGGER IF EXISTS {table}_append_only ON {table};
DROP TRIGGER IF EXISTS {table}_no_truncate ON {table};
"""


ACT_FUNCTION = """
CREATE OR REPLACE FUNCTION tuike_act() RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE act text := current_setting('tuike.act', true);
BEGIN
    -- Ends with the transaction; not its number, which begins again after a restore.
    IF coalesce(act, '') = '' THEN
        act := gen_random_uuid()::text;
        PERFORM set_config('tuike.act', act, true);
    END IF;
    RETURN act::uuid;
END $$;
"""
# Whatever is called so is never written down, only that it changed: secrets, and what goes when a
# person goes (docs/personal-data.md).
UNSAID = "(sealed|masked|fingerprint|secret|password|digest|token|holder|claim|evidence)"
ROW_CHANGE_FUNCTION = f"""
CREATE OR REPLACE FUNCTION tuike_row_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE was jsonb; became jsonb; changed text[]; row_key text;
BEGIN
    IF TG_OP <> 'INSERT' THEN was := to_jsonb(OLD); END IF;
    IF TG_OP <> 'DELETE' THEN became := to_jsonb(NEW); END IF;
    SELECT array_agg(k ORDER BY k) INTO changed FROM jsonb_object_keys(coalesce(was, became)) k
    WHERE was -> k IS DISTINCT FROM became -> k;
    IF changed IS NULL THEN RETURN NULL; END IF;
    row_key := coalesce(became, was) ->> 'id';
    INSERT INTO core_rowchange
        (act, table_name, row_id, operation, before, after, database_user)
    SELECT tuike_act(), TG_TABLE_NAME, row_key, lower(TG_OP),
           CASE WHEN was IS NOT NULL THEN jsonb_object_agg(k, CASE
               WHEN was ->> k IS NULL THEN 'null' WHEN k ~ '{UNSAID}' OR was ->> k ~ '^\\\\x'
               THEN '"•••"' ELSE was -> k END) END,
           CASE WHEN became IS NOT NULL THEN jsonb_object_agg(k, CASE
               WHEN became ->> k IS NULL THEN 'null'
               WHEN k ~ '{UNSAID}' OR became ->> k ~ '^\\\\x'
               THEN '"•••"' ELSE became -> k END) END,
           session_user
    FROM unnest(changed) k;
    RETURN NULL;
END $$;
"""


def watched(table: str, *acts: str, of: str = "") -> str:
    """A trigger that writes each change of a row of `table` into the row changes: of INSERT,
    UPDATE and DELETE, or those that are named; `of` one column alone."""
    events = " OR ".join(acts or ("INSERT", "UPDATE", "DELETE"))
    when = f" WHEN (OLD.{of} IS DISTINCT FROM NEW.{of})" if of else ""
    events += f" OF {of}" if of else ""
    return f"""
CREATE TRIGGER {table}_watched AFTER {events} ON {table}
    FOR EACH ROW{when} EXECUTE FUNCTION tuike_row_change();
"""


def drop_watched(table: str) -> str:
    """The reverse of `watched`."""
    return f"DROP TRIGGER IF EXISTS {table}_watched ON {table};"
