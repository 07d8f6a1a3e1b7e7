"""What a row was before an act and after it: append-only, written by the database's triggers."""

from django.db import models
from django.db.models.functions import Now


class RowChange(models.Model):
    """One row that was changed: the fields that differ, before and after.

    Which tables are watched stands in the rooms' migrations (backend.core.guards.watched). A
    trigger knows no actor: `act` is the same in every row of one transaction, here and in the
    audit entries, so that an entry and what it did find each other. A change without an entry was
    made by a job, or by hand at the database. Sealed values, fingerprints and secrets are never
    written, only that they changed.
    """

    class Operation(models.TextChoices):
        INSERT = "insert", "added 新增"
        UPDATE = "update", "changed 修改"
        DELETE = "delete", "removed 删除"

    at = models.DateTimeField(db_default=Now(), help_text="by the database's own clock")
    act = models.UUIDField()
    table_name = models.CharField(max_length=63)
    row_id = models.CharField(max_length=64)
    operation = models.CharField(max_length=6, choices=Operation)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    database_user = models.CharField(max_length=63)

    class Meta:
        indexes = [
            models.Index(fields=["table_name", "row_id", "id"], name="change_of_row"),
            models.Index(fields=["act"], name="change_act"),
        ]
        verbose_name = "row change 数据变更"
        verbose_name_plural = "row changes 数据变更"

    def __str__(self) -> str:
        return f"{self.operation} {self.table_name} {self.row_id}"
