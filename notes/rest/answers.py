"""What the notes' doors answer, for the OpenAPI document; the hot ones are written by SQL."""

from rest_framework import serializers

from notes.models import GoodsNoteApplication, LiveSession, MediaFile, NoteProduct, Topic
from notes.reading import url_of


class MediaAnswer(serializers.ModelSerializer):
    """An uploaded file."""

    url = serializers.SerializerMethodField()

    class Meta:
        model = MediaFile
        fields = ["id", "kind", "url", "width", "height", "size_bytes", "created_at"]
        read_only_fields = fields

    def get_url(self, file: MediaFile) -> str:
        """Where it is served."""
        return url_of(str(file.file))


class AuthorAnswer(serializers.Serializer):
    """An account as it stands beside what it wrote."""

    handle = serializers.CharField()
    display_name = serializers.CharField()
    verification = serializers.CharField()


class CropAnswer(serializers.Serializer):
    """A part of a picture, in shares of its sides."""

    x = serializers.FloatField()
    y = serializers.FloatField()
    w = serializers.FloatField()
    h = serializers.FloatField()


class CoverAnswer(serializers.Serializer):
    """The picture that feeds show; width and height are the file's own."""

    url = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    crop = CropAnswer(allow_null=True)


class FeedItem(serializers.Serializer):
    """A note in a feed; `ad_label` is 广告 where it shows products, and cannot be turned off."""

    type = serializers.ChoiceField(["note"])
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(["image", "video"])
    title = serializers.CharField()
    cover = CoverAnswer(allow_null=True)
    author = AuthorAnswer()
    like_count = serializers.IntegerField()
    liked = serializers.BooleanField(help_text="by the caller")
    has_products = serializers.BooleanField()
    ad_label = serializers.CharField(allow_null=True)
    published_at = serializers.DateTimeField(allow_null=True)


class OwnNoteItem(FeedItem):
    """One's own note in a list."""

    status = serializers.ChoiceField(["draft", "published", "withdrawn", "taken_down"])
    revision = serializers.IntegerField()
    edited_at = serializers.DateTimeField(allow_null=True)
    takedown_reason = serializers.CharField()


class TopicName(serializers.Serializer):
    """A topic of a note."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class NoteLabelAnswer(serializers.Serializer):
    """A label at (x, y) in 0..1."""

    x = serializers.FloatField()
    y = serializers.FloatField()
    text = serializers.CharField()
    target_kind = serializers.CharField(required=False)
    target_id = serializers.IntegerField(required=False)


class NoteMediaAnswer(serializers.Serializer):
    """A file of a note."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(["image", "video"])
    url = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    cover_crop = CropAnswer(allow_null=True)
    labels = NoteLabelAnswer(many=True)


class CardShop(serializers.Serializer):
    """The shop behind a card."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class NoteCard(serializers.Serializer):
    """A product card; `reason` is the code of what makes it unavailable."""

    product = serializers.IntegerField()
    title = serializers.CharField()
    image_url = serializers.CharField()
    price_fen = serializers.IntegerField(allow_null=True, help_text="cheapest active SKU")
    shop = CardShop()
    origin = serializers.ChoiceField(["own", "others"])
    available = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True)


class NoteAnswer(serializers.Serializer):
    """A note as it is read."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(["image", "video"])
    title = serializers.CharField()
    body = serializers.CharField()
    topics = TopicName(many=True)
    city_code = serializers.CharField()
    author = AuthorAnswer()
    cover = CoverAnswer(allow_null=True)
    media = NoteMediaAnswer(many=True)
    cards = NoteCard(many=True)
    has_products = serializers.BooleanField()
    ad_label = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(["draft", "published", "withdrawn", "taken_down"])
    takedown_reason = serializers.CharField()
    revision = serializers.IntegerField()
    published_at = serializers.DateTimeField(allow_null=True)
    edited_at = serializers.DateTimeField(allow_null=True)
    like_count = serializers.IntegerField()
    collect_count = serializers.IntegerField()
    comment_count = serializers.IntegerField()
    share_count = serializers.IntegerField()
    liked = serializers.BooleanField(help_text="by the caller")
    collected = serializers.BooleanField(help_text="by the caller")


