"""One pinned card a session, for databases that were made step by step: when the foreign key of the
card lost its own index, Django dropped the unique one on the same column with it."""

from django.db import migrations

PINNED = """
CREATE UNIQUE INDEX IF NOT EXISTS live_one_pinned
    ON notes_liveproduct (session_id) WHERE pinned_at IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [('notes', '0001_tables')]
    operations = [
        # It stays when this is undone: the migration before has it too.
        migrations.RunSQL(PINNED, migrations.RunSQL.noop),
    ]
