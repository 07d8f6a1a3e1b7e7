"""The commissions room as a Django app."""

from django.apps import AppConfig


class CommissionsConfig(AppConfig):
    name = "commissions"
    verbose_name = "Commissions 佣金"

    def ready(self) -> None:
        """Answers what the rooms below ask through their ports."""
        from backend.accounts import erasure, profiles, second_factor  # the registry is loaded
        from commissions import coupons, erasing, offers, promoters, roles, touches
        from notes import ports as notes_ports
        from shops import ports as shops_ports

        shops_ports.offer_terms_with(offers.terms_for)
        shops_ports.read_clicks_with(touches.read_click)
        shops_ports.read_coupons_with(coupons.read_code)
        shops_ports.tell_own_links_with(coupons.is_own_link)
        notes_ports.check_offers_with(offers.open_to)
        notes_ports.tell_opened_to(touches.content_opened)
        profiles.tell_capabilities(promoters.capabilities)
        second_factor.tell_money_rights(*roles.MONEY_RIGHTS)
        erasure.tell_rooms(erasing.ROOM)
