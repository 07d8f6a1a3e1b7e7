"""JSON out: msgspec's encoder behind DRF's negotiation."""

from typing import Any

import msgspec
from django.utils.functional import Promise
from rest_framework.renderers import BaseRenderer


class Ready(bytes):
    """A JSON document that SQL or msgspec has already encoded; rendered as it is."""


def _more(value: Any) -> Any:
    if isinstance(value, Promise):
        return str(value)
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, str):  # an ErrorDetail, a SafeString
        return str.__str__(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


_encoder = msgspec.json.Encoder(enc_hook=_more, decimal_format="string")


def encode(value: Any) -> bytes:
    """The JSON text of a value: UTF-8, compact, times in ISO 8601."""
    return _encoder.encode(value)


class JSON(BaseRenderer):
    """application/json."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, *_: Any, **__: Any) -> bytes:
        """The body's bytes; empty for no data."""
        if data is None:
            return b""
        return bytes(data) if isinstance(data, Ready) else encode(data)
