"""What the database itself does and refuses about the chain: a journal that is posted waits for its
seal, none leaves the queue unsealed, the chain has no gap and never changes.

The trigger on journals costs a row a statement, not a row a journal: nothing is hashed and nothing
is locked where money is posted.
"""

from django.db import migrations

from backend.core.guards import append_only, drop_append_only

TABLES = ["commissions_sealedjournal", "commissions_booksarchive"]

WAITING = """
CREATE FUNCTION tuike_wait_for_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Pieces of 5,000: a sealing takes whole rows, and no more than a few thousand journals.
    INSERT INTO commissions_sealwaiting (journal_ids)
    SELECT array_agg(id) FROM (SELECT id, (row_number() OVER () - 1) / 5000 AS piece FROM fresh) f
    GROUP BY piece ORDER BY piece;
    RETURN NULL;
END $$;
CREATE TRIGGER commissions_journal_seal AFTER INSERT ON commissions_journal
    REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION tuike_wait_for_seal();
"""
# What leaves the queue stands in the chain; nothing there is changed.
LEAVING = """
CREATE FUNCTION tuike_sealed_or_waiting() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE missing bigint;
BEGIN
    SELECT w.id INTO missing FROM gone CROSS JOIN unnest(gone.journal_ids) w(id)
    LEFT JOIN commissions_sealedjournal s ON s.journal_id = w.id WHERE s.n IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal % is not sealed', missing USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER commissions_sealwaiting_left AFTER DELETE ON commissions_sealwaiting
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION tuike_sealed_or_waiting();
-- Not tuike_append_only: the service's user keeps the right to delete from such a table.
CREATE FUNCTION tuike_queue_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND current_setting('tuike.allow_truncate', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is only added to and sealed: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER commissions_sealwaiting_kept BEFORE UPDATE OR TRUNCATE ON commissions_sealwaiting
    FOR EACH STATEMENT EXECUTE FUNCTION tuike_queue_only();
"""
LINKS = """
CREATE FUNCTION tuike_link(previous bytea, told bytea) RETURNS bytea
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$ BEGIN
    RETURN sha256(previous || told);
END $$;
-- Over ordered rows: the first one is the link to go on from, each later one what is linked to it.
CREATE AGGREGATE tuike_chain(bytea) (SFUNC = tuike_link, STYPE = bytea);
CREATE FUNCTION tuike_no_gap() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE low bigint; high bigint; links bigint;
BEGIN
    SELECT min(n), max(n), count(*) INTO low, high, links FROM fresh;
    IF links > 0 AND (high - low + 1 <> links OR (low > 1 AND NOT EXISTS (
            SELECT 1 FROM commissions_sealedjournal WHERE n = low - 1)) OR low < 1) THEN
        RAISE EXCEPTION 'the chain would have a gap at %', low USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER commissions_sealedjournal_no_gap AFTER INSERT ON commissions_sealedjournal
    REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION tuike_no_gap();
"""
# Archives follow one another without a gap as well.
ARCHIVES = """
CREATE FUNCTION tuike_archives_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.first <> 1 + coalesce((SELECT max(last) FROM commissions_booksarchive
                                  WHERE last < NEW.last), 0) THEN
        RAISE EXCEPTION 'an archive from % on leaves a gap', NEW.first
            USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM commissions_sealedjournal
                   WHERE n = NEW.last AND encode(link, 'hex') = NEW.link) THEN
        RAISE EXCEPTION 'the chain has no link % at %', NEW.link, NEW.last
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER commissions_booksarchive_follows BEFORE INSERT ON commissions_booksarchive
    FOR EACH ROW EXECUTE FUNCTION tuike_archives_follow();
"""
# Journals that were posted before there was a chain wait in the order in which they were posted.
BEFORE = """
INSERT INTO commissions_sealwaiting (journal_ids)
SELECT array_agg(id ORDER BY at, id) FROM (
    SELECT id, at, (row_number() OVER (ORDER BY at, id) - 1) / 5000 AS piece
    FROM commissions_journal) j
GROUP BY piece ORDER BY piece
"""


def dropped(*functions: str) -> str:
    return ";\n".join(f"DROP FUNCTION IF EXISTS {name} CASCADE" for name in functions)


class Migration(migrations.Migration):
    dependencies = [("commissions", "0060_chain")]

    operations = [
        migrations.RunSQL(BEFORE, migrations.RunSQL.noop),
        *(migrations.RunSQL(append_only(table), drop_append_only(table)) for table in TABLES),
        migrations.RunSQL(WAITING, dropped("tuike_wait_for_seal()")),
        migrations.RunSQL(
            LEAVING,
            dropped("tuike_sealed_or_waiting()", "tuike_queue_only()"),
        ),
        migrations.RunSQL(
            LINKS,
            "DROP AGGREGATE IF EXISTS tuike_chain(bytea);\n"
            + dropped("tuike_link(bytea, bytea)", "tuike_no_gap()"),
        ),
        migrations.RunSQL(ARCHIVES, dropped("tuike_archives_follow()")),
    ]
