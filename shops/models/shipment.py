"""Parcels 发货."""

from django.db import models
from django.db.models import Q

from shops.models.order import Order, OrderLine


class Shipment(models.Model):
    """A parcel of an order."""

    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="shipments", db_index=False
    )
    carrier = models.CharField(max_length=40)
    tracking_number = models.CharField(max_length=40)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order", "carrier", "tracking_number"], name="shipment_once"
            )
        ]
        verbose_name = "shipment 包裹"
        verbose_name_plural = "shipments 包裹"

    def __str__(self) -> str:
        return f"{self.carrier} {self.tracking_number}"


class ShipmentLine(models.Model):
    """What of an order line is in a parcel."""

    shipment = models.ForeignKey(
        Shipment, on_delete=models.PROTECT, related_name="lines", db_index=False
    )
    order_line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="+")
    qty = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shipment", "order_line"], name="shipment_line_once"),
            models.CheckConstraint(condition=Q(qty__gt=0), name="shipment_line_qty"),
        ]
        verbose_name = "shipment line 包裹行"
        verbose_name_plural = "shipment lines 包裹行"

    def __str__(self) -> str:
        return f"{self.order_line_id} × {self.qty}"
