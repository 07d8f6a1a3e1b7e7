"""What the database itself refuses of settlement by calendar: periods of one calendar that overlap, a
rule, a re-statement or a statement that changes, a period whose bounds move."""

from django.db import migrations

from backend.core.guards import append_only, drop_append_only

TABLES = [
    "commissions_settlementrule",
    "commissions_restatement",
    "commissions_restatementline",
    "commissions_statementkey",
    "commissions_statementline",
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
SIGNED = """
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


class Migration(migrations.Migration):
    dependencies = [("commissions", "0050_settlement_calendar_and_statements")]

    operations = [
        *(migrations.RunSQL(append_only(table), drop_append_only(table)) for table in TABLES),
        migrations.RunSQL(
            APART,
            "ALTER TABLE commissions_settlementperiod DROP CONSTRAINT settlement_period_apart",
        ),
        migrations.RunSQL(BOUNDS, "DROP FUNCTION IF EXISTS tuike_settlement_period() CASCADE"),
        migrations.RunSQL(SIGNED, "DROP FUNCTION IF EXISTS tuike_statement_signed() CASCADE"),
    ]
