"""The audit trail is append-only by the database."""

from django.db import migrations

from backend.core.guards import APPEND_ONLY_FUNCTION, append_only, drop_append_only


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        migrations.RunSQL(
            APPEND_ONLY_FUNCTION, "DROP FUNCTION IF EXISTS tuike_append_only() CASCADE"
        ),
        migrations.RunSQL(append_only("core_auditentry"), drop_append_only("core_auditentry")),
    ]
