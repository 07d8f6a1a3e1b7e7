"""What readers do: likes 点赞, collects 收藏, comments 评论, follows 关注."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from notes.models.note import Note


class Like(models.Model):
    """Once per account and note."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="likes", db_index=False)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["note", "account"], name="like_once")]
        verbose_name = "like 点赞"
        verbose_name_plural = "likes 点赞"

    def __str__(self) -> str:
        return f"{self.account_id} likes {self.note_id}"


class Collect(models.Model):
    """Once per account and note."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
    )
    note = models.ForeignKey(
        Note, on_delete=models.CASCADE, related_name="collects", db_index=False
    )
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["note", "account"], name="collect_once")]
        indexes = [models.Index(fields=["account", "-id"], name="collect_mine")]
        verbose_name = "collect 收藏"
        verbose_name_plural = "collects 收藏"

    def __str__(self) -> str:
        return f"{self.account_id} collects {self.note_id}"


class Comment(models.Model):
    """A comment, or an answer to one (two levels, no more)."""

    class Status(models.TextChoices):
        VISIBLE = "visible", "visible 可见"
        DELETED = "deleted", "deleted 已删除"
        HIDDEN = "hidden", "hidden 已隐藏"

    note = models.ForeignKey(
        Note, on_delete=models.CASCADE, related_name="comments", db_index=False
    )
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="answers"
    )
    text = models.CharField(max_length=300)
    status = models.CharField(max_length=7, choices=Status, default=Status.VISIBLE)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["note", "-id"], name="comment_note")]
        verbose_name = "comment 评论"
        verbose_name_plural = "comments 评论"

    def __str__(self) -> str:
        return self.text[:40]


class Follow(models.Model):
    """Who follows whom."""

    follower = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
    )
    followee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
    )
    via_note = models.ForeignKey(
        Note, null=True, on_delete=models.SET_NULL, related_name="+", help_text="gained by it"
    )
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["follower", "followee"], name="follow_once"),
            models.CheckConstraint(condition=~Q(follower=F("followee")), name="follow_not_self"),
        ]
        indexes = [models.Index(fields=["followee", "-id"], name="follow_followee")]
        verbose_name = "follow 关注"
        verbose_name_plural = "follows 关注"

    def __str__(self) -> str:
        return f"{self.follower_id} → {self.followee_id}"
