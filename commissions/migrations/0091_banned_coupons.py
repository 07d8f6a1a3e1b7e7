"""A coupon code may be banned."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commissions", "0090_overridden_chains")]

    operations = [
        migrations.AlterField(
            "bannedsource",
            "kind",
            models.CharField(
                choices=[
                    ("referral", "promotion link 推广链接"),
                    ("note", "note 笔记"),
                    ("live", "live 直播"),
                    ("coupon", "coupon code 优惠码"),
                    ("promoter", "promoter 推客"),
                ],
                max_length=8,
            ),
        ),
    ]
