"""What the database itself refuses of settlement and payouts: periods of one calendar that overlap, a
rule, a re-statement or a statement that changes, a period whose bounds move; any change of the
payout rules that were published and of what was withheld or filed, and a weekday, day or zone that
there is not; another word once a report is signed off, a line that was answered and changes, a
notice that changes.

Rows that staff move money by are watched: what each was before an act, and after it. Payouts and
batches are watched from their first change on (that they were made stands in themselves); of
commission orders only what holds them, so that accrual and settlement pay nothing.
"""

from django.db import migrations

from backend.core.guards import append_only, drop_append_only, drop_watched, watched

TABLES = [
    "commissions_settlementrule",
    "commissions_restatement",
    "commissions_restatementline",
    "commissions_statementkey",
    "commissions_statementline",
    "commissions_payoutrule",
    "commissions_taxtable",
    "commissions_taxwithholding",
    "commissions_taxfiling",
    "commissions_payoutnotice",
]

APART = """
ALTER TABLE commissions_settlementperiod ADD CONSTRAINT settlement_period_apart
    EXCLUDE USING gist (
        int8range(coalesce(shop_id, 0), coalesce(shop_id, 0), '[]') WITH &&,
        tstzrange(from_at, to_at) WITH &&);
"""
BOUNDS = """
CREATE FUNCTION tuike_settlement_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR
        (NEW.rule_id, NEW.shop_id, NEW.label, NEW.zone, NEW.from_at, NEW.to_at)
        IS DISTINCT FROM
        (OLD.rule_id, OLD.shop_id, OLD.label, OLD.zone, OLD.from_at, OLD.to_at)
        OR (OLD.closed_at IS NOT NULL AND NEW.closed_at IS DISTINCT FROM OLD.closed_at)
        OR (OLD.stating_at IS NOT NULL AND NEW.stating_at IS DISTINCT FROM OLD.stating_at)
        OR (OLD.stated_at IS NOT NULL AND NEW.stated_at IS DISTINCT FROM OLD.stated_at) THEN
        RAISE EXCEPTION 'settlement period % never changes', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER commissions_settlementperiod_bounds BEFORE UPDATE OR DELETE
    ON commissions_settlementperiod FOR EACH ROW EXECUTE FUNCTION tuike_settlement_period();
"""
STATEMENTS = """
CREATE FUNCTION tuike_statement_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.digest <> '' THEN
        RAISE EXCEPTION 'statement % is closed and never changes', OLD.number
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER commissions_statement_signed BEFORE UPDATE OR DELETE
    ON commissions_statement FOR EACH ROW EXECUTE FUNCTION tuike_statement_signed();
"""
DAYS = """
ALTER TABLE commissions_payoutrule ADD CONSTRAINT payout_rule_days CHECK (
    request_weekdays <@ '{1,2,3,4,5,6,7}'::smallint[]
    AND send_weekdays <@ '{1,2,3,4,5,6,7}'::smallint[]
    AND 0 <= ALL (request_month_days) AND 31 >= ALL (request_month_days)
    AND 0 <= ALL (send_month_days) AND 31 >= ALL (send_month_days));
"""
# What was agreed to is what is sent: nothing of a payout's money changes once it was asked for.
MONEY = """
CREATE FUNCTION tuike_payout_money() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.account_id, NEW.payee_id, NEW.amount_fen, NEW.fee_fen, NEW.tax_fen, NEW.number,
        NEW.needs_second, NEW.requested_at)
        IS DISTINCT FROM
       (OLD.account_id, OLD.payee_id, OLD.amount_fen, OLD.fee_fen, OLD.tax_fen, OLD.number,
        OLD.needs_second, OLD.requested_at) THEN
        RAISE EXCEPTION 'the money of payout % never changes', OLD.number
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER commissions_payout_money BEFORE UPDATE ON commissions_payout
    FOR EACH ROW EXECUTE FUNCTION tuike_payout_money();
"""
REPORTS = """
CREATE FUNCTION tuike_reconciliation_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.status = 'signed' THEN
        RAISE EXCEPTION 'reconciliation report % is a record and stays as it is', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER commissions_reconciliation_signed
    BEFORE UPDATE OR DELETE ON commissions_reconciliation
    FOR EACH ROW EXECUTE FUNCTION tuike_reconciliation_signed();
CREATE FUNCTION tuike_reconciliation_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.finding <> 'to_ask' THEN
        RAISE EXCEPTION 'reconciliation line % is answered and stays as it is', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER commissions_reconciliationline_answered
    BEFORE UPDATE OR DELETE ON commissions_reconciliationline
    FOR EACH ROW EXECUTE FUNCTION tuike_reconciliation_line();
"""
REPORTS_UNDONE = """
DROP TRIGGER commissions_reconciliation_signed ON commissions_reconciliation;
DROP FUNCTION tuike_reconciliation_signed();
DROP TRIGGER commissions_reconciliationline_answered ON commissions_reconciliationline;
DROP FUNCTION tuike_reconciliation_line();
"""
CHANGED = ["payout", "payoutbatch", "attributiondispute", "riskcase", "bountyaward"]
WHOLE = [
    "payeeaccount",
    "writeoff",
    "commissionplan",
    "planversion",
    "planproduct",
    "plantarget",
    "bannedsource",
    "bounty",
    "conversionsource",
]
WATCHED = {
    **{f"commissions_{name}": ("UPDATE", "DELETE") for name in CHANGED},
    **{f"commissions_{name}": () for name in WHOLE},
}
HELD = "commissions_commissionorder"


class Migration(migrations.Migration):
    replaces = [
        ('commissions', '0051_settlement_guards'),
        ('commissions', '0062_watched_rows'),
        ('commissions', '0071_payout_rule_guards'),
        ('commissions', '0081_reconciliation_guards'),
    ]
    dependencies = [
        ('commissions', '0007_terms_guards'),
    ]
    operations = [
        *(migrations.RunSQL(append_only(table), drop_append_only(table)) for table in TABLES),
        migrations.RunSQL(
            APART,
            "ALTER TABLE commissions_settlementperiod DROP CONSTRAINT settlement_period_apart",
        ),
        migrations.RunSQL(BOUNDS, "DROP FUNCTION IF EXISTS tuike_settlement_period() CASCADE"),
        migrations.RunSQL(STATEMENTS, "DROP FUNCTION IF EXISTS tuike_statement_signed() CASCADE"),
        migrations.RunSQL(
            DAYS,
            "ALTER TABLE commissions_payoutrule DROP CONSTRAINT payout_rule_days",
        ),
        migrations.RunSQL(MONEY, "DROP FUNCTION IF EXISTS tuike_payout_money() CASCADE"),
        migrations.RunSQL(REPORTS, REPORTS_UNDONE),
        *(
            migrations.RunSQL(watched(table, *acts), drop_watched(table))
            for table, acts in WATCHED.items()
        ),
        migrations.RunSQL(watched(HELD, "UPDATE", of="held_reason"), drop_watched(HELD)),
    ]
