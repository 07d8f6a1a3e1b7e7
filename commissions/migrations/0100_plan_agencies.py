"""A plan's version may name agencies: whoever is a member when an order is placed."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commissions", "0112_tax_table_guards")]

    operations = [
        migrations.CreateModel(
            name="PlanAgency",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "agency",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="commissions.agency",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="agencies",
                        to="commissions.planversion",
                    ),
                ),
            ],
            options={
                "verbose_name": "plan agency 定向机构",
                "verbose_name_plural": "plan agencies 定向机构",
                "constraints": [
                    models.UniqueConstraint(fields=("version", "agency"), name="plan_agency_once")
                ],
            },
        ),
    ]
