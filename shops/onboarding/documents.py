"""Documents of an application: licences and certificates. An identity card's number is a person's:
sealed at rest, shown by its end, and seen in clear by who has the right, with a trace."""

from datetime import date, datetime

from django.db import transaction

from backend.accounts.models import Account
from backend.core import audit, sealing
from backend.core.clock import business_day
from backend.core.errors import Invalid, NotAllowed, NotFound
from shops.models import QualificationDocument, ShopApplication
from shops.onboarding.applications import own_editable
from shops.onboarding.refusals import DocumentExists, DocumentExpired, TooManyDocuments

MAX_DOCUMENTS = 20
UNMASK = "shops.unmask_qualificationdocument"
_SHOWN = 4


def add_document(
    *,
    account: Account,
    application_id: int,
    kind: str,
    number: str,
    valid_until: date | None = None,
    at: datetime,
) -> QualificationDocument:
    """A licence or certificate for a draft or rejected application; `valid_until` is its last
    valid business day.

    :raises NotFound: not an application of this account.
    :raises WrongState: it is submitted or approved.
    :raises DocumentExpired: the last valid day has passed.
    :raises DocumentExists: the application holds this kind and number.
    :raises TooManyDocuments: it holds 20.
    """
    if valid_until is not None and valid_until < business_day(at):
        raise DocumentExpired(fields={"valid_until": ["Has passed."]})
    personal = kind in QualificationDocument.PERSONAL
    prints = sealing.fingerprints(_said(kind, number))
    with transaction.atomic():
        application = own_editable(account, application_id)
        held = list(application.documents.values_list("fingerprint", flat=True))
        if set(held) & set(prints):
            raise DocumentExists(fields={"number": ["Held already."]})
        if len(held) >= MAX_DOCUMENTS:
            raise TooManyDocuments()
        return application.documents.create(
            kind=kind,
            number=masked(number) if personal else number,
            number_sealed=sealing.seal(number) if personal else b"",
            fingerprint=prints[0],
            valid_until=valid_until,
        )


def _said(kind: str, number: str) -> str:
    return f"{kind}\n{number}"


def masked(number: str) -> str:
    """A number as it is shown: 11010519491231002X → **** 002X; a short one not at all."""
    return f"**** {number[-_SHOWN:]}" if len(number) > 2 * _SHOWN else "****"


def unmask(*, application_id: int, by: Account, reason: str, at: datetime) -> list[tuple[str, str]]:
    """Shows a member of staff the personal numbers of an application: (kind, number) each. Every
    look is an audit row.

    :raises NotAllowed: `by` lacks shops.unmask_qualificationdocument.
    :raises Invalid: no reason given.
    :raises NotFound: no such application.
    """
    if not by.has_perm(UNMASK):
        raise NotAllowed("Seeing identity cards in clear needs its own permission.")
    if not reason.strip():
        raise Invalid("Say why.", fields={"reason": ["Say why."]})
    with transaction.atomic():
        application = ShopApplication.objects.filter(pk=application_id).first()
        if application is None:
            raise NotFound()
        audit.note(
            actor=by, action="document.unmask", target=application, at=at, reason=reason.strip()
        )
        personal = application.documents.filter(kind__in=QualificationDocument.PERSONAL)
        return [
            (row.get_kind_display(), sealing.unseal(row.number_sealed))
            for row in personal.order_by("pk")
        ]


def reseal(*, after_id: int = 0, batch: int = 500) -> int:
    """Seals the next rows after `after_id` under the newest key; returns the last id done, 0 at
    the end. A fingerprint of a number that is not sealed is made anew as well."""
    with transaction.atomic():
        rows = list(
            QualificationDocument.objects.select_for_update(no_key=True, of=("self",))
            .filter(pk__gt=after_id)
            .order_by("pk")[:batch]
        )
        for row in rows:
            number = sealing.unseal(row.number_sealed) if row.number_sealed else row.number
            if row.number_sealed:
                row.number_sealed = sealing.seal(number)
            row.fingerprint = sealing.fingerprint(_said(row.kind, number))
        QualificationDocument.objects.bulk_update(rows, ["number_sealed", "fingerprint"])
    return rows[-1].pk if rows else 0
