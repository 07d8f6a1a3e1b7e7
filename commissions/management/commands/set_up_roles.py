"""manage.py set_up_roles: the staff's groups."""

from typing import Any

from django.core.management.base import BaseCommand

from commissions import roles


class Command(BaseCommand):
    """Makes the groups payout_maker, payout_approver and support_readonly; run it after migrate."""

    help = "Makes the groups payout_maker, payout_approver and support_readonly."

    def handle(self, *args: Any, **options: Any) -> None:
        """Says which groups there are now."""
        self.stdout.write("Groups: " + ", ".join(roles.set_up_roles()))
