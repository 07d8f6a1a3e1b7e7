"""Joining is free and for anybody; the tree has no cycle and remembers: I4, I8, I9, X6, row 12."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import get_resolver

from backend.core.errors import NotFound, WrongState
from backend.core.models import AuditEntry
from commissions import promoters
from commissions.models import Promoter, SponsorEdge
from commissions.promoters import AlreadyPromoter, InviteUnknown, SponsorImpossible
from seeds.factories import AccountFactory, PromoterFactory
from tests.cast import Person

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def test_any_account_joins_with_nothing_but_itself(linda: Person) -> None:
    """I4, I8: 0 followers, no fee, no field that could ask for one."""
    assert linda.account.follower_count == 0
    answer = linda.client.post("/v1/tuike/enrol", {}, format="json")
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["status"], body["inviter"], len(body["invite_code"])) == ("active", None, 8)
    assert "tuike" in linda.client.get("/v1/me").json()["capabilities"]
    assert linda.client.get("/v1/me/tuike").json() == body


def test_no_path_takes_money_for_joining(linda: Person) -> None:
    """I8: the door accepts an invite code and refuses everything else by name."""
    answer = linda.client.post("/v1/tuike/enrol", {"fee_fen": 9_900}, format="json")
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["fee_fen"])
    assert not Promoter.objects.exists()
    assert get_resolver().reverse_dict.getlist("tuike-enrol")


def test_the_inviter_is_found_by_code_and_dated(linda: Person, ella: Person) -> None:
    inviter = promoters.join(account=ella.account, at=AT)
    answer = linda.client.post(
        "/v1/tuike/enrol", {"invite_code": inviter.invite_code}, format="json"
    )
    assert answer.json()["inviter"] == "ella"
    edge = SponsorEdge.objects.get(promoter__account=linda.account)
    assert (edge.sponsor_id, edge.reason) == (inviter.pk, "joined")


def test_an_unknown_or_frozen_inviter_is_refused_and_nothing_is_written(
    linda: Person, ella: Person, staff: Person
) -> None:
    inviter = promoters.join(account=ella.account, at=AT)
    promoters.freeze(promoter_id=inviter.pk, by=staff.account, reason="x", at=AT)
    for code in ("nobody11", inviter.invite_code):
        answer = linda.client.post("/v1/tuike/enrol", {"invite_code": code}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (422, "invite_unknown")
    with pytest.raises(InviteUnknown):
        promoters.join(account=linda.account, invite_code="nobody11", at=AT)
    assert Promoter.objects.count() == 1


def test_joining_twice_is_refused(linda: Person) -> None:
    first = promoters.join(account=linda.account, at=AT)
    answer = linda.client.post("/v1/tuike/enrol", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_promoter")
    with pytest.raises(AlreadyPromoter):
        promoters.join(account=linda.account, invite_code=first.invite_code, at=AT)
    assert SponsorEdge.objects.count() == 1


def test_who_never_joined_is_not_found(mallory: Person) -> None:
    assert mallory.client.get("/v1/me/tuike").status_code == 404


def test_who_left_comes_back_under_the_same_inviter(linda: Person, ella: Person) -> None:
    inviter = promoters.join(account=ella.account, at=AT)
    promoter = promoters.join(account=linda.account, invite_code=inviter.invite_code, at=AT)
    promoters.leave(account=linda.account, at=AT)
    assert promoters.capabilities(linda.account) == []
    back = promoters.join(account=linda.account, at=AT)
    assert (back.pk, back.status, back.sponsor_id) == (promoter.pk, "active", inviter.pk)


def test_freezing_is_audited_and_moves_only_from_active(staff: Person) -> None:
    promoter = PromoterFactory.create()
    by = staff.account
    promoters.freeze(promoter_id=promoter.pk, by=by, reason="velocity", at=AT)
    with pytest.raises(WrongState):
        promoters.freeze(promoter_id=promoter.pk, by=by, reason="again", at=AT)
    promoters.unfreeze(promoter_id=promoter.pk, by=by, reason="cleared", at=AT)
    with pytest.raises(WrongState):
        promoters.unfreeze(promoter_id=promoter.pk, by=by, reason="again", at=AT)
    acts = AuditEntry.objects.order_by("id").values_list("action", "reason")
    assert list(acts) == [("promoter.freeze", "velocity"), ("promoter.unfreeze", "cleared")]
    with pytest.raises(NotFound):
        promoters.freeze(promoter_id=promoter.pk + 1, by=by, reason="x", at=AT)


def test_a_cycle_cannot_be_written(staff: Person) -> None:
    """I6: a sponsor joined earlier, by verb and by the database."""
    older, younger = PromoterFactory.create(), PromoterFactory.create()
    with pytest.raises(SponsorImpossible):
        promoters.change_sponsor(
            promoter_id=older.pk, sponsor_id=younger.pk, by=staff.account, reason="x", at=AT
        )
    with pytest.raises(SponsorImpossible):
        promoters.change_sponsor(
            promoter_id=older.pk, sponsor_id=older.pk, by=staff.account, reason="x", at=AT
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        Promoter.objects.filter(pk=older.pk).update(sponsor=younger)
    assert not SponsorEdge.objects.exists()


def test_the_tree_of_a_past_day_can_still_be_asked(staff: Person) -> None:
    """X6: re-parenting is a dated row; the old one stays and cannot be edited."""
    first, second = PromoterFactory.create(), PromoterFactory.create()
    account = AccountFactory.create()
    promoter = promoters.join(account=account, invite_code=first.invite_code, at=AT)
    promoters.change_sponsor(
        promoter_id=promoter.pk,
        sponsor_id=second.pk,
        by=staff.account,
        reason="moved",
        at=AT + timedelta(days=3),
    )
    edges = SponsorEdge.objects.filter(promoter=promoter).order_by("from_at")
    assert [edge.sponsor_id for edge in edges] == [first.pk, second.pk]
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        connection.cursor().execute("UPDATE commissions_sponsoredge SET sponsor_id = NULL")
