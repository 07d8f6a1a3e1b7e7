"""The chain over the journals 凭证链: what an outsider checks the books by.

The posting of a journal never waits for its seal: the database notes it in `SealWaiting`, and one
job behind the front moves what waits into `SealedJournal` (decision 20). Only commissions/chain
writes these tables; the database refuses links that change, leave a gap, or are left out.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models


class SealWaiting(models.Model):
    """Journals that wait for their seal: one row for each statement that posted, or more where it
    posted many; written by a trigger on journals."""

    journal_ids = ArrayField(models.BigIntegerField())

    class Meta:
        verbose_name = "journals to seal 待封存凭证"
        verbose_name_plural = "journals to seal 待封存凭证"

    def __str__(self) -> str:
        return f"{len(self.journal_ids)} journals"


class SealedJournal(models.Model):
    """A journal in its place of the chain. `link` is the SHA-256 of the link before it and of what
    the journal and its entries say (commissions/chain/told.py)."""

    n = models.BigIntegerField(primary_key=True, help_text="1, 2, 3 … without a gap")
    journal_id = models.BigIntegerField(unique=True)
    link = models.BinaryField(max_length=32)

    class Meta:
        permissions = [("export_books", "Can download the books 导出账本")]
        verbose_name = "sealed journal 链上凭证"
        verbose_name_plural = "sealed journals 链上凭证"

    def __str__(self) -> str:
        return f"journal {self.journal_id}, {self.n} of the chain"


class BooksArchive(models.Model):
    """An archive file of a closed part of the books, checked, and where it is fastened to the
    chain."""

    first = models.BigIntegerField(unique=True, help_text="the first number of the chain in it")
    last = models.BigIntegerField(unique=True)
    before = models.DateTimeField(help_text="every journal in it is older")
    link = models.CharField(max_length=64, help_text="the chain's link at `last`")
    checksum = models.CharField(max_length=64, help_text="of the file as it was written")
    size = models.BigIntegerField(help_text="bytes")
    file_name = models.CharField(max_length=120)
    closing_checksum = models.CharField(
        max_length=64, help_text="of the file's closing balances, as the next file opens with"
    )
    accounts = models.BigIntegerField(help_text="how many accounts it closes with")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(first__gt=0, last__gte=models.F("first")),
                name="archive_of_something",
            )
        ]
        verbose_name = "archive of the books 账本归档"
        verbose_name_plural = "archives of the books 账本归档"

    def __str__(self) -> str:
        return f"journals {self.first} to {self.last}"
