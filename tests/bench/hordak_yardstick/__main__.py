"""`python -m tests.bench.hordak_yardstick prepare | each N | bulk N`: opens the accounts, or posts
the settlement of N order lines (four payees, pending to available: eight legs); prints seconds.

each: as hordak's own documentation writes a transaction, its legs by bulk_create. bulk: 500 order
lines in one database transaction, as far as bulk_create goes."""

import sys
import time
from typing import Any

import django

PAYEES, STEP = 300, 500


def prepare() -> None:
    """The tables of hordak and two accounts a payee."""
    from django.core.management import call_command
    from hordak.models import Account

    call_command("migrate", verbosity=0)
    with Account.objects.disable_mptt_updates():
        for number in range(PAYEES * 2):
            Account.objects.create(
                name=f"account {number}",
                code=f"{number:04d}",
                type="LI",
                currencies=["CNY"],
                lft=1,
                rght=2,
                tree_id=number + 1,
                level=0,
            )
    Account.objects.rebuild()


def legs_of(transaction: Any, number: int, ids: list[int]) -> list[Any]:
    """One order line's settlement: promoter, inviter, platform, charity."""
    from hordak.models import Leg
    from moneyed import Money

    made = []
    payees = (number % (PAYEES - 2) + 2, (number * 7) % (PAYEES - 2) + 2, 0, 1)
    for payee, fen in zip(payees, (2_400, 600, 495, 5), strict=True):
        amount = Money(fen, "CNY") / 100
        made.append(Leg(transaction=transaction, account_id=ids[payee * 2], debit=amount))
        made.append(Leg(transaction=transaction, account_id=ids[payee * 2 + 1], credit=amount))
    return made


def each(lines: int, ids: list[int]) -> None:
    """One database transaction an order line."""
    from django.db import transaction as database
    from hordak.models import Leg, Transaction

    for number in range(lines):
        with database.atomic():
            made = Transaction.objects.create(description=f"line {number}")
            Leg.objects.bulk_create(legs_of(made, number, ids))


def bulk(lines: int, ids: list[int]) -> None:
    """500 order lines in one database transaction."""
    from django.db import transaction as database
    from hordak.models import Leg, Transaction

    for start in range(0, lines, STEP):
        with database.atomic():
            made = Transaction.objects.bulk_create(
                [Transaction(description=f"line {start + n}") for n in range(STEP)]
            )
            Leg.objects.bulk_create(
                leg for n, one in enumerate(made) for leg in legs_of(one, start + n, ids)
            )


def main() -> None:
    """Does what it is told and prints seconds."""
    django.setup()
    if sys.argv[1] == "prepare":
        prepare()
        return
    from hordak.models import Account

    ids = list(Account.objects.order_by("id").values_list("id", flat=True))
    way, lines = {"each": each, "bulk": bulk}[sys.argv[1]], int(sys.argv[2])
    began = time.perf_counter()
    way(lines, ids)
    sys.stdout.write(f"{time.perf_counter() - began}\n")


main()
