"""Who a payee is to the tax office: real name and identity number, sealed, shown masked."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction

from backend.accounts.models import Account
from backend.core import audit, sealing
from backend.core.errors import Invalid, NotAllowed, NotFound, Refusal
from commissions.models import TaxIdentity
from commissions.names import clean_name

UNMASK = "commissions.unmask_taxidentity"


class BadIdentity(Invalid):
    """The number is no identity card's: length, district, birthday or check digit."""

    code = "bad_tax_identity"
    title = "The identity number is not valid"


class IdentityTaken(Refusal):
    """The number belongs to another account: a person's tax is computed once, over all payments."""

    code = "tax_identity_taken"
    status = 409
    title = "This identity belongs to another account"


@dataclass(frozen=True, slots=True)
class Clear:
    """A taxpayer in clear; never logged (no repr), never stored."""

    real_name: str = field(repr=False)
    number: str = field(repr=False)


def identify(*, account: Account, real_name: str, number: str, at: datetime) -> TaxIdentity:
    """Says who the account's person is; the identity before is no longer active. The same name
    and number again change nothing.

    :raises BadIdentity: no identity card's number (GB 11643).
    :raises BadHolderName: no person's name.
    :raises IdentityTaken: it is another account's.
    """
    name, digits = clean_name(real_name, "real_name"), _checked(number)
    prints = sealing.fingerprints(digits)
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True, of=("self",)).get(pk=account.pk)
        old = identity_of(account)
        if old and old.fingerprint in prints and clear(old).real_name == name:
            return old
        taken = TaxIdentity.objects.filter(fingerprint__in=prints, is_active=True)
        if taken.exclude(account=account).exists():
            raise IdentityTaken()
        TaxIdentity.objects.filter(account=account, is_active=True).update(is_active=False)
        try:
            with transaction.atomic():
                return TaxIdentity.objects.create(
                    account=account,
                    real_name_sealed=sealing.seal(name),
                    number_sealed=sealing.seal(digits),
                    number_masked=f"{digits[:3]}***********{digits[-4:]}",
                    fingerprint=prints[0],
                    created_at=at,
                )
        except IntegrityError as error:  # somebody else said so at the same moment
            raise IdentityTaken() from error


def _checked(number: str) -> str:
    from stdnum.cn import ric  # its list of districts is read once

    digits = number.replace(" ", "").upper()
    # The library takes full-width digits for digits.
    if not digits.isascii() or not ric.is_valid(digits):
        raise BadIdentity(fields={"number": ["Not the number of an identity card."]})
    return digits


def identity_of(account: Account) -> TaxIdentity | None:
    """The account's active identity."""
    return TaxIdentity.objects.filter(account=account, is_active=True).first()


def clear(identity: TaxIdentity) -> Clear:
    """Name and number in clear, for filings and comparisons alone; people go through `unmask`."""
    return Clear(sealing.unseal(identity.real_name_sealed), sealing.unseal(identity.number_sealed))


def fingerprints_of(identity: TaxIdentity) -> list[str]:
    """Under which fingerprints this person's identities are kept, on whatever account: the one of
    the row, and those of every key that is known, as a rotation leaves rows of both behind."""
    known = sealing.fingerprints(sealing.unseal(identity.number_sealed))
    return sorted({identity.fingerprint, *known})


def unmask(*, identity_id: int, by: Account, reason: str, at: datetime) -> Clear:
    """Shows a member of staff a taxpayer in clear; every look is an audit row.

    :raises NotAllowed: `by` lacks commissions.unmask_taxidentity.
    :raises Invalid: no reason given.
    :raises NotFound: no such identity.
    """
    identity, why = _for_staff(identity_id, by, reason)
    with transaction.atomic():
        audit.note(actor=by, action="tax_identity.unmask", target=identity, at=at, reason=why)
        return clear(identity)


def retire(*, identity_id: int, by: Account, reason: str, at: datetime) -> TaxIdentity:
    """Takes an identity out of use, so that its real owner may give it: somebody had used another
    person's number. What was withheld under it stays.

    :raises NotAllowed: `by` lacks commissions.unmask_taxidentity.
    :raises Invalid: no reason given.
    :raises NotFound: no such identity in use.
    """
    identity, why = _for_staff(identity_id, by, reason)
    with transaction.atomic():
        used = TaxIdentity.objects.filter(pk=identity.pk, is_active=True)
        if not used.update(is_active=False):
            raise NotFound()
        audit.note(actor=by, action="tax_identity.retire", target=identity, at=at, reason=why)
    identity.refresh_from_db()
    return identity


def _for_staff(identity_id: int, by: Account, reason: str) -> tuple[TaxIdentity, str]:
    if not by.has_perm(UNMASK):
        raise NotAllowed("Seeing taxpayers in clear needs its own permission.")
    if not reason.strip():
        raise Invalid("Say why.", fields={"reason": ["Say why."]})
    identity = TaxIdentity.objects.filter(pk=identity_id).first()
    if identity is None:
        raise NotFound()
    return identity, reason.strip()[:300]


def reseal(*, after_id: int = 0, batch: int = 500) -> int:
    """Seals the next rows after `after_id` under the newest key; returns the last id done, 0 at
    the end (`manage.py reseal`)."""
    with transaction.atomic():
        rows = list(
            TaxIdentity.objects.select_for_update(no_key=True, of=("self",))
            .filter(pk__gt=after_id)
            .order_by("pk")[:batch]
        )
        for row in rows:
            number = sealing.unseal(row.number_sealed)
            row.real_name_sealed = sealing.reseal(row.real_name_sealed)
            row.number_sealed = sealing.seal(number)
            row.fingerprint = sealing.fingerprint(number)
        TaxIdentity.objects.bulk_update(rows, ["real_name_sealed", "number_sealed", "fingerprint"])
    return rows[-1].pk if rows else 0
