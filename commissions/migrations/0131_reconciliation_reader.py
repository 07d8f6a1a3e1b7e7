import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commissions", "0130_tax_identity_person")]

    operations = [
        migrations.AddField(
            model_name="reconciliation",
            name="read_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="who read the bank's answer in; nobody for a channel's day",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="reconciliation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("read_by__isnull", True),
                    ("signed_by__isnull", True),
                    models.Q(("signed_by", models.F("read_by")), _negated=True),
                    _connector="OR",
                ),
                name="reconciliation_not_by_reader",
            ),
        ),
    ]
