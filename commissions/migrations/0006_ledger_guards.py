"""What the database itself holds about money: the ledger is append-only, a journal sums to zero,
an entry's account and journal exist, every entry reaches the balance of its account, every journal
waits for its seal, and the chain has no gap and never changes.

Statement-level triggers over the transition table cost × 1.25 on a bulk insert; row-level
foreign keys cost × 2.4 each and a deferred row trigger × 4.5 to 6 (measured): what a foreign key
would look up line by line is checked in a set. The trigger on journals costs a row a statement, not
a row a journal: nothing is hashed and nothing is locked where money is posted.
"""

from django.db import migrations

from backend.core.guards import append_only, drop_append_only

TABLES = [
    "commissions_entry",
    "commissions_journal",
    "commissions_touch",
    "commissions_sponsoredge",
    "commissions_attribution",
    "commissions_commissionreversal",
    "commissions_settlementposting",
    "commissions_sealedjournal",
    "commissions_booksarchive",
]

# What is refused is said by functions that the guard's two statements call where they meet it: the
# entries are read twice, not four times.
REFUSE = """
CREATE FUNCTION tuike_refuse_unknown(what text, id bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'unknown % %', what, id USING ERRCODE = 'foreign_key_violation';
END $$;
CREATE FUNCTION tuike_refuse_unbalanced(id bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'journal % does not sum to zero', id USING ERRCODE = 'check_violation';
END $$;
"""
ENTRIES_BALANCE = """
CREATE FUNCTION tuike_entries_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM CASE WHEN j.id IS NULL THEN tuike_refuse_unknown('journal', f.journal_id)
                 ELSE tuike_refuse_unbalanced(f.journal_id) END
    FROM (SELECT journal_id, sum(amount_fen) AS fen FROM fresh GROUP BY journal_id) f
    LEFT JOIN commissions_journal j ON j.id = f.journal_id
    WHERE j.id IS NULL OR f.fen <> 0;
    INSERT INTO commissions_balancedelta (account_id, amount_fen)
    SELECT coalesce(a.id, tuike_refuse_unknown('account', f.account_id)), f.fen
    FROM (SELECT account_id, sum(amount_fen) AS fen FROM fresh GROUP BY account_id) f
    LEFT JOIN commissions_ledgeraccount a ON a.id = f.account_id
    WHERE a.id IS NULL OR f.fen <> 0
    ORDER BY f.account_id;
    RETURN NULL;
END $$;
CREATE TRIGGER commissions_entry_balance AFTER INSERT ON commissions_entry
    REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION tuike_entries_balance();
"""
BALANCE_ROWS = """
CREATE FUNCTION tuike_open_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO commissions_balance (account_id, balance_fen) SELECT id, 0 FROM fresh;
    RETURN NULL;
END $$;
CREATE TRIGGER commissions_account_balance AFTER INSERT ON commissions_ledgeraccount
    REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION tuike_open_balance();
"""
ATTRIBUTED_LINES = """
CREATE FUNCTION tuike_attributed_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tuike_refuse_unknown('order line', f.order_line_id)
    FROM fresh f LEFT JOIN shops_orderline l ON l.id = f.order_line_id WHERE l.id IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER commissions_attribution_lines AFTER INSERT ON commissions_attribution
    REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION tuike_attributed_lines();
"""
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


def dropped(*functions: str) -> str:
    return ";\n".join(f"DROP FUNCTION IF EXISTS {name} CASCADE" for name in functions)


class Migration(migrations.Migration):
    replaces = [
        ('commissions', '0002_guards'),
        ('commissions', '0007_lean_accrual'),
        ('commissions', '0061_chain_guards'),
    ]
    dependencies = [
        ('commissions', '0005_payouts_and_tax'),
        ('core', '0001_tables'),
    ]
    operations = [
        *(migrations.RunSQL(append_only(table), drop_append_only(table)) for table in TABLES),
        migrations.RunSQL(
            REFUSE,
            dropped("tuike_refuse_unknown(text, bigint)", "tuike_refuse_unbalanced(bigint)"),
        ),
        migrations.RunSQL(ENTRIES_BALANCE, dropped("tuike_entries_balance()")),
        migrations.RunSQL(BALANCE_ROWS, dropped("tuike_open_balance()")),
        migrations.RunSQL(ATTRIBUTED_LINES, dropped("tuike_attributed_lines()")),
        migrations.RunSQL(WAITING, dropped("tuike_wait_for_seal()")),
        migrations.RunSQL(LEAVING, dropped("tuike_sealed_or_waiting()", "tuike_queue_only()")),
        migrations.RunSQL(
            LINKS,
            "DROP AGGREGATE IF EXISTS tuike_chain(bytea);\n"
            + dropped("tuike_link(bytea, bytea)", "tuike_no_gap()"),
        ),
        migrations.RunSQL(ARCHIVES, dropped("tuike_archives_follow()")),
    ]
