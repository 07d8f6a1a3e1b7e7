"""Fields of notes' doors."""

from typing import Any

from rest_framework import serializers


class Share(serializers.FloatField):
    """A JSON number from 0 to 1: a place in a picture. No text, no true."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=1, **kwargs)

    def to_internal_value(self, data: Any) -> float:
        """The number.

        :raises ValidationError: anything but a JSON number.
        """
        if isinstance(data, bool) or not isinstance(data, int | float):
            raise serializers.ValidationError("Must be a number.", code="invalid")
        return float(data)
