"""Payees' accounts 收款账户: where a person's money goes. Sealed at rest, shown masked."""

import re
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import transaction

from backend.accounts.models import Account
from backend.core import audit, sealing
from backend.core.errors import Invalid, NotAllowed, NotFound
from commissions.models import PayeeAccount
from commissions.names import clean_name
from commissions.providers import CHANNELS

Provider = PayeeAccount.Provider
MOST = 100
UNMASK = "commissions.unmask_payeeaccount"


class BadAccountNumber(Invalid):
    """The number cannot be an account of this provider: its length, form or check digit."""

    code = "bad_account_number"
    title = "The account number is not valid"


class ProviderClosed(Invalid):
    """Nobody is paid through this provider here: the sandbox in production, or a channel that is
    not set up."""

    code = "provider_closed"
    title = "This provider is not open"


@dataclass(frozen=True, slots=True)
class Clear:
    """A payee's name and number in clear; never logged (no repr), never stored."""

    holder_name: str = field(repr=False)
    number: str = field(repr=False)


def add(
    *, account: Account, provider: str, holder_name: str, number: str, at: datetime
) -> PayeeAccount:
    """The account's new payee account; the one before it is no longer active. Payouts on their
    way keep the one they were requested with. The same name and number again change nothing.

    :raises BadHolderName: no person's name.
    :raises BadAccountNumber: wrong length, form or check digit.
    :raises ProviderClosed: the sandbox in production, a channel that is not set up.
    """
    holder_name = clean_name(holder_name)
    digits = _checked(provider, number)
    prints = sealing.fingerprints(f"{provider}\n{digits}")
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True, of=("self",)).get(pk=account.pk)
        old = PayeeAccount.objects.filter(account=account, is_active=True).first()
        if old and old.fingerprint in prints and clear(old).holder_name == holder_name:
            return old
        PayeeAccount.objects.filter(account=account, is_active=True).update(is_active=False)
        return PayeeAccount.objects.create(
            account=account,
            provider=provider,
            holder_name_sealed=sealing.seal(holder_name),
            number_sealed=sealing.seal(digits),
            number_masked=_masked(digits),
            fingerprint=prints[0],
            created_at=at,
        )


def open_providers() -> list[str]:
    """Through whom people are paid here: the bank's file, and the channels that are set up."""
    channels = [name for name in CHANNELS if name != Provider.SANDBOX or not settings.PRODUCTION]
    return [Provider.BANK_FILE, *channels]


def _checked(provider: str, number: str) -> str:
    """The number as its provider writes it."""
    if provider not in open_providers():
        raise ProviderClosed(fields={"provider": ["Nobody is paid through it here."]})
    if provider == Provider.WECHAT:
        return _fits(number.strip(), _OPENID, "An openid: 28 letters, digits, _ and -.")
    if provider == Provider.ALIPAY:
        return _fits(number.strip(), _ALIPAY, "A phone, an e-mail address, or a 2088 number.")
    return _digits(provider, number)


# WeChat's openid of this merchant's app; Alipay's login (phone or e-mail) or its user's number.
_OPENID = re.compile(r"[A-Za-z0-9_-]{28}")
_ALIPAY = re.compile(
    r"1[3-9][0-9]{9}|2088[0-9]{12}"
    r"|[A-Za-z0-9][A-Za-z0-9._+-]{0,63}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.)+[A-Za-z]{2,24}"
)


def _fits(number: str, form: re.Pattern[str], words: str) -> str:
    if len(number) > MOST or not form.fullmatch(number):
        raise BadAccountNumber(fields={"number": [words]})
    return number


def _digits(provider: str, number: str) -> str:
    """The number's digits, spaces and dashes between them dropped."""
    digits = number.replace(" ", "").replace("-", "")
    card = provider == Provider.BANK_FILE
    low, high = (12, 19) if card else (4, 19)
    if not (digits.isascii() and digits.isdigit() and low <= len(digits) <= high):
        raise BadAccountNumber(fields={"number": [f"Must be {low} to {high} digits."]})
    from stdnum import luhn  # 30 ms of every start: it reads its own documentation

    if card and not luhn.is_valid(digits):
        raise BadAccountNumber(fields={"number": ["The check digit is wrong."]})
    return digits


def _masked(number: str) -> str:
    """What is shown of a number: the last four, of an e-mail address its first letter and host."""
    name, at_sign, host = number.partition("@")
    return f"{name[:1]}***@{host}"[:40] if at_sign else f"**** {number[-4:]}"


def remove(*, account: Account, payee_id: int) -> None:
    """Takes a payee account out of use; payouts on their way keep it.

    :raises NotFound: not an active payee account of this account.
    """
    done = PayeeAccount.objects.filter(account=account, pk=payee_id, is_active=True).update(
        is_active=False
    )
    if not done:
        raise NotFound()


def clear(payee: PayeeAccount) -> Clear:
    """Name and number in clear, for the channel alone; people go through `unmask`."""
    return Clear(sealing.unseal(payee.holder_name_sealed), sealing.unseal(payee.number_sealed))


def readable(payee: PayeeAccount) -> Clear | None:
    """As `clear`; None where no key of FIELD_KEYS opens it."""
    try:
        return clear(payee)
    except sealing.SealBroken:
        return None


def masked_name(payee: PayeeAccount) -> str:
    """The holder's name as it is shown: 李小鱼 → 李**."""
    name = sealing.unseal(payee.holder_name_sealed)
    return name[:1] + "*" * max(1, len(name) - 1)


def unmask(*, payee_id: int, by: Account, reason: str, at: datetime) -> Clear:
    """Shows a member of staff a payee's name and number; every look is an audit row.

    :raises NotAllowed: `by` lacks commissions.unmask_payeeaccount.
    :raises Invalid: no reason given.
    :raises NotFound: no such payee account.
    """
    if not by.has_perm(UNMASK):
        raise NotAllowed("Seeing payees in clear needs its own permission.")
    if not reason.strip():
        raise Invalid("Say why.", fields={"reason": ["Say why."]})
    with transaction.atomic():
        payee = PayeeAccount.objects.filter(pk=payee_id).first()
        if payee is None:
            raise NotFound()
        audit.note(actor=by, action="payee.unmask", target=payee, at=at, reason=reason.strip())
        return clear(payee)


def reseal(*, after_id: int = 0, batch: int = 500) -> int:
    """Seals the next rows after `after_id` under the newest key, fingerprints too; returns the
    last id done, 0 at the end. `manage.py reseal` calls it after a key was added."""
    with transaction.atomic():
        rows = list(
            PayeeAccount.objects.select_for_update(no_key=True, of=("self",))
            .filter(pk__gt=after_id)
            .order_by("pk")[:batch]
        )
        for row in rows:
            number = sealing.unseal(row.number_sealed)
            row.holder_name_sealed = sealing.reseal(row.holder_name_sealed)
            row.number_sealed = sealing.reseal(row.number_sealed)
            row.fingerprint = sealing.fingerprint(f"{row.provider}\n{number}")
        PayeeAccount.objects.bulk_update(
            rows, ["holder_name_sealed", "number_sealed", "fingerprint"]
        )
    return rows[-1].pk if rows else 0