class LiveItem(serializers.ModelSerializer):
    """A live session in a list."""

    host = AuthorAnswer()
    status = serializers.CharField(help_text="scheduled, live or ended")

    class Meta:
        model = LiveSession
        fields = ["id", "title", "status", "starts_at", "started_at", "ended_at", "host"]
        read_only_fields = fields


class LiveRoom(serializers.Serializer):
    """A live session with the goods it shows, the pinned one first."""

    id = serializers.IntegerField()
    title = serializers.CharField()
    status = serializers.CharField(help_text="scheduled, live or ended")
    starts_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    host = AuthorAnswer()
    cards = NoteCard(many=True)


class BlockingReason(serializers.Serializer):
    """What would stop the publication."""

    code = serializers.CharField()
    detail = serializers.CharField()


class NotePreview(NoteAnswer):
    """A note as it would be read, and what would stop its publication."""

    blocking = BlockingReason(many=True)


class RankingInputs(serializers.Serializer):
    """Acts of distinct accounts other than the author; or the weights of them."""

    like = serializers.IntegerField()
    collect = serializers.IntegerField()
    comment = serializers.IntegerField()
    share = serializers.IntegerField()
    follow = serializers.IntegerField()


class NoteRanking(serializers.Serializer):
    """Why a note stands where it stands; docs/api/notes.md has the formula."""

    version = serializers.CharField()
    inputs = RankingInputs()
    weights = RankingInputs()
    engagement = serializers.IntegerField()
    quality = serializers.FloatField()
    published_at = serializers.DateTimeField(allow_null=True)
    epoch = serializers.DateTimeField()
    seconds = serializers.IntegerField()
    score = serializers.FloatField()
    stored_score = serializers.FloatField(help_text="what feeds order by until the next ranking")


class CardAttached(serializers.ModelSerializer):
    """A card that was put into a note."""

    product = serializers.IntegerField(source="product_id")

    class Meta:
        model = NoteProduct
        fields = ["product", "origin", "position"]
        read_only_fields = fields


class EmbeddableProduct(serializers.Serializer):
    """A product that the account may show in a note, or why not."""

    product = serializers.IntegerField()
    title = serializers.CharField()
    image_url = serializers.CharField()
    price_fen = serializers.IntegerField(allow_null=True)
    shop = CardShop()
    origin = serializers.ChoiceField(["own", "others"])
    eligible = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True)


class GoodsNoteApplicationAnswer(serializers.ModelSerializer):
    """An application to show others' goods."""

    class Meta:
        model = GoodsNoteApplication
        fields = ["id", "status", "follower_count_at_apply", "reason", "submitted_at", "decided_at"]
        read_only_fields = fields


class TopicAnswer(serializers.ModelSerializer):
    """A topic; `participants` of the last 7 days where the list is sorted by it."""

    # Not read_only: the schema calls every read-only field present, and this one may be absent.
    participants = serializers.IntegerField(required=False)

    class Meta:
        model = Topic
        fields = ["id", "name", "note_count", "participants"]
        read_only_fields = fields


class CommentReply(serializers.Serializer):
    """An answer to a comment."""

    id = serializers.IntegerField()
    text = serializers.CharField()
    at = serializers.DateTimeField()
    author = AuthorAnswer()


class CommentAnswer(CommentReply):
    """A comment with its first three answers."""

    parent_id = serializers.IntegerField(allow_null=True)
    answer_count = serializers.IntegerField()
    answers = CommentReply(many=True)


class FollowedAccount(AuthorAnswer):
    """An account in a list of follows."""

    follower_count = serializers.IntegerField()
    followed_at = serializers.DateTimeField()
