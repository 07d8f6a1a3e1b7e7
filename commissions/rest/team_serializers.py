"""What the doors of the tree of promoters read and answer."""

from rest_framework import serializers

from backend.rest.fields import Instant, Strict, Text
from commissions.models import ComplianceFinding


class InviterFields(Strict):
    """PUT /v1/me/tuike/inviter."""

    invite_code = Text(max_length=12)


class TeamQuery(Strict):
    """Query of GET /v1/me/team."""

    level = serializers.ChoiceField(choices=["1", "2"], required=False, default="1")


class TeamMember(serializers.Serializer):
    """Somebody of the caller's team, by a masked name."""

    id = serializers.IntegerField()
    name = serializers.CharField(help_text="the first character")
    status = serializers.CharField()
    joined_at = serializers.DateTimeField()
    invited = serializers.IntegerField(help_text="how many people they invited in turn")
    is_active = serializers.BooleanField(help_text="sold in the last 30 days")


class TeamLevel(serializers.Serializer):
    """One level of a team."""

    level = serializers.IntegerField()
    people = serializers.IntegerField()
    active = serializers.IntegerField(help_text="who sold in the period")
    lines = serializers.IntegerField()
    gmv_fen = serializers.IntegerField(help_text="less what was refunded")
    commission_fen = serializers.IntegerField(help_text="the people's own parts")


class TeamSummary(serializers.Serializer):
    """A team in numbers: of the `days` before `as_of`."""

    days = serializers.IntegerField()
    as_of = serializers.DateTimeField(allow_null=True)
    levels = TeamLevel(many=True)


class UplinesQuery(Strict):
    """Query of GET /v1/promoters/{id}/uplines."""

    at = Instant(required=False, help_text="of the tree; now where nothing is said")
    known_at = Instant(required=False, help_text="of our knowledge; now where nothing is said")


class Upline(serializers.Serializer):
    """Somebody above a promoter."""

    level = serializers.IntegerField(help_text="1 is the inviter")
    id = serializers.IntegerField()
    handle = serializers.CharField()
    display_name = serializers.CharField()
    status = serializers.CharField()


class UplinesAnswer(serializers.Serializer):
    """Who stood above a promoter at an instant, as it was known at another."""

    promoter = serializers.IntegerField()
    at = serializers.DateTimeField()
    known_at = serializers.DateTimeField()
    uplines = Upline(many=True)


class FindingAnswer(serializers.ModelSerializer):
    """A tree that reached what the law counts, with its root."""

    promoter = serializers.IntegerField(source="root_id", help_text="the root")
    handle = serializers.CharField(source="root.account.handle")

    class Meta:
        model = ComplianceFinding
        fields = ["id", "day", "promoter", "handle", "people", "levels", "reached", "recorded_at"]
        read_only_fields = fields
