"""What the database itself refuses of reports: another word once one is signed off, a line that
was answered and changes, a notice that changes."""

from django.db import migrations

from backend.core.guards import append_only, drop_append_only

SIGNED = """
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
UNSIGNED = """
DROP TRIGGER commissions_reconciliation_signed ON commissions_reconciliation;
DROP FUNCTION tuike_reconciliation_signed();
DROP TRIGGER commissions_reconciliationline_answered ON commissions_reconciliationline;
DROP FUNCTION tuike_reconciliation_line();
"""


class Migration(migrations.Migration):
    dependencies = [("commissions", "0080_notices_and_reconciliation")]

    operations = [
        migrations.RunSQL(SIGNED, UNSIGNED),
        migrations.RunSQL(
            append_only("commissions_payoutnotice"), drop_append_only("commissions_payoutnotice")
        ),
    ]
