"""Commission and platform fee together are at most the base, not each of them alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commissions", "0151_statement_editions")]

    operations = [
        migrations.RemoveConstraint("commissionorder", "commission_within_base"),
        migrations.AddConstraint(
            "commissionorder",
            models.CheckConstraint(
                condition=models.Q(
                    ("budget_fen__gte", 0),
                    ("fee_fen__gte", 0),
                    ("budget_fen__lte", models.F("base_fen") - models.F("fee_fen")),
                ),
                name="commission_within_base",
            ),
        ),
    ]
