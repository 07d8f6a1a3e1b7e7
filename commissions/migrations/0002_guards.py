"""What the database itself holds about money: the ledger is append-only, a journal sums to zero,
an entry's account and journal exist, and every entry reaches the balance of its account.

Statement-level triggers over the transition table cost × 1.25 on a bulk insert; row-level
foreign keys cost × 2.4 each and a deferred row trigger × 4.5 to 6 (measured).
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
]

ENTRIES_BALANCE = """
CREATE FUNCTION tuike_entries_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong bigint;
BEGIN
    SELECT journal_id INTO wrong FROM fresh
    GROUP BY journal_id HAVING sum(amount_fen) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal % does not sum to zero', wrong USING ERRCODE = 'check_violation';
    END IF;
    SELECT f.account_id INTO wrong FROM (SELECT DISTINCT account_id FROM fresh) f
    LEFT JOIN commissions_ledgeraccount a ON a.id = f.account_id WHERE a.id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry of unknown account %', wrong
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    SELECT f.journal_id INTO wrong FROM (SELECT DISTINCT journal_id FROM fresh) f
    LEFT JOIN commissions_journal j ON j.id = f.journal_id WHERE j.id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry of unknown journal %', wrong
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    INSERT INTO commissions_balancedelta (account_id, amount_fen)
    SELECT account_id, sum(amount_fen) FROM fresh
    GROUP BY account_id HAVING sum(amount_fen) <> 0 ORDER BY account_id;
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

PUBLISHED_PLANS = """
CREATE FUNCTION tuike_published_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Only the end of a published version may still be set; its numbers are history.
    IF OLD.published_at IS NOT NULL AND (TG_OP = 'DELETE' OR
        (NEW.plan_id, NEW.number, NEW.promoter_bps, NEW.inviter_bps, NEW.creator_bps,
         NEW.charity_bps, NEW.starts_at, NEW.published_at)
        IS DISTINCT FROM
        (OLD.plan_id, OLD.number, OLD.promoter_bps, OLD.inviter_bps, OLD.creator_bps,
         OLD.charity_bps, OLD.starts_at, OLD.published_at)) THEN
        RAISE EXCEPTION 'plan version % is published and never changes', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER commissions_planversion_published BEFORE UPDATE OR DELETE
    ON commissions_planversion FOR EACH ROW EXECUTE FUNCTION tuike_published_plan();
"""


class Migration(migrations.Migration):
    dependencies = [("commissions", "0001_initial"), ("core", "0002_guards")]

    operations = [
        *(migrations.RunSQL(append_only(table), drop_append_only(table)) for table in TABLES),
        migrations.RunSQL(
            ENTRIES_BALANCE, "DROP FUNCTION IF EXISTS tuike_entries_balance() CASCADE"
        ),
        migrations.RunSQL(BALANCE_ROWS, "DROP FUNCTION IF EXISTS tuike_open_balance() CASCADE"),
        migrations.RunSQL(
            PUBLISHED_PLANS, "DROP FUNCTION IF EXISTS tuike_published_plan() CASCADE"
        ),
    ]
