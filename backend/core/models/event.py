"""The outbox: what happened, written in the transaction in which it happened."""

from django.db import models


class Event(models.Model):
    """One fact for other rooms, for instance order.paid of order 17.

    Delivered by the relay inside one database transaction together with what its handlers
    write, so a handler that writes only this database runs exactly once per event.
    """

    class State(models.TextChoices):
        PENDING = "pending", "pending 待投递"
        DELIVERED = "delivered", "delivered 已投递"
        PARKED = "parked", "parked 搁置"

    kind = models.CharField(max_length=40)
    subject_id = models.BigIntegerField()
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=9, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(default="", blank=True)
    recorded_at = models.DateTimeField()
    due_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            # Only what is still to do: the index stays small however long the history grows.
            models.Index(
                fields=["due_at", "id"], name="event_pending", condition=models.Q(state="pending")
            ),
            models.Index(fields=["id"], name="event_parked", condition=models.Q(state="parked")),
            models.Index(fields=["kind", "subject_id"], name="event_subject"),
        ]
        verbose_name = "event 事件"
        verbose_name_plural = "events 事件"

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"
