"""Serializer fields that refuse what DRF's own let through."""

import re
from datetime import UTC, date, datetime
from typing import Any

from rest_framework import serializers

from backend.core import texts
from backend.core.money import BPS, MAX_FEN

# So many unknown names are told back, of however many were sent.
NAMED = 100
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    r"2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


class Text(serializers.CharField):
    """Text of people: NFC, no invisible or direction-changing characters, and something to see
    unless blank is allowed."""

    def to_internal_value(self, data: Any) -> str:
        """The cleaned text.

        :raises ValidationError: not text, or a forbidden character.
        """
        if not isinstance(data, str):
            raise serializers.ValidationError("Must be text.", code="invalid")
        why = texts.problem_of(data)
        if why:
            raise serializers.ValidationError(why, code="forbidden_character")
        value = texts.clean(super().to_internal_value(data))
        if not texts.is_blank(value):
            return value
        if not self.allow_blank:
            raise serializers.ValidationError("May not be blank.", code="blank")
        return ""


class Plain(serializers.CharField):
    """A JSON text as it stands, for what people do not read: a password, a code."""

    def to_internal_value(self, data: Any) -> str:
        """The text.

        :raises ValidationError: no text; DRF's own would take a number for its digits.
        """
        if not isinstance(data, str):
            raise serializers.ValidationError("Must be text.", code="invalid")
        return str(super().to_internal_value(data))


class Pattern(Plain, serializers.RegexField):
    """A JSON text of a certain form."""


class Flag(serializers.BooleanField):
    """A JSON true or false: no 'yes', no 1."""

    def to_internal_value(self, data: Any) -> bool:
        """The boolean.

        :raises ValidationError: anything but true and false.
        """
        if not isinstance(data, bool):
            raise serializers.ValidationError("Must be true or false.", code="invalid")
        return data


class Day(serializers.DateField):
    """A day as 2026-11-22: not as 20261122, as a week's day, or in full-width digits."""

    def to_internal_value(self, data: Any) -> date:
        """The day.

        :raises ValidationError: another form, or no day of the calendar.
        """
        if not isinstance(data, str) or not _DAY.fullmatch(data):
            raise serializers.ValidationError("Must be a day: YYYY-MM-DD.", code="invalid")
        return super().to_internal_value(data)


class Instant(serializers.DateTimeField):
    """An instant as 2026-11-22T12:00:00+08:00 or …Z, of the years 2000 to 2999: never without its
    offset, for nobody can know the zone that was meant."""

    def to_internal_value(self, data: Any) -> datetime:
        """The instant, in UTC.

        :raises ValidationError: another form, or no instant of the calendar.
        """
        said = "Must be an instant with its offset: YYYY-MM-DDThh:mm:ss+hh:mm."
        if not isinstance(data, str) or not _INSTANT.fullmatch(data):
            raise serializers.ValidationError(said, code="invalid")
        try:
            return datetime.fromisoformat(data).astimezone(UTC)
        except ValueError as error:
            raise serializers.ValidationError(said, code="invalid") from error


class Integer(serializers.IntegerField):
    """A JSON integer: no '1.0', no '１', no true."""

    def to_internal_value(self, data: Any) -> int:
        """The integer.

        :raises ValidationError: anything but a JSON integer.
        """
        if isinstance(data, bool) or not isinstance(data, int):
            raise serializers.ValidationError("Must be an integer.", code="invalid")
        return data


class Fen(Integer):
    """An amount in fen, 0 to 10^12."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("min_value", 0)
        kwargs.setdefault("max_value", MAX_FEN)
        super().__init__(**kwargs)


class Bps(Integer):
    """A rate in basis points, 0 to 10,000."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("min_value", 0)
        kwargs.setdefault("max_value", BPS)
        super().__init__(**kwargs)


class Id(Integer):
    """A row's id: 1 to 2^63 - 1."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("min_value", 1)
        kwargs.setdefault("max_value", 2**63 - 1)
        super().__init__(**kwargs)


class QueryInteger(serializers.IntegerField):
    """An integer out of a query string: ASCII digits only."""

    def to_internal_value(self, data: Any) -> int:
        """The integer.

        :raises ValidationError: anything but ASCII digits with an optional minus.
        """
        text = str(data)
        if not text.isascii() or len(text) > 20 or not text.lstrip("-").isdigit():
            raise serializers.ValidationError("Must be an integer.", code="invalid")
        return int(super().to_internal_value(text))


class Listed(serializers.ListField):
    """A JSON list of at most `max_length` items. The length is looked at before the items: DRF
    looks afterwards, and says of each of 300,000 items what is wrong with it."""

    def to_internal_value(self, data: Any) -> list[Any]:
        """The validated items.

        :raises ValidationError: no list, too long, or what the items refuse.
        """
        most = self.max_length
        if isinstance(data, list) and most is not None and len(data) > most:
            raise serializers.ValidationError(f"At most {most}.", code="max_length")
        return list(super().to_internal_value(data))


class Strict(serializers.Serializer):
    """A serializer that refuses fields it does not know: a client that sends price_fen must be
    told that nobody listens, not be nodded at."""

    def to_internal_value(self, data: Any) -> Any:
        """The validated values.

        :raises ValidationError: an unknown field, or what the fields refuse.
        """
        if isinstance(data, dict):
            known = {name for name, field in self.fields.items() if not field.read_only}
            unknown = sorted(str(name) for name in data if name not in known)
            if unknown:
                raise serializers.ValidationError(
                    {name: ["This field is not accepted here."] for name in unknown[:NAMED]}
                )
        return super().to_internal_value(data)


class NoFields(Strict):
    """A body without fields: what a client sends to a door that reads nothing is refused."""
