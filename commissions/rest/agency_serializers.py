"""What the doors of agencies read and answer."""

from rest_framework import serializers

from backend.rest.fields import Bps, Flag, Strict, Text


class AgencyFields(Strict):
    """POST /v1/agencies."""

    name = Text(max_length=40)
    share_bps = Bps(help_text="of the members' part")


class AgencyShareFields(Strict):
    """PUT /v1/me/agency/share."""

    share_bps = Bps(help_text="of the members' part")


class AgencyShareAnswer(serializers.Serializer):
    """What the agency takes from when on."""

    share_bps = serializers.IntegerField()
    from_at = serializers.DateTimeField()


class AgencyShown(serializers.Serializer):
    """An agency as its owner and its members see it."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    owner = serializers.CharField(help_text="handle")
    status = serializers.CharField()
    share_bps = serializers.IntegerField(help_text="of the members' part, now")
    next_share_bps = serializers.IntegerField(allow_null=True)
    next_share_at = serializers.DateTimeField(allow_null=True)


class MembershipAnswer(serializers.Serializer):
    """The agency that somebody is a member of."""

    agency = AgencyShown()
    since = serializers.DateTimeField()


class AgencyAnswer(AgencyShown):
    """The caller's own agency, and the one above it."""

    upper = MembershipAnswer(allow_null=True)


class InvitationFields(Strict):
    """POST /v1/me/agency/invitations."""

    handle = Text(max_length=30, help_text="of a promoter, or of another agency's owner")
    as_agency = Flag(required=False, default=False)


class Consent(Strict):
    """POST /v1/me/agency-invitations/{id}/accept: the share that is agreed to."""

    share_bps = Bps(help_text="what the invitation says")


class InvitationAnswer(serializers.Serializer):
    """An invitation, with what the agency takes now."""

    id = serializers.IntegerField()
    agency = serializers.CharField(help_text="name")
    owner = serializers.CharField(help_text="handle")
    invited = serializers.CharField(help_text="handle")
    as_agency = serializers.BooleanField()
    share_bps = serializers.IntegerField()
    status = serializers.CharField()
    invited_at = serializers.DateTimeField()
    answered_at = serializers.DateTimeField(allow_null=True)


class MemberAnswer(serializers.Serializer):
    """A member, and what the membership came to in the 30 days before `as_of`, in fen."""

    id = serializers.IntegerField(help_text="of the membership")
    kind = serializers.CharField(help_text="promoter or agency")
    handle = serializers.CharField()
    name = serializers.CharField()
    since = serializers.DateTimeField()
    lines = serializers.IntegerField()
    gmv_fen = serializers.IntegerField()
    gross_fen = serializers.IntegerField(help_text="the member's part")
    passed_on_fen = serializers.IntegerField(help_text="of the part, to the agency and above")
    kept_fen = serializers.IntegerField()
    as_of = serializers.DateTimeField(allow_null=True)
