"""Pictures and videos: the file keeps its own width and height, the cover crop is the author's."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from notes.models.note import Note


class MediaFile(models.Model):
    """An uploaded file, decoded and written again by us (no EXIF, no second file inside)."""

    class Kind(models.TextChoices):
        IMAGE = "image", "image 图片"
        VIDEO = "video", "video 视频"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=5, choices=Kind)
    file = models.FileField(upload_to="media/%Y%m")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size_bytes = models.PositiveIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "media file 媒体文件"
        verbose_name_plural = "media files 媒体文件"

    def __str__(self) -> str:
        return f"{self.kind} {self.width}×{self.height}"


class NoteMedia(models.Model):
    """A file in a note, with labels at (x, y) in 0..1 of the picture."""

    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="media", db_index=False)
    file = models.ForeignKey(MediaFile, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField(default=0)
    cover_crop = models.JSONField(null=True, blank=True)
    labels = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["note", "position"], name="note_media_position"),
            models.CheckConstraint(condition=Q(position__lt=18), name="note_media_count"),
        ]
        verbose_name = "note media 笔记媒体"
        verbose_name_plural = "note media 笔记媒体"

    def __str__(self) -> str:
        return f"note {self.note_id} #{self.position}"
