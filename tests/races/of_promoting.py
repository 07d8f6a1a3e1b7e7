"""Races of promoters: the tree of who invited whom, joining, the offers."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import pytest
from django.db import transaction

from backend.accounts.models import Account
from backend.core.sql import rows
from commissions import memberships, offers, promoters
from commissions.models import AgencyEdge, CommissionOffer, Promoter, SponsorEdge
from seeds.factories import AccountFactory, AgencyFactory, PromoterFactory, SkuFactory
from tests.commissions.money_out import AT
from tests.races.crowd import Act, Answer, Meeting, words
from tests.races.race import Race, meet_before
from tests.races.unguarded import Check, Unique, no_row_locks

_ANCESTORS = """
WITH RECURSIVE above AS (
    SELECT id, sponsor_id FROM commissions_promoter WHERE id = %s::bigint
    UNION SELECT p.id, p.sponsor_id FROM commissions_promoter p
    JOIN above ON p.id = above.sponsor_id
) SELECT id, sponsor_id FROM above
"""


def ancestors(promoter_id: int) -> set[int]:
    """Everybody above a promoter."""
    found = rows(_ANCESTORS, [promoter_id])
    return {row["sponsor_id"] for row in found if row["sponsor_id"]}


class TwoSponsorsInACircle(Race):
    name = "two trees put below each other's leaves"
    removed = "CHECK (sponsor_id < id); both rows are locked, the tree is walked"
    guards = (
        Check("commissions_promoter", "promoter_no_cycle"),
        Check("commissions_sponsoredge", "edge_no_cycle"),
    )

    def ground(self, rounds: int) -> None:
        self.staff = AccountFactory.create(is_staff=True)

    def prepare(self, number: int) -> Sequence[Act]:
        (first, below_first), (second, below_second) = ((self._tree()) for _ in range(2))
        self.roots = (first, second)
        self.pairs = ((first, below_second), (second, below_first))
        return [partial(self._bind, *pair) for pair in self.pairs]

    def _tree(self) -> tuple[Promoter, Promoter]:
        root = PromoterFactory.create()
        return root, PromoterFactory.create(sponsor=root)

    def _bind(self, root: Promoter, leaf: Promoter) -> None:
        promoters.change_sponsor(
            promoter_id=root.pk, sponsor_id=leaf.pk, by=self.staff, reason="x", at=AT
        )

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, SponsorEdge.objects, "create")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        def bind(
            *, promoter_id: int, sponsor_id: int, by: Account, reason: str, at: datetime
        ) -> None:
            with transaction.atomic():
                both = Promoter.objects.select_for_update().order_by("id")
                pair = {row.pk: row for row in both.filter(pk__in=[promoter_id, sponsor_id])}
                if promoter_id in ancestors(sponsor_id):
                    raise promoters.SponsorImpossible()
                meet()
                pair[promoter_id].sponsor_id = sponsor_id
                pair[promoter_id].save()

        patch.setattr(promoters, "change_sponsor", bind)

    def judge(self, answers: list[Answer]) -> str:
        circles = [root.pk for root in self.roots if root.pk in ancestors(root.pk)]
        return f"{circles} are their own ancestors" if circles else ""


class BindingEachOther(Race):
    name = "two people bind each other"
    removed = "CHECK (sponsor_id < id); both rows are locked, the tree is walked"
    guards = TwoSponsorsInACircle.guards

    def prepare(self, number: int) -> Sequence[Act]:
        self.pair = PromoterFactory.create_batch(2)
        return [
            partial(promoters.bind, account=one.account, invite_code=other.invite_code, at=AT)
            for one, other in (self.pair, self.pair[::-1])
        ]

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, promoters, "_move")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        def move(promoter: Promoter, sponsor_id: int, **_: object) -> None:
            if promoter.pk in ancestors(sponsor_id):
                raise promoters.SponsorImpossible()
            meet()
            promoter.sponsor_id = sponsor_id
            promoter.save(update_fields=["sponsor"])

        patch.setattr(promoters, "_move", move)

    def judge(self, answers: list[Answer]) -> str:
        circles = [one.pk for one in self.pair if one.pk in ancestors(one.pk)]
        heard = words(answers)
        right = not circles and heard == {"done": 1, "sponsor_impossible": 1}
        return "" if right else f"{circles} are their own ancestors, {dict(heard)}"


class BindingTwice(Race):
    name = "one promoter binds to two inviters"
    removed = "the promoter's lock"

    def prepare(self, number: int) -> Sequence[Act]:
        first, second, self.promoter = PromoterFactory.create_batch(3)
        account = self.promoter.account
        return [
            partial(promoters.bind, account=account, invite_code=one.invite_code, at=AT)
            for one in (first, second)
        ]

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, promoters, "_move")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        no_row_locks(patch)

    def judge(self, answers: list[Answer]) -> str:
        edges, heard = SponsorEdge.objects.filter(promoter=self.promoter).count(), words(answers)
        right = edges == 1 and heard == {"done": 1, "already_bound": 1}
        return "" if right else f"{edges} inviters, {dict(heard)}"


class JoiningTwoAgencies(Race):
    name = "one promoter accepts two agencies"
    removed = "one edge of a number per member (unique)"
    guards = (Unique("commissions_agencyedge", "promoter_id", "number"),)

    def prepare(self, number: int) -> Sequence[Act]:
        self.promoter = PromoterFactory.create()
        account = self.promoter.account
        asked = [
            memberships.invite(account=agency.owner, handle=account.handle, at=AT)[0]
            for agency in AgencyFactory.create_batch(2, created_at=AT)
        ]
        return [
            partial(
                memberships.accept,
                account=account,
                invitation_id=one.pk,
                share_bps=2_000,
                at=AT,
            )
            for one in asked
        ]

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, memberships, "_write")

    def judge(self, answers: list[Answer]) -> str:
        edges, heard = AgencyEdge.objects.filter(promoter=self.promoter).count(), words(answers)
        right = edges == 1 and heard == {"done": 1, "already_member": 1}
        return "" if right else f"a member of {edges} agencies, {dict(heard)}"


class JoiningTwice(Race):
    name = "one account joins twice"
    removed = "one promoter per account (unique)"
    guards = (Unique("commissions_promoter", "account_id"),)

    def ground(self, rounds: int) -> None:
        self.sponsor = PromoterFactory.create()
        self.accounts = AccountFactory.create_batch(rounds)

    def prepare(self, number: int) -> Sequence[Act]:
        self.account = self.accounts[number]
        code = self.sponsor.invite_code
        return [partial(promoters.join, account=self.account, invite_code=code, at=AT)] * 2

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, promoters, "_inviter")

    def judge(self, answers: list[Answer]) -> str:
        times, heard = Promoter.objects.filter(account=self.account).count(), words(answers)
        right = times == 1 and heard == {"done": 1, "already_promoter": 1}
        return "" if right else f"{times} promoters, {dict(heard)}"


class TwoOffers(Race):
    name = "two rates offered for one product"
    removed = "the product's lock, one active offer per product (unique)"
    guards = (Unique("commissions_commissionoffer", "product_id"),)

    def ground(self, rounds: int) -> None:
        self.product = SkuFactory.create().product
        self.shop = self.product.shop.account

    def prepare(self, number: int) -> Sequence[Act]:
        CommissionOffer.objects.filter(product=self.product).update(is_active=False)
        return [
            partial(
                offers.set_offer,
                account=self.shop,
                product_id=self.product.pk,
                rate_bps=bps,
                at=AT,
            )
            for bps in (1_000, 2_000)
        ]

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, CommissionOffer.objects, "create")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        no_row_locks(patch)

    def judge(self, answers: list[Answer]) -> str:
        stand = CommissionOffer.objects.filter(product=self.product, is_active=True).count()
        return "" if stand == 1 else f"{stand} offers stand"


RACES = (
    TwoSponsorsInACircle,
    BindingEachOther,
    BindingTwice,
    JoiningTwoAgencies,
    JoiningTwice,
    TwoOffers,
)
