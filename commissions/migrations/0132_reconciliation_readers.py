"""Who read the answers of the reports that still wait for their signature stands in the audit trail:
they do not sign them after the upgrade either. What is signed stays as it is."""

from django.db import migrations

READERS = """
UPDATE commissions_reconciliation r SET read_by_id = e.actor_id
FROM core_auditentry e
WHERE r.batch_id IS NOT NULL AND r.status <> 'signed' AND r.read_by_id IS NULL
  AND e.target_kind = 'commissions.payoutbatch' AND e.target_id = r.batch_id::text
  AND e.action = 'payout_batch.answer' AND e.at = r.built_at
"""


class Migration(migrations.Migration):
    dependencies = [("commissions", "0131_reconciliation_reader")]

    operations = [migrations.RunSQL(READERS, migrations.RunSQL.noop)]
