"""The tree of promoters in time: bound once, moved by dated edges, asked as of any instant as it
was known at another; a change moves no line (X6, I6, I8, K1)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from backend.core.errors import NotAllowed, NotFound
from backend.core.models import AuditEntry
from commissions import accruals, payouts, plans, promoters, settlement, team
from commissions.models import Attribution, CommissionOrder, Promoter, SponsorEdge
from commissions.plans import PlanPaysRecruiting, PlanTooManyLevels
from commissions.promoters import (
    AlreadyBound,
    EdgeOutOfTurn,
    InviteUnknown,
    NotPromoter,
    PromoterFrozen,
    SponsorImpossible,
)
from commissions.split import Shares
from seeds.factories import (
    AccountFactory,
    PlanVersionFactory,
    PromoterFactory,
    PromotionLinkFactory,
    SkuFactory,
)
from tests.cast import Person
from tests.commissions import sales
from tests.commissions.money_out import payee
from tests.desk import signed_in

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


def promoter_at(at: datetime, sponsor: Promoter | None = None) -> Promoter:
    return PromoterFactory.create(sponsor=sponsor, joined_at=at)


def order_of(promoter: Promoter, at: datetime) -> Any:
    sku = SkuFactory.create()
    link = PromotionLinkFactory.create(promoter=promoter, target_id=sku.product_id)
    return sales.sale(at=at, sku=sku, referral_code=link.code)


def inviters_of(*lines: Any) -> list[int | None]:
    found = Attribution.objects.filter(order_line__in=lines).order_by("order_line_id")
    return list(found.values_list("inviter_id", flat=True))


# ---------------------------------------------------------------- binding
def test_a_promoter_without_an_inviter_binds_once(linda: Person) -> None:
    first, second = promoter_at(AT), promoter_at(AT)
    promoter = promoters.join(account=linda.account, at=AT)
    path, own = "/v1/me/tuike/inviter", {"invite_code": first.invite_code}
    answer = linda.client.put(path, own, format="json")
    assert answer.status_code == 200, answer.content
    assert answer.json()["inviter"] == first.account.handle
    for code in (first.invite_code, second.invite_code):
        again = linda.client.put(path, {"invite_code": code}, format="json")
        assert (again.status_code, again.json()["code"]) == (409, "already_bound")
    edges = SponsorEdge.objects.filter(promoter=promoter).order_by("id")
    assert [(edge.sponsor_id, edge.reason) for edge in edges] == [
        (None, "joined"),
        (first.pk, "bound"),
    ]
    assert AuditEntry.objects.filter(action="promoter.bind").count() == 1


def test_who_was_unbound_by_staff_does_not_bind_again(linda: Person, staff: Person) -> None:
    inviter = promoter_at(AT)
    promoter = promoters.join(account=linda.account, invite_code=inviter.invite_code, at=AT)
    promoters.change_sponsor(
        promoter_id=promoter.pk, sponsor_id=None, by=staff.account, reason="x", at=AT + DAY
    )
    with pytest.raises(AlreadyBound):
        promoters.bind(account=linda.account, invite_code=inviter.invite_code, at=AT + 2 * DAY)
    promoter.refresh_from_db()
    assert promoter.sponsor_id is None


def test_binding_is_refused_to_strangers_the_frozen_and_the_older(linda: Person) -> None:
    older = promoter_at(AT)
    with pytest.raises(NotPromoter):
        promoters.bind(account=linda.account, invite_code=older.invite_code, at=AT)
    younger = promoters.join(account=linda.account, at=AT)
    for code, refusal in (("nobody11", InviteUnknown), (younger.invite_code, SponsorImpossible)):
        with pytest.raises(refusal):
            promoters.bind(account=linda.account, invite_code=code, at=AT)
    with pytest.raises(SponsorImpossible):
        promoters.bind(account=older.account, invite_code=younger.invite_code, at=AT)
    Promoter.objects.filter(pk=younger.pk).update(status="frozen")
    with pytest.raises(PromoterFrozen):
        promoters.bind(account=linda.account, invite_code=older.invite_code, at=AT)
    assert not SponsorEdge.objects.filter(sponsor__isnull=False).exists()


# ---------------------------------------------------------------- no line moves
def test_a_change_of_the_tree_moves_no_line_however_late_its_worker_comes(staff: Person) -> None:
    """X6: what counts is who was the inviter when the order was placed."""
    first, second = promoter_at(AT - DAY), promoter_at(AT - DAY)
    promoter = promoter_at(AT - DAY, first)
    lines = [order_of(promoter, AT + n * DAY) for n in range(3)]
    accruals.reconcile_orders([lines[0].order_id], at=AT)
    move = {"promoter_id": promoter.pk, "by": staff.account, "reason": "moved"}
    promoters.change_sponsor(sponsor_id=second.pk, at=AT + 2 * DAY, **move)
    promoters.change_sponsor(sponsor_id=None, at=AT + 3 * DAY, **move)
    accruals.reconcile_orders([line.order_id for line in lines], at=AT + 4 * DAY)
    assert inviters_of(*lines) == [first.pk, first.pk, second.pk]
    later = order_of(promoter, AT + 3 * DAY)
    accruals.reconcile_orders([later.order_id], at=AT + 4 * DAY)
    assert inviters_of(later) == [None]


def test_a_correction_of_the_past_moves_no_order_of_the_past(staff: Person) -> None:
    first, second = promoter_at(AT - DAY), promoter_at(AT - DAY)
    promoter = promoter_at(AT - DAY, first)
    line = order_of(promoter, AT + DAY)
    promoters.change_sponsor(
        promoter_id=promoter.pk,
        sponsor_id=second.pk,
        by=staff.account,
        reason="it was always her",
        at=AT + 5 * DAY,
        from_at=AT,
    )
    accruals.reconcile_orders([line.order_id], at=AT + 6 * DAY)
    assert inviters_of(line) == [first.pk]


def test_an_edge_follows_the_one_before_it_and_not_tomorrow(staff: Person) -> None:
    inviter = promoter_at(AT)
    promoter = promoter_at(AT)
    move = {"promoter_id": promoter.pk, "by": staff.account, "reason": "x"}
    promoters.change_sponsor(sponsor_id=inviter.pk, at=AT + 2 * DAY, **move)
    for from_at in (AT + DAY, AT + 4 * DAY):
        with pytest.raises(EdgeOutOfTurn):
            promoters.change_sponsor(sponsor_id=None, at=AT + 3 * DAY, from_at=from_at, **move)
    assert SponsorEdge.objects.filter(promoter=promoter).count() == 1


# ---------------------------------------------------------------- as of
def test_who_stood_above_at_an_instant_as_it_was_known_at_another(staff: Person) -> None:
    """X6, bitemporal: a correction recorded later is not known earlier."""
    top = promoter_at(AT)
    first, second = promoter_at(AT, top), promoter_at(AT)
    promoter = promoter_at(AT, first)
    promoters.change_sponsor(
        promoter_id=promoter.pk,
        sponsor_id=second.pk,
        by=staff.account,
        reason="corrected",
        at=AT + 9 * DAY,
        from_at=AT + 3 * DAY,
    )

    def above(at: datetime, known_at: datetime) -> list[int]:
        found = team.uplines(promoter_id=promoter.pk, at=at, known_at=known_at, by=staff.account)
        return [row["id"] for row in found]

    late = AT + 10 * DAY
    assert above(AT + 5 * DAY, AT + 8 * DAY) == [first.pk, top.pk]
    assert above(AT + 5 * DAY, late) == [second.pk]
    assert above(AT + 2 * DAY, late) == [first.pk, top.pk]
    assert above(AT + 3 * DAY, late) == [second.pk], (
        "half-open: the new edge holds from its instant"
    )
    assert above(AT - DAY, late) == []


def test_staff_who_may_see_promoters_ask_by_rest(staff: Person, linda: Person) -> None:
    inviter = promoter_at(AT)
    promoter = promoter_at(AT, inviter)
    path = f"/v1/promoters/{promoter.pk}/uplines"
    asked = {"at": "2026-11-05T00:00:00Z", "known_at": "2026-11-06T00:00:00Z"}
    answer = staff.client.get(path, asked)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert [(row["level"], row["id"]) for row in body["uplines"]] == [(1, inviter.pk)]
    assert staff.client.get(path, {"at": "2026-10-01T00:00:00Z"}).json()["uplines"] == []
    assert linda.client.get(path).status_code == 403
    for wrong in ("yesterday", "2026-11-05", "2026-11-05T00:00:00", "2026-13-05T00:00:00Z"):
        assert staff.client.get(path, {"at": wrong}).status_code == 400, wrong
    plain = AccountFactory.create(is_staff=True)
    with pytest.raises(NotAllowed):
        team.uplines(promoter_id=promoter.pk, at=AT, known_at=AT, by=plain)
    with pytest.raises(NotFound):
        team.uplines(promoter_id=promoter.pk + 9, at=AT, known_at=AT, by=staff.account)


def test_staff_move_and_ask_on_the_promoters_page(staff: Person) -> None:
    desk: Client = signed_in(staff.account)
    inviter, promoter = promoter_at(AT), promoter_at(AT)
    page = f"/admin/commissions/promoter/{promoter.pk}"
    typed = {"inviter": inviter.pk, "from_at": "", "reason": "asked for it"}
    said = desk.post(f"{page}/move_one/", typed)
    assert said.status_code == 200
    assert inviter.account.handle in said.content.decode()
    promoter.refresh_from_db()
    assert promoter.sponsor_id == inviter.pk
    asked = {"at": "2026-11-02 08:00", "known_at": ""}
    assert "nobody" in desk.post(f"{page}/ask_uplines/", asked).content.decode()
    typed["inviter"] = promoter.pk + 1
    assert SponsorEdge.objects.filter(promoter=promoter).count() == 1
    assert desk.post(f"{page}/move_one/", typed).status_code == 200
    assert SponsorEdge.objects.filter(promoter=promoter).count() == 1


# ---------------------------------------------------------------- three levels
def test_a_third_level_needs_the_setting_and_its_confirmation(settings: Any) -> None:
    """K1: two by default, three at most and confirmed apart, never four."""
    told = [(2, False), (2, True), (3, False), (3, True), (9, True)]
    found = []
    for settings.PAYING_LEVELS, settings.THIRD_LEVEL_CONFIRMED in told:
        found.append(plans.paying_levels())
    assert found == [2, 2, 2, 3, 3]
    three = Shares(7_000, 2_000, 10_000, 100, 1_000)
    settings.PAYING_LEVELS, settings.THIRD_LEVEL_CONFIRMED = 3, False
    (problem,) = plans.lint(shares=three)
    assert isinstance(problem, PlanTooManyLevels)
    assert "《禁止传销条例》 Art. 7" in problem.detail
    settings.THIRD_LEVEL_CONFIRMED = True
    assert plans.lint(shares=three) == []
    (problem,) = plans.lint(shares=Shares(7_000, 1_000, 10_000, 100, 2_000))
    assert isinstance(problem, PlanPaysRecruiting)


def test_the_second_inviter_is_paid_where_it_is_confirmed_and_else_the_shop(settings: Any) -> None:
    PlanVersionFactory.create(
        starts_at=AT - DAY, promoter_bps=7_000, inviter_bps=2_000, inviter2_bps=1_000
    )
    second = promoter_at(AT - DAY)
    promoter = promoter_at(AT - DAY, promoter_at(AT - DAY, second))
    lines = [order_of(promoter, AT) for _ in range(3)]
    accruals.reconcile_orders([lines[0].order_id], at=AT)
    settings.PAYING_LEVELS, settings.THIRD_LEVEL_CONFIRMED = 3, True
    accruals.reconcile_orders([lines[1].order_id], at=AT)
    Promoter.objects.filter(pk=second.pk).update(status="frozen")
    accruals.reconcile_orders([lines[2].order_id], at=AT)
    told = [sales.splits(CommissionOrder.objects.get(order_line=line)) for line in lines]
    assert [(one.get("inviter2"), one.get("shop")) for one in told] == [
        (None, (258, 0)),
        ((258, 0), None),
        (None, (258, 0)),
    ]
    found = [Attribution.objects.get(order_line=line) for line in lines]
    assert [one.inviter2_id for one in found] == [None, second.pk, None]
    assert found[2].findings == ["inviter2_frozen"]


# ---------------------------------------------------------------- freeze and leave
@pytest.mark.parametrize("how", ["freeze", "leave"])
def test_what_was_earned_stays_matures_and_can_be_paid_out(staff: Person, how: str) -> None:
    """The fate of pending money: earned stays earned, nothing is held by it; what is sold from
    then on earns nothing. To stop money of a person, staff hold a commission or reject a payout."""
    promoter = promoter_at(AT - DAY)
    line, late = order_of(promoter, AT), order_of(promoter, AT)
    accruals.reconcile_orders([line.order_id], at=AT)
    if how == "freeze":
        promoters.freeze(promoter_id=promoter.pk, by=staff.account, reason="risk", at=AT + DAY)
    else:
        promoters.leave(account=promoter.account, at=AT + DAY)
    accruals.reconcile_orders([late.order_id], at=AT + DAY)
    (loser,) = Attribution.objects.get(order_line=late).losers
    assert loser["reason"] == ("promoter_frozen" if how == "freeze" else "promoter_left")
    assert sales.fen_of(promoter.account, "pending") == 2_064
    sales.receive(line, AT + DAY)
    accruals.reconcile_orders([line.order_id], at=AT + DAY)
    settlement.settle_due(at=AT + 9 * DAY)
    assert sales.fen_of(promoter.account, "available") == 2_064
    payee(promoter.account)
    payouts.request(account=promoter.account, amount_fen=2_064, at=AT + 9 * DAY)
    assert sales.fen_of(promoter.account, "in_transit") == 2_064
