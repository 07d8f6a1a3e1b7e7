"""Signs of life of the background processes, read by /readyz and by the admin."""

from django.db import models


class Heartbeat(models.Model):
    """When a background job last finished; `job` names it (relay, settle, metrics …)."""

    job = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()
    note = models.CharField(max_length=200, default="", blank=True)

    class Meta:
        verbose_name = "heartbeat 心跳"
        verbose_name_plural = "heartbeats 心跳"

    def __str__(self) -> str:
        return self.job
