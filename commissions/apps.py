"""The commissions room as a Django app."""

from django.apps import AppConfig


class CommissionsConfig(AppConfig):
    name = "commissions"
    verbose_name = "Commissions 佣金"

    def ready(self) -> None:
        """Answers what the rooms below ask through their ports."""
        from backend.accounts import erasure, profiles, second_factor  # the registry is loaded
        from commissions import erasing, offers, promoters, roles, touches
        from notes import ports as notes_ports
        from shops import ports as shops_ports

        shops_ports.offer_terms_with(offers.terms_for)
        shops_ports.read_clicks_with(touches.read_click)
        notes_ports.check_offers_with(offers.open_to)
        profiles.tell_capabilities(promoters.capabilities)
        second_factor.tell_money_rights(*roles.MONEY_RIGHTS)
        erasure.tell_rooms(erasing.ROOM)
