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
