"""What the notes' doors read."""

from typing import Any

from rest_framework import serializers

from backend.rest.fields import Id, Instant, Listed, Pattern, QueryInteger, Strict, Text
from notes.models import Note
from notes.rest.fields import Share

CITY = r"\A[0-9]{6}\Z"
_MEDIA_CHOICES = ["all", "image", "video"]


class MediaUpload(Strict):
    """POST /v1/media, multipart/form-data; width and height for videos."""

    file = serializers.FileField(max_length=255)
    width = QueryInteger(required=False, max_value=2**31 - 1)
    height = QueryInteger(required=False, max_value=2**31 - 1)


class NoteLabelFields(Strict):
    """A label at (x, y) of a picture, pointing at a topic, a product or a place."""

    x = Share()
    y = Share()
    text = Text(max_length=30)
    target_kind = serializers.ChoiceField(
        ["topic", "product", "place"], required=False, allow_blank=True
    )
    target_id = Id(required=False)


class CoverCropFields(Strict):
    """The part of the picture that feeds show, in shares of its width and height."""

    x = Share()
    y = Share()
    w = Share()
    h = Share()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The crop lies inside the picture and is not empty."""
        if not (attrs["w"] > 0 and attrs["h"] > 0):
            raise serializers.ValidationError("The crop is empty.")
        if attrs["x"] + attrs["w"] > 1 + 1e-9 or attrs["y"] + attrs["h"] > 1 + 1e-9:
            raise serializers.ValidationError("The crop leaves the picture.")
        return attrs


class NoteMediaFields(Strict):
    """A file of the note, with its labels."""

    file = Id()
    cover_crop = CoverCropFields(required=False, allow_null=True)
    labels = Listed(child=NoteLabelFields(), required=False, max_length=10)


class NoteChange(Strict):
    """PATCH /v1/notes/{id}."""

    title = Text(max_length=20, required=False, allow_blank=True)
    body = Text(max_length=1000, required=False, allow_blank=True)
    city_code = Pattern(CITY, required=False, allow_blank=True)
    topics = Listed(child=Text(max_length=31), required=False, max_length=20)
    media = Listed(child=NoteMediaFields(), required=False, max_length=18)


class NoteDraft(NoteChange):
    """POST /v1/notes."""

    kind = serializers.ChoiceField(Note.Kind.choices)


class NoteCardFields(Strict):
    """POST /v1/notes/{id}/products."""

    product = Id()


class LiveAnnouncement(Strict):
    """POST /v1/live-sessions."""

    title = Text(max_length=40)
    starts_at = Instant()


class LiveCardFields(Strict):
    """POST /v1/live-sessions/{id}/products."""

    product = Id()


class LiveQuery(serializers.Serializer):
    """GET /v1/live-sessions; what is on air, where nothing is said."""

    status = serializers.ChoiceField(["scheduled", "live", "ended"], required=False)


class NoteCommentFields(Strict):
    """POST /v1/notes/{id}/comments."""

    text = Text(max_length=300)
    parent = Id(required=False, allow_null=True)  # type: ignore[assignment]


class FollowFields(Strict):
    """PUT /v1/accounts/{handle}/follow."""

    via_note = Id(required=False, allow_null=True)


class MineQuery(serializers.Serializer):
    """GET /v1/me/notes."""

    status = serializers.ChoiceField(
        ["draft", "published", "withdrawn", "taken_down"], required=False
    )


class DiscoverQuery(serializers.Serializer):
    """GET /v1/feeds/discover."""

    media = serializers.ChoiceField(_MEDIA_CHOICES, required=False)
    goods = serializers.ChoiceField(["0", "1"], required=False)


class NearbyQuery(serializers.Serializer):
    """GET /v1/feeds/nearby."""

    city = Pattern(CITY, required=False, allow_blank=True)
    media = serializers.ChoiceField(_MEDIA_CHOICES, required=False)


class SearchQuery(serializers.Serializer):
    """GET /v1/search."""

    q = Text(max_length=60, required=False, allow_blank=True)
    type = serializers.ChoiceField(["notes"], required=False)
    media = serializers.ChoiceField(_MEDIA_CHOICES, required=False)


class TopicsQuery(serializers.Serializer):
    """GET /v1/topics."""

    q = Text(max_length=30, required=False, allow_blank=True)
    sort = serializers.ChoiceField(["notes", "hot"], required=False)


class EmbeddableQuery(serializers.Serializer):
    """GET /v1/me/embeddable-products."""

    q = Text(max_length=60, required=False, allow_blank=True)
    origin = serializers.ChoiceField(["own", "others"], required=False)


class CommentsQuery(serializers.Serializer):
    """GET /v1/notes/{id}/comments."""

    parent = QueryInteger(  # type: ignore[assignment]
        required=False, min_value=1, max_value=2**63 - 1
    )
