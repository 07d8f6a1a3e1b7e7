"""Fields for the texts of shops: one line, and names with values."""

from typing import Any

from rest_framework import serializers

from backend.rest.fields import Text


class Line(Text):
    """Text of one line: a name, a code, a number."""

    def to_internal_value(self, data: Any) -> str:
        """The cleaned text.

        :raises ValidationError: a line end or tab, or what Text refuses.
        """
        value = super().to_internal_value(data)
        if "\n" in value or "\t" in value:
            raise serializers.ValidationError("Must be one line.", code="one_line")
        return value


class Labels(serializers.DictField):
    """{name: value} of short lines, such as {"颜色": "雾蓝"}; at most `most` of them."""

    def __init__(self, *, most: int, **kwargs: Any) -> None:
        self.most = most
        super().__init__(child=Line(max_length=60), **kwargs)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """The cleaned names and values.

        :raises ValidationError: too many, two names alike, or a name or value that is no line.
        """
        if isinstance(data, dict) and len(data) > self.most:
            raise serializers.ValidationError(f"At most {self.most}.", code="too_many")
        values = super().to_internal_value(data)
        name = Line(max_length=20)
        cleaned = {name.run_validation(key): value for key, value in values.items()}
        if len(cleaned) != len(values):
            raise serializers.ValidationError("Two names are alike.", code="alike")
        return cleaned
