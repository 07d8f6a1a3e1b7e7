"""Accounts as a Django app."""

from django.apps import AppConfig
from django.core import checks


class AccountsConfig(AppConfig):
    name = "backend.accounts"
    label = "accounts"
    verbose_name = "Accounts 账号"

    def ready(self) -> None:
        """Tells the kernel who knows about second factors, and Django what to check."""
        from backend.accounts import proof  # models are loaded only now
        from backend.accounts.checks import second_factor
        from backend.core import fresh

        fresh.prove_with(proof.SecondFactor())
        checks.register(second_factor, checks.Tags.security)
