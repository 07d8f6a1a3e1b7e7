"""Notes 笔记, topics 话题, product cards 商品卡 and the permission to show others' goods."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Func, Q

from backend.core.states import Transitions


class Topic(models.Model):
    """What notes are about; one row per name, compared without case and spaces."""

    name = models.CharField(max_length=30)
    skeleton = models.CharField(max_length=60, unique=True, editable=False)
    note_count = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = "topic 话题"
        verbose_name_plural = "topics 话题"

    def __str__(self) -> str:
        return self.name


class Note(models.Model):
    """An image or video post. `hot` orders discover: content only, no cards, sales, followers."""

    class Kind(models.TextChoices):
        IMAGE = "image", "image 图文"
        VIDEO = "video", "video 视频"

    class Status(models.TextChoices):
        DRAFT = "draft", "draft 草稿"
        PUBLISHED = "published", "published 已发布"
        WITHDRAWN = "withdrawn", "withdrawn 已撤回"
        TAKEN_DOWN = "taken_down", "taken down 已下架"
        DELETED = "deleted", "deleted 已删除"

    TRANSITIONS: Transitions = {
        Status.DRAFT: frozenset({Status.PUBLISHED, Status.DELETED}),
        Status.PUBLISHED: frozenset({Status.WITHDRAWN, Status.TAKEN_DOWN, Status.DELETED}),
        Status.WITHDRAWN: frozenset({Status.PUBLISHED, Status.DELETED}),
        Status.TAKEN_DOWN: frozenset({Status.PUBLISHED, Status.DELETED}),
        Status.DELETED: frozenset(),
    }

    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=5, choices=Kind)
    title = models.CharField(max_length=20, default="", blank=True)
    body = models.TextField(max_length=1000, default="", blank=True)
    topics = models.ManyToManyField(Topic, related_name="notes", blank=True)
    city_code = models.CharField(max_length=6, default="", blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    takedown_reason = models.CharField(max_length=300, default="", blank=True)
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)
    edited_at = models.DateTimeField(null=True, blank=True)
    like_count = models.PositiveIntegerField(default=0)
    collect_count = models.PositiveIntegerField(default=0)
    comment_count = models.PositiveIntegerField(default=0)
    share_count = models.PositiveIntegerField(default=0)
    hot = models.FloatField(default=0)
    rank_version = models.CharField(max_length=8, default="q1")
    rank_due = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="acted on since `hot` was set"
    )
    terms = ArrayField(models.TextField(), default=list, blank=True, editable=False)
    tsv = models.GeneratedField(
        expression=Func(F("terms"), function="array_to_tsvector"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        indexes = [
            models.Index(fields=["-hot", "-id"], name="note_hot", condition=Q(status="published")),
            models.Index(
                fields=["author", "-published_at", "-id"],
                name="note_author",
                condition=Q(status="published"),
            ),
            models.Index(
                fields=["city_code", "-hot", "-id"],
                name="note_city",
                condition=Q(status="published") & ~Q(city_code=""),
            ),
            models.Index(fields=["author", "-id"], name="note_mine"),
            GinIndex(fields=["tsv"], name="note_terms"),
            models.Index(fields=["id"], name="note_rank_due", condition=Q(rank_due=True)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status="published") | Q(published_at__isnull=False),
                name="note_published_at",
            )
        ]
        verbose_name = "note 笔记"
        verbose_name_plural = "notes 笔记"

    def __str__(self) -> str:
        return self.title or f"note {self.pk}"


class NoteProduct(models.Model):
    """A product card in a note."""

    class Origin(models.TextChoices):
        OWN = "own", "own goods 自家商品"
        OTHERS = "others", "others' goods 他人商品"

    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="cards", db_index=False)
    product = models.ForeignKey("shops.Product", on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField(default=0)
    origin = models.CharField(max_length=6, choices=Origin)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["note", "product"], name="card_once"),
        ]
        verbose_name = "product card 商品卡"
        verbose_name_plural = "product cards 商品卡"

    def __str__(self) -> str:
        return f"note {self.note_id} → product {self.product_id}"


class GoodsNoteApplication(models.Model):
    """An author asks to show others' goods: the one rule that reads followers (D2)."""

    class Status(models.TextChoices):
        SUBMITTED = "submitted", "submitted 已提交"
        APPROVED = "approved", "approved 已通过"
        REJECTED = "rejected", "rejected 已驳回"
        REVOKED = "revoked", "revoked 已收回"

    TRANSITIONS: Transitions = {
        Status.SUBMITTED: frozenset({Status.APPROVED, Status.REJECTED}),
        Status.APPROVED: frozenset({Status.REVOKED}),
        Status.REJECTED: frozenset(),
        Status.REVOKED: frozenset(),
    }

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    follower_count_at_apply = models.PositiveIntegerField()
    status = models.CharField(max_length=9, choices=Status, default=Status.SUBMITTED)
    reason = models.CharField(max_length=300, default="", blank=True)
    submitted_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(status__in=["submitted", "approved"]),
                name="goods_note_one_open",
            )
        ]
        verbose_name = "goods-note application 带货申请"
        verbose_name_plural = "goods-note applications 带货申请"

    def __str__(self) -> str:
        return f"{self.account_id} {self.status}"
