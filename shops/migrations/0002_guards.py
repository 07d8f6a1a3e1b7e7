"""Stock movements and order histories are append-only by the database."""

from django.db import migrations

from backend.core.guards import append_only, drop_append_only

TABLES = ["shops_stockmovement", "shops_orderevent"]


class Migration(migrations.Migration):
    dependencies = [("shops", "0001_initial"), ("core", "0002_guards")]

    operations = [
        migrations.RunSQL(append_only(table), drop_append_only(table)) for table in TABLES
    ]
