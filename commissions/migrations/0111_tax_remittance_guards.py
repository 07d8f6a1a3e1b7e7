"""What the database itself refuses of tax remittances: another amount, month or receipt once it is
recorded, a decision that changes, and more remitted of a month than the ledger says was withheld
in it. Each change is written into the row changes."""

from django.db import migrations

from backend.core.guards import drop_watched, watched

TABLE = "commissions_taxremittance"
FACTS = """
CREATE FUNCTION tuike_tax_remittance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.status <> 'recorded' OR
        (NEW.month, NEW.begins_at, NEW.ends_at, NEW.kind, NEW.channel, NEW.amount_fen, NEW.paid_on,
         NEW.receipt, NEW.recorded_by_id, NEW.recorded_at)
        IS DISTINCT FROM
        (OLD.month, OLD.begins_at, OLD.ends_at, OLD.kind, OLD.channel, OLD.amount_fen, OLD.paid_on,
         OLD.receipt, OLD.recorded_by_id, OLD.recorded_at) THEN
        RAISE EXCEPTION 'tax remittance % never changes', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER commissions_taxremittance_facts BEFORE UPDATE OR DELETE ON commissions_taxremittance
    FOR EACH ROW EXECUTE FUNCTION tuike_tax_remittance();
"""
WITHIN = """
CREATE FUNCTION tuike_tax_remitted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT sum(amount_fen) FROM commissions_taxremittance
        WHERE month = NEW.month AND status = 'approved')
       > (SELECT coalesce(sum(e.amount_fen), 0) FROM commissions_entry e
          JOIN commissions_ledgeraccount a ON a.id = e.account_id
           AND (a.owner_kind, a.owner_id, a.kind) = ('platform', 0, 'tax')
          WHERE e.journal_id >= 7::bigint << 56 AND e.journal_id < 8::bigint << 56
            AND e.at >= NEW.begins_at AND e.at < NEW.ends_at) THEN
        RAISE EXCEPTION 'more would be remitted of % than was withheld', NEW.month
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER commissions_taxremittance_within
    AFTER INSERT OR UPDATE ON commissions_taxremittance
    FOR EACH ROW WHEN (NEW.status = 'approved') EXECUTE FUNCTION tuike_tax_remitted();
"""


class Migration(migrations.Migration):
    dependencies = [("commissions", "0110_tax_remittances")]

    operations = [
        migrations.RunSQL(FACTS, "DROP FUNCTION IF EXISTS tuike_tax_remittance() CASCADE"),
        migrations.RunSQL(WITHIN, "DROP FUNCTION IF EXISTS tuike_tax_remitted() CASCADE"),
        migrations.RunSQL(watched(TABLE), drop_watched(TABLE)),
    ]
