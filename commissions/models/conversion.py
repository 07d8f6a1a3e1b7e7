"""Conversions 站外转化: orders made on other platforms, told by partners as files or postbacks."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from backend.core.states import Transitions


class ConversionSource(models.Model):
    """A partner that tells what was ordered elsewhere, for one shop, which owes the commission.

    `buyer` stands for everybody who ordered there: an account that nobody signs in as.
    `window_days` after the receipt a commission matures. `secret_sealed` signs postbacks.
    """

    name = models.CharField(max_length=60)
    shop = models.ForeignKey("shops.Shop", on_delete=models.PROTECT, related_name="+")
    buyer = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    fee_bps = models.PositiveIntegerField(default=0, help_text="platform fee of these orders, bps")
    window_days = models.PositiveSmallIntegerField(default=15)
    secret_sealed = models.BinaryField()
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name"], name="conversion_source_name"),
            models.CheckConstraint(condition=Q(fee_bps__lte=10_000), name="conversion_source_fee"),
        ]
        verbose_name = "conversion source 转化来源"
        verbose_name_plural = "conversion sources 转化来源"

    def __str__(self) -> str:
        return self.name


class ConversionGoods(models.Model):
    """Which SKU of ours a partner's article is, and at which rate. Without a rate, the product's
    offer that stood when the order was made counts."""

    source = models.ForeignKey(
        ConversionSource, on_delete=models.PROTECT, related_name="goods", db_index=False
    )
    external_sku = models.CharField(max_length=64)
    sku = models.ForeignKey("shops.Sku", on_delete=models.PROTECT, related_name="+", db_index=False)
    rate_bps = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_sku"], name="conversion_goods_once"
            ),
            models.CheckConstraint(
                condition=Q(rate_bps__isnull=True) | Q(rate_bps__lte=10_000),
                name="conversion_goods_rate",
            ),
        ]
        verbose_name = "conversion goods 转化商品"
        verbose_name_plural = "conversion goods 转化商品"

    def __str__(self) -> str:
        return self.external_sku


class Conversion(models.Model):
    """One line of an order made elsewhere, and the external order line that stands for it here.
    (source, order, line) is its key for ever: told again, it is the same."""

    source = models.ForeignKey(
        ConversionSource, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    external_order = models.CharField(max_length=64)
    external_line = models.CharField(max_length=64)
    external_sku = models.CharField(max_length=64)
    order_line = models.OneToOneField("shops.OrderLine", on_delete=models.PROTECT, related_name="+")
    paid_fen = models.BigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_order", "external_line"], name="conversion_once"
            ),
            models.CheckConstraint(condition=Q(paid_fen__gt=0), name="conversion_paid"),
        ]
        verbose_name = "conversion 转化"
        verbose_name_plural = "conversions 转化"

    def __str__(self) -> str:
        return f"{self.external_order}/{self.external_line}"


class ConversionImport(models.Model):
    """A file of conversions and how far its rows are taken: `position` bytes of `size_bytes`.

    The content lies in pieces of 1 MiB until the import has ended. `counts` says how often each
    verdict was given."""

    class Kind(models.TextChoices):
        CSV = "csv", "CSV"
        JSONL = "jsonl", "JSON Lines"

    class Status(models.TextChoices):
        WAITING = "waiting", "waiting 待处理"
        RUNNING = "running", "running 处理中"
        DONE = "done", "done 已完成"
        FAILED = "failed", "failed 失败"

    TRANSITIONS: Transitions = {
        Status.WAITING: frozenset({Status.RUNNING, Status.DONE, Status.FAILED}),
        Status.RUNNING: frozenset({Status.RUNNING, Status.DONE, Status.FAILED}),
        Status.DONE: frozenset(),
        Status.FAILED: frozenset(),
    }

    source = models.ForeignKey(
        ConversionSource, on_delete=models.PROTECT, related_name="imports", db_index=False
    )
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=5, choices=Kind)
    dry_run = models.BooleanField(default=False)
    status = models.CharField(max_length=7, choices=Status, default=Status.WAITING)
    size_bytes = models.BigIntegerField()
    checksum = models.CharField(max_length=64, help_text="SHA-256 of the file")
    columns = models.JSONField(default=list, help_text="of a CSV file, as its first row names them")
    position = models.BigIntegerField(default=0)
    row_count = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)
    error = models.CharField(max_length=200, default="", blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(position__gte=0, position__lte=F("size_bytes")),
                name="conversion_import_position",
            ),
        ]
        indexes = [
            models.Index(fields=["source", "-id"], name="conversion_import_source"),
            models.Index(
                fields=["id"],
                name="conversion_import_open",
                condition=Q(status__in=["waiting", "running"]),
            ),
        ]
        verbose_name = "conversion import 转化导入"
        verbose_name_plural = "conversion imports 转化导入"

    def __str__(self) -> str:
        return f"import {self.pk}"


class ConversionPiece(models.Model):
    """One MiB of a file that is being imported."""

    pk = models.CompositePrimaryKey("upload_id", "number")
    upload = models.ForeignKey(
        ConversionImport, on_delete=models.CASCADE, related_name="pieces", db_index=False
    )
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        verbose_name = "conversion file piece 转化文件分片"
        verbose_name_plural = "conversion file pieces 转化文件分片"

    def __str__(self) -> str:
        return f"piece {self.number}"


class ConversionVerdict(models.Model):
    """What became of one row of a file; rows are counted from 1, without a CSV's header."""

    pk = models.CompositePrimaryKey("upload_id", "row")
    upload = models.ForeignKey(
        ConversionImport, on_delete=models.CASCADE, related_name="verdicts", db_index=False
    )
    row = models.PositiveIntegerField()
    code = models.CharField(max_length=20)
    external_order = models.CharField(max_length=64, default="", blank=True)
    external_line = models.CharField(max_length=64, default="", blank=True)

    class Meta:
        verbose_name = "conversion verdict 转化判定"
        verbose_name_plural = "conversion verdicts 转化判定"

    def __str__(self) -> str:
        return f"row {self.row}: {self.code}"


class ConversionNotice(models.Model):
    """A postback that was taken: its id opens nothing twice."""

    source = models.ForeignKey(
        ConversionSource, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    notice_id = models.CharField(max_length=64)
    verdict = models.CharField(max_length=20)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "notice_id"], name="conversion_notice_once")
        ]
        verbose_name = "conversion notice 转化通知"
        verbose_name_plural = "conversion notices 转化通知"

    def __str__(self) -> str:
        return self.notice_id
