"""What the doors of leaderboards and bounties read and answer."""

from datetime import date

from rest_framework import serializers

from backend.rest.fields import Day, Fen, Integer, QueryInteger, Strict, Text
from commissions.bounties import RECRUITING
from commissions.leaderboards import FIGURES, PERIODS
from commissions.models import Bounty, BountyAward


class LeaderboardQuery(Strict):
    """Query of GET /v1/leaderboard."""

    period = serializers.ChoiceField(choices=PERIODS, required=False)
    day = Day(required=False)
    by = serializers.ChoiceField(choices=FIGURES, required=False)
    shop = QueryInteger(required=False, min_value=1, max_value=2**63 - 1)

    def validate_day(self, day: date) -> date:
        """A day of a calendar that goes on before and after it.

        :raises ValidationError: before 2000, or after 2999.
        """
        if not 2000 <= day.year <= 2999:
            raise serializers.ValidationError("Must be in the years 2000 to 2999.")
        return day


class LeaderboardPlace(serializers.Serializer):
    """One place; equal amounts share a rank."""

    rank = serializers.IntegerField()
    name = serializers.CharField()
    fen = serializers.IntegerField()
    orders = serializers.IntegerField()
    is_me = serializers.BooleanField()


class LeaderboardMine(serializers.Serializer):
    """The caller's own place."""

    rank = serializers.IntegerField()
    fen = serializers.IntegerField()
    orders = serializers.IntegerField()


class LeaderboardAnswer(serializers.Serializer):
    """The first 50 of business days [from, to), names masked."""

    by = serializers.ChoiceField(choices=FIGURES)
    to = serializers.DateField()
    places = LeaderboardPlace(many=True)
    me = LeaderboardMine(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field]:
        """With `from`, which Python keeps for itself."""
        return {"from": serializers.DateField(), **super().get_fields()}


class BountyFields(Strict):
    """POST /v1/shops/{id}/bounties. Goals that pay for recruiting are named to be refused."""

    title = Text(max_length=60)
    goal = serializers.ChoiceField(choices=[*Bounty.Goal.values, *RECRUITING])
    target = Integer(min_value=1, max_value=10**12)
    reward_fen = Fen(min_value=1)
    budget_fen = Fen(min_value=1)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    hold_days = Integer(min_value=0, max_value=365, required=False, default=15)


class BountyAnswer(serializers.Serializer):
    """A bounty; `reached` and `award` are the caller's own, in orders or fen."""

    id = serializers.IntegerField()
    title = serializers.CharField()
    shop = serializers.CharField(allow_null=True)
    goal = serializers.ChoiceField(choices=Bounty.Goal.choices)
    target = serializers.IntegerField()
    reward_fen = serializers.IntegerField()
    budget_fen = serializers.IntegerField()
    left_fen = serializers.IntegerField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    hold_days = serializers.IntegerField()
    status = serializers.ChoiceField(choices=Bounty.Status.choices)
    reached = serializers.IntegerField()
    award = serializers.ChoiceField(choices=[("", ""), *BountyAward.Status.choices])
