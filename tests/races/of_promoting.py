"""Races of promoters: the tree of who invited whom, joining, the offers."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import pytest
from django.db import transaction

from backend.accounts.models import Account
from backend.core.sql import rows
from commissions import offers, promoters
from commissions.models import CommissionOffer, Promoter, SponsorEdge
from seeds.factories import AccountFactory, PromoterFactory, SkuFactory
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


RACES = (TwoSponsorsInACircle, JoiningTwice, TwoOffers)
