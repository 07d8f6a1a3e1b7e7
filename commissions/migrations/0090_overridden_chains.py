"""An override records the whole chain that it pays: the second inviter and the agencies' edges."""

import django.db.models.deletion
from django.db import migrations, models


def _named(model: str) -> models.ForeignKey:
    return models.ForeignKey(
        db_index=False,
        null=True,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to=f"commissions.{model}",
    )


class Migration(migrations.Migration):
    dependencies = [("commissions", "0041_given_and_told")]

    operations = [
        migrations.AddField("attributionoverride", "inviter2", _named("promoter")),
        migrations.AddField("attributionoverride", "membership", _named("agencyedge")),
        migrations.AddField("attributionoverride", "affiliation", _named("agencyedge")),
        migrations.AddConstraint(
            "attributionoverride",
            models.CheckConstraint(
                condition=models.Q(("inviter2__isnull", True), ("membership__isnull", True))
                | models.Q(("promoter__isnull", False)),
                name="override_chain",
            ),
        ),
        migrations.AddConstraint(
            "attributionoverride",
            models.CheckConstraint(
                condition=models.Q(
                    ("affiliation__isnull", True), ("membership__isnull", False), _connector="OR"
                ),
                name="override_upper_agency",
            ),
        ),
    ]
