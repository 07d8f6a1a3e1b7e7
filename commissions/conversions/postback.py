"""Postbacks: a partner's server tells one conversion, signed (Standard Webhooks)."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from backend.core import sealing, webhooks
from backend.core.errors import NotFound, Refusal
from backend.core.sql import value
from commissions.conversions import reading
from commissions.conversions.sources import SourceClosed
from commissions.conversions.taking import take
from commissions.conversions.verdicts import Verdict
from commissions.models import ConversionNotice, ConversionSource

MAX_BYTES = reading.LONGEST


class PostbackForged(Refusal):
    """A header is missing, the stamp is more than five minutes away, or the signature is not the
    source's."""

    code = "postback_forged"
    status = 401
    title = "The postback's signature does not fit"


class PostbackUnreadable(Refusal):
    """Signed, but not a JSON object of 16 KiB at most."""

    code = "malformed"
    status = 400
    title = "The postback cannot be read"


class MalformedConversion(Refusal):
    """Signed, but not a conversion: a column is missing, unknown or of another form."""

    code = "malformed_conversion"
    status = 422
    title = "The conversion cannot be read"


_CLAIM = """
INSERT INTO commissions_conversionnotice (source_id, notice_id, verdict, received_at)
VALUES (%s, %s, '', %s) ON CONFLICT (source_id, notice_id) DO NOTHING RETURNING id
"""


def take_postback(
    *, source_id: int, headers: Mapping[str, str], body: bytes, at: datetime
) -> Verdict:
    """Takes one signed conversion and says what became of it. The same notice again changes
    nothing and is answered as before.

    :raises NotFound: no such source.
    :raises PostbackForged: forged, or older than five minutes.
    :raises SourceClosed: the source takes nothing for now.
    :raises PostbackUnreadable: signed, but no JSON object.
    :raises MalformedConversion: signed, but no conversion; nothing is kept, a mended body may
        follow under the same id.
    """
    source = ConversionSource.objects.filter(pk=source_id).first()
    if source is None:
        raise NotFound()
    secret = sealing.unseal(source.secret_sealed)
    try:
        notice_id = webhooks.verified(headers, body=body, secret=secret, at=at)
    except webhooks.Forged as error:
        raise PostbackForged(str(error)) from error
    if not source.is_active:
        raise SourceClosed()
    told = reading.json_object(body) if len(body) <= MAX_BYTES else None
    if told is None:
        raise PostbackUnreadable()
    row = reading.row_of(told)
    if row is None:
        raise MalformedConversion()
    with transaction.atomic():
        claimed = value(_CLAIM, [source.pk, notice_id, at])
        if claimed is None:
            kept = ConversionNotice.objects.get(source=source, notice_id=notice_id)
            return Verdict(kept.verdict)
        verdict = take(source=source, told=[row], at=at)[0]
        ConversionNotice.objects.filter(pk=claimed).update(verdict=verdict)
    return verdict
