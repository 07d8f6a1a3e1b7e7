"""What parts of a line mean in the books."""

from collections.abc import Iterable

from commissions import split
from commissions.ledger import AccountKey, Kind, Owner


def legs_of(
    shop_id: int, amounts: Iterable[tuple[str, int | None, int]], kind: str
) -> list[tuple[AccountKey, int]]:
    """The legs of parts (role, payee, fen): the payees' `kind` accounts are credited, the shop's
    payable is debited; what goes back to the shop never leaves it."""
    legs, total, seen = [], 0, set[int]()
    for role, payee, fen in amounts:
        if role == split.SHOP:
            continue
        total += fen
        key = _account(role, payee, kind)
        if payee is None or payee not in seen:
            legs.append((key, fen))
        else:
            # An agency's owner who invited the member as well: a journal touches an account once.
            place = next(place for place, (known, _) in enumerate(legs) if known == key)
            legs[place] = (key, legs[place][1] + fen)
        if payee is not None:
            seen.add(payee)
    legs.append((AccountKey(Owner.SHOP.value, shop_id, Kind.PAYABLE.value), -total))
    return legs


def _account(role: str, payee: int | None, kind: str) -> AccountKey:
    if role in _HOUSE:
        return AccountKey(_HOUSE[role], 0, kind)
    assert payee is not None, f"a {role} without an account"
    return AccountKey(Owner.PERSON.value, payee, kind)


_HOUSE = {split.PLATFORM: Owner.PLATFORM.value, split.CHARITY: Owner.CHARITY.value}
