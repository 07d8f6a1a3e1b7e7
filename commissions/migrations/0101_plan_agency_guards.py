"""The agencies that a version names never change once it is published, as the promoters that it
names (migration 0011), and every change before stands among the row changes."""

from django.db import migrations

from backend.core.guards import drop_watched, watched

TABLE = "commissions_planagency"
PUBLISHED = f"""
CREATE TRIGGER {TABLE}_published BEFORE INSERT OR UPDATE OR DELETE
    ON {TABLE} FOR EACH ROW EXECUTE FUNCTION tuike_published_names();
"""


class Migration(migrations.Migration):
    dependencies = [("commissions", "0100_plan_agencies")]

    operations = [
        migrations.RunSQL(PUBLISHED, f"DROP TRIGGER IF EXISTS {TABLE}_published ON {TABLE}"),
        migrations.RunSQL(watched(TABLE), drop_watched(TABLE)),
    ]
