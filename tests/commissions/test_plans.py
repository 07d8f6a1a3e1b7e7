"""Plans: shares, the linter, publishing, and versions that never change: K8, X8, I8."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from backend.core.errors import NotFound, WrongState
from backend.core.models import AuditEntry
from commissions import plans
from commissions.models import PlanVersion
from commissions.plans import (
    PlanBeforeLater,
    PlanDefaultEnds,
    PlanOverHundredPercent,
    PlanPaysRecruiting,
    PlanStartsInPast,
    PlanTooManyLevels,
)
from commissions.split import Shares
from tests.cast import Person

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)
GOOD = Shares(7_000, 2_000, 9_000, 100)
pytestmark = pytest.mark.django_db


def test_the_first_default_is_made_once_and_holds_since_ever() -> None:
    first = plans.default_version(AT)
    numbers = (first.promoter_bps, first.inviter_bps, first.creator_bps, first.charity_bps)
    assert numbers == (8_000, 2_000, 10_000, 100)
    assert plans.default_version(AT - 3_000 * DAY).pk == first.pk
    assert plans.ensure_default(at=AT + DAY).pk == first.pk
    assert PlanVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("shares", "problem"),
    [
        (Shares(8_001, 2_000, 0, 0), PlanOverHundredPercent),
        (Shares(0, 0, 10_001, 0), PlanOverHundredPercent),
        (Shares(0, 0, 0, 10_001), PlanOverHundredPercent),
        (Shares(3_000, 4_000, 0, 0), PlanPaysRecruiting),
    ],
)
def test_a_plan_that_breaks_a_rule_cannot_even_be_drafted(
    shares: Shares, problem: type[Exception]
) -> None:
    with pytest.raises(problem):
        plans.draft(name="bad", shares=shares, starts_at=AT, at=AT)
    assert not PlanVersion.objects.exists()


def test_a_market_of_one_paying_level_refuses_an_inviter_share(settings: object) -> None:
    settings.PAYING_LEVELS = 1  # type: ignore[attr-defined]
    with pytest.raises(PlanTooManyLevels):
        plans.draft(name="two", shares=GOOD, starts_at=AT, at=AT)
    assert plans.default_version(AT).inviter_bps == 0


def test_a_new_default_begins_where_the_old_one_ends(staff: Person) -> None:
    """Half-open: the instant itself belongs to the new version."""
    old = plans.default_version(AT)
    new = plans.draft(name="default", shares=GOOD, starts_at=AT + DAY, at=AT)
    assert (new.number, new.published_at) == (2, None)
    assert plans.default_version(AT + 2 * DAY).pk == old.pk
    plans.publish(version_id=new.pk, by=staff.account, at=AT)
    assert plans.default_version(AT + DAY - timedelta(microseconds=1)).pk == old.pk
    assert plans.default_version(AT + DAY).pk == new.pk
    assert AuditEntry.objects.get().data["promoter_bps"] == 7_000


def test_publishing_twice_or_into_the_past_is_refused(staff: Person) -> None:
    past = plans.draft(name="late", shares=GOOD, starts_at=AT - DAY, at=AT)
    with pytest.raises(PlanStartsInPast):
        plans.publish(version_id=past.pk, by=staff.account, at=AT)
    good = plans.draft(name="late", shares=GOOD, starts_at=AT, at=AT)
    plans.publish(version_id=good.pk, by=staff.account, at=AT)
    with pytest.raises(WrongState):
        plans.publish(version_id=good.pk, by=staff.account, at=AT)
    with pytest.raises(NotFound):
        plans.publish(version_id=good.pk + 1, by=staff.account, at=AT)
    past.refresh_from_db()
    assert past.published_at is None


def test_a_version_published_for_later_is_not_silently_cut_off(staff: Person) -> None:
    plans.default_version(AT)
    later = plans.draft(name="default", shares=GOOD, starts_at=AT + 2 * DAY, at=AT)
    plans.publish(version_id=later.pk, by=staff.account, at=AT)
    sooner = plans.draft(name="default", shares=GOOD, starts_at=AT + DAY, at=AT)
    with pytest.raises(PlanBeforeLater):
        plans.publish(version_id=sooner.pk, by=staff.account, at=AT)
    later.refresh_from_db()
    assert later.ends_at is None
    assert plans.default_version(AT + 2 * DAY).pk == later.pk


def test_a_default_of_the_market_has_no_end_of_its_own(staff: Person) -> None:
    """Where it ended, no plan would be in force; only another default ends it."""
    old = plans.default_version(AT)
    fields = {**GOOD._asdict(), "starts_at": AT, "ends_at": AT + DAY}
    version = plans.create(
        owner=None, shop_id=None, name="until", kind="open", fields=fields, at=AT
    )
    assert [one.code for one in plans.lint_version(version=version, at=AT)] == ["plan_default_ends"]
    with pytest.raises(PlanDefaultEnds):
        plans.publish(version_id=version.pk, by=staff.account, at=AT)
    old.refresh_from_db()
    assert (old.ends_at, plans.default_version(AT + 2 * DAY).pk) == (None, old.pk)
    publishing = "UPDATE commissions_planversion SET is_default = true, published_at = starts_at"
    with pytest.raises(IntegrityError, match="has no end"), transaction.atomic():
        connection.cursor().execute(f"{publishing} WHERE id = %s", [version.pk])


def test_a_default_that_ends_later_is_not_cut_before_it_begins(staff: Person) -> None:
    """Of [10th, 20th), from before defaults had no end: one from the 5th is refused by its name."""
    plans.default_version(AT)
    later = plans.draft(name="default", shares=GOOD, starts_at=AT + 10 * DAY, at=AT)
    plans.publish(version_id=later.pk, by=staff.account, at=AT)
    PlanVersion.objects.filter(pk=later.pk).update(ends_at=AT + 20 * DAY)
    for days, refused in ((5, True), (10, True), (19, False)):
        sooner = plans.draft(name="default", shares=GOOD, starts_at=AT + days * DAY, at=AT)
        if refused:
            with pytest.raises(PlanBeforeLater), transaction.atomic():
                plans.publish(version_id=sooner.pk, by=staff.account, at=AT)
        else:
            plans.publish(version_id=sooner.pk, by=staff.account, at=AT)
    later.refresh_from_db()
    assert later.ends_at == AT + 19 * DAY


@pytest.mark.parametrize(
    "change", ["promoter_bps = 1", "inviter_bps = 1", "charity_bps = 1", "starts_at = now()"]
)
def test_the_database_itself_refuses_to_change_a_published_version(change: str) -> None:
    version = plans.default_version(AT)
    for statement in (
        f"UPDATE commissions_planversion SET {change}",
        "DELETE FROM commissions_planversion",
    ):
        with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
            connection.cursor().execute(statement)
    version.refresh_from_db()
    assert version.promoter_bps == 8_000


def test_a_draft_may_still_be_changed() -> None:
    draft = plans.draft(name="x", shares=GOOD, starts_at=AT, at=AT)
    draft.promoter_bps = 6_000
    draft.save()
    draft.refresh_from_db()
    assert draft.promoter_bps == 6_000
