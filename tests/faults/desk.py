"""The finance desk under a storm, as a process of its own: `python -m tests.faults.desk` prepares
and approves whatever is asked for, by two people, until it is ended; PostgreSQL may die."""

import os
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")

from backend import embedded


def look() -> None:
    """One round over what waits for somebody."""
    from backend.accounts.models import Account
    from backend.core.clock import now
    from backend.core.errors import WrongState
    from commissions import payouts
    from commissions.models import Payout

    maker, checker = (Account.objects.get(handle=handle) for handle in ("maker", "checker"))
    for status, act, by in (
        ("requested", payouts.prepare, maker),
        ("prepared", payouts.approve, checker),
    ):
        waiting = Payout.objects.filter(status=status).order_by("id")
        for number in waiting.values_list("number", flat=True)[:100]:
            try:
                act(number=number, by=by, at=now())
            except WrongState:
                continue  # decided by an attempt whose answer was lost


def main() -> None:
    """Looks four times a second."""
    from django.db import DatabaseError, InterfaceError, connection

    while True:
        try:
            look()
        except (DatabaseError, InterfaceError):
            connection.close()
        time.sleep(0.25)


if __name__ == "__main__":
    embedded.ensure()
    import django

    django.setup()
    main()
