"""The shops room as a Django app."""

from django.apps import AppConfig


class ShopsConfig(AppConfig):
    name = "shops"
    verbose_name = "Shops 店铺"

    def ready(self) -> None:
        """Says what shops add to an account's capabilities, and which right of theirs gives money
        back."""
        from backend.accounts import erasure, profiles, second_factor
        from shops import erasing, onboarding  # models are loaded only now

        erasure.tell_rooms(erasing.ROOM)
        profiles.tell_capabilities(onboarding.capabilities)
        second_factor.tell_money_rights("shops.change_order")
