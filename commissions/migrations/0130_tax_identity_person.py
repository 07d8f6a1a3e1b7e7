from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commissions", "0101_plan_agency_guards")]

    operations = [
        migrations.AddIndex(
            model_name="taxidentity",
            index=models.Index(fields=["fingerprint"], name="tax_identity_person"),
        ),
    ]
