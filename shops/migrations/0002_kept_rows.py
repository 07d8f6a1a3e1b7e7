"""Stock movements and order histories are append-only by the database."""

from django.db import migrations

from backend.core.guards import append_only, drop_append_only

TABLES = ["shops_stockmovement", "shops_orderevent"]


class Migration(migrations.Migration):
    replaces = [
        ('shops', '0002_guards'),
        ('shops', '0040_external_orders'),
    ]
    dependencies = [
        ('shops', '0001_tables'),
        ('core', '0001_tables'),
    ]
    operations = [
        *(migrations.RunSQL(append_only(table), drop_append_only(table)) for table in TABLES),
    ]
