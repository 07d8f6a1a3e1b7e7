"""An account's own profile, addresses and capabilities."""

from collections.abc import Callable
from typing import Any

from django.db import transaction

from backend.accounts.models import Account, Address
from backend.core.errors import NotFound, Refusal

MAX_ADDRESSES = 20
Capability = Callable[[Account], list[str]]
_capabilities: list[Capability] = []


class TooManyAddresses(Refusal):
    """An account keeps at most 20 addresses."""

    code = "too_many_addresses"
    status = 409
    title = "An account keeps at most 20 addresses"


def tell_capabilities(source: Capability) -> None:
    """Registers a room's answer to "what may this account do": rooms above say it, accounts
    know none of them."""
    if source not in _capabilities:
        _capabilities.append(source)


def capabilities(account: Account) -> list[str]:
    """The capabilities of an account: author, shop, goods_notes, tuike (A2)."""
    found = ["author"]
    for source in _capabilities:
        found += source(account)
    return found


def change(*, account: Account, changes: dict[str, Any]) -> Account:
    """Changes profile fields of an account."""
    for name, value in changes.items():
        setattr(account, name, value)
    if changes:
        account.save(update_fields=list(changes))
    return account


def add_address(*, account: Account, fields: dict[str, Any]) -> Address:
    """A new address; the first one is the default.

    :raises TooManyAddresses: the account keeps 20 already.
    """
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True, of=("self",)).get(pk=account.pk)
        count = Address.objects.filter(account=account).count()
        if count >= MAX_ADDRESSES:
            raise TooManyAddresses()
        wanted = fields.get("is_default") or count == 0
        if wanted:
            Address.objects.filter(account=account, is_default=True).update(is_default=False)
        return Address.objects.create(account=account, **{**fields, "is_default": wanted})


def remove_address(*, account: Account, address_id: int) -> None:
    """Deletes an address; orders keep their own copy.

    :raises NotFound: not an address of this account.
    """
    deleted, _ = Address.objects.filter(account=account, pk=address_id).delete()
    if not deleted:
        raise NotFound()
