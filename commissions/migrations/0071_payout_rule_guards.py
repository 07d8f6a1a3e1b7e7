"""What the database itself refuses of payout rules and taxes: any change of what was published,
withheld or filed, and a weekday, day or zone that there is not."""

from django.db import migrations

from backend.core.guards import append_only, drop_append_only

TABLES = [
    "commissions_payoutrule",
    "commissions_taxtable",
    "commissions_taxwithholding",
    "commissions_taxfiling",
]
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


class Migration(migrations.Migration):
    dependencies = [("commissions", "0070_payout_rules_and_tax")]

    operations = [
        *(migrations.RunSQL(append_only(table), drop_append_only(table)) for table in TABLES),
        migrations.RunSQL(
            DAYS, "ALTER TABLE commissions_payoutrule DROP CONSTRAINT payout_rule_days"
        ),
        migrations.RunSQL(MONEY, "DROP FUNCTION IF EXISTS tuike_payout_money() CASCADE"),
    ]
