"""What the database itself refuses of tax tables: any change, that one by which something was
withheld goes, one that begins before a day on which its method was used, and brackets that are none.
A table nothing was withheld by may be withdrawn. Each change is written into the row changes."""

from django.db import migrations

from backend.core.guards import append_only, drop_append_only, drop_watched, watched

TABLE = "commissions_taxtable"
KEPT = """
CREATE TRIGGER commissions_taxtable_append_only BEFORE UPDATE ON commissions_taxtable
    FOR EACH STATEMENT EXECUTE FUNCTION tuike_append_only();
CREATE TRIGGER commissions_taxtable_no_truncate BEFORE TRUNCATE ON commissions_taxtable
    FOR EACH STATEMENT EXECUTE FUNCTION tuike_append_only();
CREATE FUNCTION tuike_tax_table_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM commissions_taxwithholding WHERE table_id = OLD.id) THEN
        RAISE EXCEPTION 'tax table % was used and stays', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER commissions_taxtable_used BEFORE DELETE ON commissions_taxtable
    FOR EACH ROW EXECUTE FUNCTION tuike_tax_table_used();
"""
# After the row is in: the statutory tables are written over and over, and left alone by conflict.
# The day is one that holds in whatever zone the market keeps; the verb knows the zone.
POSSIBLE = """
CREATE FUNCTION tuike_tax_table() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.effective_from < (
        SELECT (max(w.at) AT TIME ZONE 'UTC')::date FROM commissions_taxwithholding w
        JOIN commissions_taxtable t ON t.id = w.table_id WHERE t.method = NEW.method) THEN
        RAISE EXCEPTION 'tax was withheld by another table since %', NEW.effective_from
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.source ~ '^\\s*$' OR jsonb_typeof(NEW.brackets) <> 'array'
        OR jsonb_array_length(NEW.brackets) = 0 OR EXISTS (
        SELECT 1 FROM (
            SELECT n, up_to, rate, quick, n = jsonb_array_length(NEW.brackets) AS is_last,
                   lag(up_to, 1, 0::bigint) OVER w AS low, lag(rate) OVER w AS rate_below,
                   lag(quick) OVER w AS quick_below
            FROM (SELECT n, (b ->> 'up_to_fen')::bigint AS up_to, (b ->> 'rate_bps')::bigint AS rate,
                         (b ->> 'quick_fen')::bigint AS quick
                  FROM jsonb_array_elements(NEW.brackets) WITH ORDINALITY AS e(b, n)) said
            WINDOW w AS (ORDER BY n)) bracket
        WHERE rate IS NULL OR rate NOT BETWEEN 0 AND 10000 OR rate <= rate_below
           OR quick IS NULL OR (up_to IS NULL) <> is_last OR up_to <= low
           OR quick * 10000 <> coalesce(quick_below * 10000 + low * (rate - rate_below), 0)) THEN
        RAISE EXCEPTION 'the brackets of the % table from % are none', NEW.method,
            NEW.effective_from USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER commissions_taxtable_possible AFTER INSERT ON commissions_taxtable
    FOR EACH ROW EXECUTE FUNCTION tuike_tax_table();
"""


class Migration(migrations.Migration):
    dependencies = [("commissions", "0111_tax_remittance_guards")]

    operations = [
        migrations.RunSQL(drop_append_only(TABLE), append_only(TABLE)),
        migrations.RunSQL(
            KEPT,
            drop_append_only(TABLE) + "DROP FUNCTION IF EXISTS tuike_tax_table_used() CASCADE",
        ),
        migrations.RunSQL(POSSIBLE, "DROP FUNCTION IF EXISTS tuike_tax_table() CASCADE"),
        migrations.RunSQL(watched(TABLE), drop_watched(TABLE)),
    ]
