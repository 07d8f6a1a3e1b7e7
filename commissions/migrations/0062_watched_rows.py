"""Rows that staff move money by are watched: what each was before an act, and after it.

Payouts and batches are watched from their first change on (that they were made stands in
themselves); of commission orders only what holds them, so that accrual and settlement pay nothing.
"""

from django.db import migrations

from backend.core.guards import drop_watched, watched

CHANGED = ["payout", "payoutbatch", "attributiondispute", "riskcase", "bountyaward"]
WHOLE = [
    "payeeaccount",
    "writeoff",
    "commissionplan",
    "planversion",
    "planproduct",
    "plantarget",
    "bannedsource",
    "bounty",
    "conversionsource",
]
SQL = {
    **{f"commissions_{name}": ("UPDATE", "DELETE") for name in CHANGED},
    **{f"commissions_{name}": () for name in WHOLE},
}
HELD = "commissions_commissionorder"


class Migration(migrations.Migration):
    dependencies = [("commissions", "0061_chain_guards"), ("core", "0060_row_changes")]

    operations = [
        *(
            migrations.RunSQL(watched(table, *acts), drop_watched(table))
            for table, acts in SQL.items()
        ),
        migrations.RunSQL(watched(HELD, "UPDATE", of="held_reason"), drop_watched(HELD)),
    ]
