"""Delivery addresses."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Address(models.Model):
    """Where an account has its parcels sent."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    receiver = models.CharField(max_length=40)
    phone = models.CharField(max_length=20)
    region_code = models.CharField(max_length=6, help_text="GB/T 2260 district")
    detail = models.CharField(max_length=200)
    is_default = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(is_default=True), name="address_one_default"
            )
        ]
        verbose_name = "address 地址"
        verbose_name_plural = "addresses 地址"

    def __str__(self) -> str:
        return f"{self.receiver} {self.detail}"
