"""Coupon codes 优惠码: a promoter's or creator's word for a shop's goods."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from commissions.models.promoter import Promoter


class CouponCode(models.Model):
    """A code that a shop has given to a promoter or to a creator. Who names it at checkout owes the
    sale to its holder, before everybody else; `discount_bps` of the goods' price is taken off, and
    the shop pays that. Valid in [starts_at, ends_at)."""

    shop = models.ForeignKey("shops.Shop", on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=16, unique=True)
    promoter = models.ForeignKey(
        Promoter, null=True, on_delete=models.PROTECT, related_name="coupon_codes"
    )
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    discount_bps = models.PositiveIntegerField(default=0)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(promoter__isnull=False, creator__isnull=True)
                | Q(promoter__isnull=True, creator__isnull=False),
                name="coupon_one_holder",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")),
                name="coupon_period",
            ),
            models.CheckConstraint(condition=Q(discount_bps__lte=5_000), name="coupon_discount"),
            models.CheckConstraint(
                condition=Q(code__regex=r"^[A-Z0-9]{4,16}$"), name="coupon_code_form"
            ),
        ]
        verbose_name = "coupon code 优惠码"
        verbose_name_plural = "coupon codes 优惠码"

    def __str__(self) -> str:
        return self.code
