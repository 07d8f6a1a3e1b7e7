"""What the database itself refuses: a default of the market that is published with an end of its
own. Afterwards only the next default gives it one."""

from django.db import migrations

ENDLESS = """
CREATE FUNCTION tuike_default_without_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'plan version % is a default of the market and has no end', NEW.id
        USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER commissions_planversion_default_made BEFORE INSERT ON commissions_planversion
    FOR EACH ROW WHEN (NEW.is_default AND NEW.published_at IS NOT NULL AND NEW.ends_at IS NOT NULL)
    EXECUTE FUNCTION tuike_default_without_end();
CREATE TRIGGER commissions_planversion_default_published BEFORE UPDATE ON commissions_planversion
    FOR EACH ROW WHEN (NEW.is_default AND NEW.published_at IS NOT NULL AND NEW.ends_at IS NOT NULL
        AND OLD.published_at IS NULL)
    EXECUTE FUNCTION tuike_default_without_end();
"""


class Migration(migrations.Migration):
    dependencies = [("commissions", "0140_within_what_the_fee_leaves")]

    operations = [
        migrations.RunSQL(ENDLESS, "DROP FUNCTION IF EXISTS tuike_default_without_end() CASCADE"),
    ]
