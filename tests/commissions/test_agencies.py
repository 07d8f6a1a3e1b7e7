"""Agencies: founded, joined by invitation and consent, left; what is passed on is the agreed share
of the member's part, frozen on the line (K9, I2, I5, I8, A6)."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from backend.core.errors import NotFound, WrongState
from commissions import accruals, agencies, books, earnings, explain, memberships, settlement
from commissions.agencies import AgencySuspended, AlreadyAgency
from commissions.books import agency_rules, commission_rules
from commissions.memberships import (
    AlreadyMember,
    InviteeUnknown,
    ShareChanged,
    TooManyLevels,
)
from commissions.models import Agency, AgencyEdge, Attribution, CommissionOrder, Promoter
from seeds.factories import (
    AccountFactory,
    AgencyEdgeFactory,
    AgencyFactory,
    PlanVersionFactory,
    PromoterFactory,
    PromotionLinkFactory,
    SkuFactory,
)
from tests.cast import Person
from tests.commissions import sales

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = [*commission_rules.RULES, *agency_rules.RULES]
pytestmark = pytest.mark.django_db


def joined(agency: Agency, promoter: Promoter, at: datetime = AT) -> AgencyEdge:
    invitation, _ = memberships.invite(account=agency.owner, handle=promoter.account.handle, at=at)
    memberships.accept(
        account=promoter.account,
        invitation_id=invitation.pk,
        share_bps=agencies.share_at(agency, at),
        at=at,
    )
    edge = memberships.current(promoter)
    assert edge is not None
    return edge


def member_of(*shares: int, sponsor: Promoter | None = None) -> tuple[Promoter, list[Agency]]:
    """A promoter in an agency, which is below the next; the shares from the bottom."""
    found = [AgencyFactory.create(share_bps=bps, created_at=AT - DAY) for bps in shares[::-1]][::-1]
    promoter = PromoterFactory.create(sponsor=sponsor, joined_at=AT - DAY)
    AgencyEdgeFactory.create(agency=found[0], promoter=promoter, from_at=AT - DAY)
    for below, above in pairwise(found):
        AgencyEdgeFactory.create(agency=above, child=below, from_at=AT - DAY)
    return promoter, found


def sold(promoter: Promoter, at: datetime = AT, **fields: Any) -> CommissionOrder:
    sku = SkuFactory.create()
    link = PromotionLinkFactory.create(promoter=promoter, target_id=sku.product_id)
    line = sales.sale(at=at, sku=sku, referral_code=link.code, **fields)
    accruals.reconcile_orders([line.order_id], at=at)
    return CommissionOrder.objects.get(order_line=line)


# ---------------------------------------------------------------- the agency
def test_any_account_founds_one_agency(linda: Person) -> None:
    fields = {"name": "星河机构", "share_bps": 2_000}
    answer = linda.client.post("/v1/agencies", fields, format="json")
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["name"], body["share_bps"], body["status"]) == ("星河机构", 2_000, "active")
    assert linda.client.get("/v1/me/agency").json() == body
    again = linda.client.post("/v1/agencies", fields, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "already_agency")
    with pytest.raises(AlreadyAgency):
        agencies.found(account=linda.account, name="x", share_bps=0, at=AT)
    assert Agency.objects.count() == 1


def test_a_smaller_share_begins_at_once_and_a_larger_one_after_a_week() -> None:
    agency = AgencyFactory.create(share_bps=2_000, created_at=AT)
    owner = agency.owner
    agencies.set_share(account=owner, share_bps=1_000, at=AT + DAY)
    later = agencies.set_share(account=owner, share_bps=5_000, at=AT + DAY)
    assert later.from_at == AT + 8 * DAY
    at = [AT, AT + DAY, AT + 8 * DAY - timedelta(seconds=1), AT + 8 * DAY]
    assert [agencies.share_at(agency, one) for one in at] == [2_000, 1_000, 1_000, 5_000]
    agencies.set_share(account=owner, share_bps=500, at=AT + 2 * DAY)
    assert agencies.share_at(agency, AT + 9 * DAY) == 500, "the last word replaces what waits"
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        connection.cursor().execute("UPDATE commissions_agencyshare SET share_bps = 1")


# ---------------------------------------------------------------- joining and leaving
def test_a_promoter_joins_by_invitation_and_own_consent(linda: Person, ella: Person) -> None:
    agency = AgencyFactory.create(owner=ella.account, share_bps=2_500)
    promoter = PromoterFactory.create(account=linda.account)
    asked = {"handle": "linda"}
    first = ella.client.post("/v1/me/agency/invitations", asked, format="json")
    again = ella.client.post("/v1/me/agency/invitations", asked, format="json")
    assert (first.status_code, again.status_code) == (201, 200), first.content
    assert again.json() == first.json()
    (seen,) = linda.client.get("/v1/me/agency-invitations").json()["results"]
    assert (seen["owner"], seen["share_bps"], seen["status"]) == ("ella", 2_500, "open")
    path = f"/v1/me/agency-invitations/{seen['id']}/accept"
    other = linda.client.post(path, {"share_bps": 2_000}, format="json")
    assert (other.status_code, other.json()["code"]) == (409, "share_changed")
    assert linda.client.get("/v1/me/agency-membership").status_code == 404
    assert ella.client.post(path, {"share_bps": 2_500}, format="json").status_code == 404
    done = linda.client.post(path, {"share_bps": 2_500}, format="json")
    assert (done.status_code, done.json()["status"]) == (200, "accepted"), done.content
    mine = linda.client.get("/v1/me/agency-membership").json()
    assert (mine["agency"]["id"], mine["agency"]["share_bps"]) == (agency.pk, 2_500)
    (member,) = ella.client.get("/v1/me/agency/members").json()["results"]
    assert (member["handle"], member["kind"], member["gross_fen"]) == ("linda", "promoter", 0)
    edge = AgencyEdge.objects.get(promoter=promoter)
    assert (edge.number, edge.kind, edge.agency_id) == (1, "joined", agency.pk)


def test_who_has_an_agency_leaves_it_before_joining_another() -> None:
    promoter = PromoterFactory.create()
    first, second = AgencyFactory.create_batch(2, created_at=AT)
    joined(first, promoter)
    with pytest.raises(AlreadyMember):
        joined(second, promoter, AT + DAY)
    assert AgencyEdge.objects.count() == 1
    memberships.leave(account=promoter.account, at=AT + 2 * DAY)
    joined(second, promoter, AT + 3 * DAY)
    assert list(
        AgencyEdge.objects.order_by("number").values_list("agency_id", "kind", "from_at")
    ) == [
        (first.pk, "joined", AT),
        (first.pk, "left", AT + 2 * DAY),
        (second.pk, "joined", AT + 3 * DAY),
    ]
    assert [edge.promoter_id for edge in memberships.members(second)] == [promoter.pk]
    assert not memberships.members(first).exists()


def test_nobody_is_invited_who_cannot_join() -> None:
    agency = AgencyFactory.create(created_at=AT)
    own = PromoterFactory.create(account=agency.owner)
    frozen = PromoterFactory.create(status="frozen")
    no_promoter = AccountFactory.create()
    for handle in (own.account.handle, frozen.account.handle, no_promoter.handle, "nobody"):
        with pytest.raises(InviteeUnknown):
            memberships.invite(account=agency.owner, handle=handle, at=AT)
    with pytest.raises(NotFound):
        memberships.invite(account=no_promoter, handle=own.account.handle, at=AT)


def test_an_invitation_is_answered_once() -> None:
    agency, promoter = AgencyFactory.create(created_at=AT), PromoterFactory.create()
    account = promoter.account
    one, _ = memberships.invite(account=agency.owner, handle=account.handle, at=AT)
    memberships.decline(account=account, invitation_id=one.pk, at=AT)
    for act in (memberships.decline, memberships.withdraw):
        who = account if act is memberships.decline else agency.owner
        with pytest.raises(WrongState):
            act(account=who, invitation_id=one.pk, at=AT)
    two, new = memberships.invite(account=agency.owner, handle=account.handle, at=AT)
    assert new
    memberships.withdraw(account=agency.owner, invitation_id=two.pk, at=AT)
    with pytest.raises(WrongState):
        memberships.accept(account=account, invitation_id=two.pk, share_bps=2_000, at=AT)
    with pytest.raises(NotFound):
        memberships.withdraw(account=account, invitation_id=two.pk, at=AT)
    assert not AgencyEdge.objects.exists()


def test_the_agency_ends_a_membership_and_a_stranger_cannot(linda: Person, mallory: Person) -> None:
    agency = AgencyFactory.create(owner=linda.account, created_at=AT)
    AgencyFactory.create(owner=mallory.account)
    edge = joined(agency, PromoterFactory.create())
    path = f"/v1/me/agency/members/{edge.pk}"
    assert mallory.client.delete(path).status_code == 404
    assert linda.client.delete(path).status_code == 204
    assert linda.client.delete(path).status_code == 404
    assert linda.client.get("/v1/me/agency/members").json()["results"] == []


def test_an_agency_stands_below_an_older_one_and_never_on_three_levels() -> None:
    """At most five payees a line."""
    top, middle, bottom = AgencyFactory.create_batch(3, created_at=AT)

    def below(upper: Agency, lower: Agency) -> None:
        asked, _ = memberships.invite(
            account=upper.owner, handle=lower.owner.handle, as_agency=True, at=AT
        )
        memberships.accept(account=lower.owner, invitation_id=asked.pk, share_bps=2_000, at=AT)

    with pytest.raises(InviteeUnknown):
        below(bottom, top)
    below(top, middle)
    with pytest.raises(TooManyLevels):
        below(middle, bottom)
    shown = memberships.agency_of(middle.owner, at=AT)
    assert shown["upper"]["agency"]["id"] == top.pk
    memberships.leave_upper(account=middle.owner, at=AT)
    below(middle, bottom)
    with pytest.raises(TooManyLevels):
        below(top, middle)


@pytest.mark.parametrize(
    ("number", "kind", "days"),
    [(1, "left", 0), (3, "joined", 0), (2, "joined", 0), (2, "left", -9)],
)
def test_the_database_refuses_an_edge_out_of_turn(number: int, kind: str, days: int) -> None:
    """A6: what verbs never write, nobody can."""
    promoter, (agency,) = member_of(2_000)
    rows = AgencyEdge.objects.count()
    with pytest.raises(IntegrityError), transaction.atomic():
        AgencyEdgeFactory.create(
            agency=agency,
            promoter=PromoterFactory.create() if number == 1 else promoter,
            number=number,
            kind=kind,
            from_at=AT + days * DAY,
        )
    for statement in (
        "UPDATE commissions_agencyedge SET number = 5",
        "DELETE FROM commissions_agencyedge",
    ):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            connection.cursor().execute(statement)
    assert AgencyEdge.objects.count() == rows


# ---------------------------------------------------------------- what is passed on
def test_the_agency_is_passed_on_its_share_of_the_promoters_part() -> None:
    """K9: 12,900 × 20 % = 2,580; promoter 80 % = 2,064, of which 25 % = 516 go on; inviter 516."""
    inviter = PromoterFactory.create(joined_at=AT - DAY)
    promoter, (agency,) = member_of(2_500, sponsor=inviter)
    commission = sold(promoter)
    assert sales.splits(commission) == {
        "promoter": (1_548, 0),
        "agency": (516, 0),
        "inviter": (516, 0),
        "platform": (639, 0),
        "charity": (6, 0),
    }
    held = [sales.fen_of(one, "pending") for one in (agency.owner, promoter.account)]
    assert held == [516, 1_548]
    (row,) = earnings.commissions_of(promoter.account)
    assert (row["gross_fen"], row["passed_on_fen"], row["amount_fen"]) == (2_064, 516, 1_548)
    (row,) = earnings.commissions_of(agency.owner)
    assert (row["role"], row["gross_fen"], row["passed_on_fen"]) == ("agency", 516, 0)
    found = Attribution.objects.get(pk=commission.attribution_id)
    assert found.membership is not None
    assert (found.membership.agency_id, found.affiliation_id) == (agency.pk, None)


def test_five_payees_each_see_gross_passed_on_and_kept(settings: Any, linda: Person) -> None:
    """The chain of WeChat Shop: promoter → agency → agency above it, and two inviters."""
    settings.PAYING_LEVELS, settings.THIRD_LEVEL_CONFIRMED = 3, True
    PlanVersionFactory.create(
        starts_at=AT - DAY, promoter_bps=7_000, inviter_bps=2_000, inviter2_bps=1_000
    )
    second = PromoterFactory.create(joined_at=AT - DAY)
    inviter = PromoterFactory.create(sponsor=second, joined_at=AT - DAY)
    promoter, (agency, upper) = member_of(3_000, 4_000, sponsor=inviter)
    commission = sold(promoter)
    amounts = {role: fen for role, (fen, _) in sales.splits(commission).items()}
    # 2,580 × 70 % = 1,806: 1,264.2 kept, 325.08 to the agency, 216.72 above it.
    assert amounts == {
        "promoter": 1_264,
        "agency": 325,
        "agency2": 217,
        "inviter": 516,
        "inviter2": 258,
        "platform": 639,
        "charity": 6,
    }
    people = [promoter.account, agency.owner, upper.owner, inviter.account, second.account]
    told = [earnings.commissions_of(person)[0] for person in people]
    figures = [(row["gross_fen"], row["passed_on_fen"], row["amount_fen"]) for row in told]
    assert figures[:3] == [(1_806, 542, 1_264), (542, 217, 325), (217, 0, 217)]
    assert figures[3:] == [(516, 0, 516), (258, 0, 258)]
    trace = explain.of_commission(account=upper.owner, commission_id=commission.pk)
    parts = {part["role"]: part for part in trace["splits"]}
    assert (parts["promoter"]["gross_fen"], parts["agency"]["gross_fen"]) == (1_806, 542)
    assert [one["agency"] for one in trace["tree"]["agencies"]] == [agency.pk, upper.pk]
    assert "1806, 542 passed on, 1264 kept" in explain.readable(trace)
    with pytest.raises(NotFound):
        explain.of_commission(account=linda.account, commission_id=commission.pk)
    assert books.check(at=AT, rules=RULES) == []


def test_the_trace_alone_gives_the_same_parts() -> None:
    """X1."""
    promoter, _ = member_of(3_333, 1_111)
    commission = sold(promoter, price_fen=25_799)
    sales.refund(commission.order_line, 8_601)
    accruals.reconcile_orders([commission.order_line.order_id], at=AT)
    trace = explain.for_staff(commission.pk)
    again = explain.recompute(trace)
    for part in trace["splits"]:
        part.pop("payee")
    assert again["splits"] == trace["splits"]


def test_a_line_keeps_the_membership_and_share_of_its_order() -> None:
    """I8: joined, changed, left since: a late worker comes to the same."""
    promoter, (agency,) = member_of(2_000)
    before = sold(promoter, at=AT - 2 * DAY)
    assert "agency" not in sales.splits(before)
    late = [sales.sale(at=AT, **_by_link(promoter)) for _ in range(2)]
    accruals.reconcile_orders([late[0].order_id], at=AT)
    agencies.set_share(account=agency.owner, share_bps=100, at=AT + DAY)
    memberships.leave(account=promoter.account, at=AT + 2 * DAY)
    accruals.reconcile_orders([line.order_id for line in late], at=AT + 3 * DAY)
    first, second = (sales.splits(CommissionOrder.objects.get(order_line=line)) for line in late)
    assert first == second | {"agency": (413, 0)}
    after = sold(promoter, at=AT + 3 * DAY)
    assert "agency" not in sales.splits(after)
    assert books.check(at=AT, rules=RULES) == []


def _by_link(promoter: Promoter) -> dict[str, Any]:
    sku = SkuFactory.create()
    link = PromotionLinkFactory.create(promoter=promoter, target_id=sku.product_id)
    return {"sku": sku, "referral_code": link.code}


@pytest.mark.parametrize("case", ["suspended", "buys", "owns_shop"])
def test_an_agency_that_may_not_share_leaves_the_part_with_its_member(
    staff: Person, case: str
) -> None:
    promoter, (agency,) = member_of(2_000)
    fields: dict[str, Any] = {}
    link = _by_link(promoter)
    if case == "suspended":
        agencies.suspend(agency_id=agency.pk, by=staff.account, reason="x", at=AT)
        with pytest.raises(AgencySuspended):
            memberships.invite(account=agency.owner, handle="nobody", at=AT)
    elif case == "buys":
        fields["buyer"] = agency.owner
    else:
        link["sku"].product.shop.account = agency.owner
        link["sku"].product.shop.save()
    line = sales.sale(at=AT, **link, **fields)
    accruals.reconcile_orders([line.order_id], at=AT)
    found = Attribution.objects.get(order_line=line)
    assert (found.membership_id, found.findings) == (None, [f"agency_{case}"])
    parts = sales.splits(CommissionOrder.objects.get(order_line=line))
    assert (parts["promoter"], "agency" in parts) == ((2_064, 0), False)


def test_an_inviter_who_owns_the_agency_has_one_entry_of_both_parts() -> None:
    inviter = PromoterFactory.create(joined_at=AT - DAY)
    agency = AgencyFactory.create(owner=inviter.account, share_bps=2_500, created_at=AT - DAY)
    promoter = PromoterFactory.create(sponsor=inviter, joined_at=AT - DAY)
    AgencyEdgeFactory.create(agency=agency, promoter=promoter, from_at=AT - DAY)
    commission = sold(promoter)
    assert sales.fen_of(inviter.account, "pending") == 516 + 516
    sales.refund(commission.order_line, 6_450)
    accruals.reconcile_orders([commission.order_line.order_id], at=AT)
    assert sales.fen_of(inviter.account, "pending") == 258 + 258


def test_what_is_passed_on_settles_and_is_taken_back_like_every_part() -> None:
    promoter, (agency,) = member_of(2_500)
    commission = sold(promoter)
    line = commission.order_line
    sales.receive(line, AT)
    accruals.reconcile_orders([line.order_id], at=AT)
    settlement.settle_due(at=AT + 8 * DAY)
    assert sales.fen_of(agency.owner, "available") == 516
    sales.refund(line, 12_900)
    accruals.reconcile_orders([line.order_id], at=AT + 8 * DAY)
    assert sales.fen_of(agency.owner, "available") == 0
    assert sales.fen_of(promoter.account, "available") == 0
    assert {back for _, back in sales.splits(commission).values()} == {
        2_580 - 2_580 // 5 - 516,
        516,
        639,
        6,
    }


def test_a_share_that_changed_is_told_to_whoever_accepts() -> None:
    agency, promoter = AgencyFactory.create(created_at=AT), PromoterFactory.create()
    asked, _ = memberships.invite(account=agency.owner, handle=promoter.account.handle, at=AT)
    agencies.set_share(account=agency.owner, share_bps=100, at=AT + DAY)
    with pytest.raises(ShareChanged) as told:
        memberships.accept(
            account=promoter.account, invitation_id=asked.pk, share_bps=2_000, at=AT + DAY
        )
    assert told.value.extra == {"share_bps": 100}
    asked.refresh_from_db()
    assert (asked.status, AgencyEdge.objects.exists()) == ("open", False)
