"""Plans that name agencies, before they are published: the linter, the preview, the database's
guards, the shop's doors and the staff's page: K1, K9, X8, I8."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from backend.core.models import RowChange
from commissions import plans
from commissions.models import Agency, CommissionPlan, PlanVersion
from commissions.plans import PlanRefused
from seeds.factories import AgencyFactory, PromoterFactory, ShopFactory, SkuFactory
from tests.cast import Person
from tests.commissions.plan_world import AT, DAY, Stall, founded, moved, speaking
from tests.desk import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def stall() -> Stall:
    return Stall()


@pytest.fixture
def agency() -> Agency:
    return founded()


# ---------------------------------------------------------------- linter, preview
def codes(version: PlanVersion) -> list[str]:
    return [one.code for one in plans.lint_version(version=version, at=AT - DAY)]


def test_a_version_that_names_only_an_agency_speaks_to_somebody(
    stall: Stall, agency: Agency
) -> None:
    me: dict[str, Any] = {"agencies": [agency.owner.handle], "rate_bps": 5}
    assert codes(stall.draft("targeted", **me)) == []
    assert codes(stall.draft("exclusive", **me)) == []
    assert codes(stall.draft("open", **me)) == ["plan_needs_targets"]
    assert codes(stall.draft("campaign", **me, ends_at=AT)) == ["plan_needs_targets"]
    bare = stall.draft("targeted", **me)
    plans.change(owner=None, version_id=bare.pk, fields={"agencies": []}, at=AT)
    bare.refresh_from_db()
    assert (bare.all_promoters, codes(bare)) == (True, ["plan_needs_targets"])
    plans.change(owner=None, version_id=bare.pk, fields=me, at=AT)
    plans.change(owner=None, version_id=bare.pk, fields={"promoters": []}, at=AT)
    bare.refresh_from_db()
    assert (bare.all_promoters, codes(bare)) == (False, [])


def test_a_suspended_agency_cannot_be_named_in_what_is_published(
    stall: Stall, agency: Agency
) -> None:
    version = stall.draft("targeted", rate_bps=5, agencies=[agency.owner.handle])
    Agency.objects.filter(pk=agency.pk).update(status="suspended")
    with pytest.raises(PlanRefused) as refused:
        plans.publish(version_id=version.pk, by=stall.staff, at=AT - DAY)
    assert refused.value.code == "plan_agency_suspended"
    assert refused.value.extra["clause"].startswith("plans 11")
    version.refresh_from_db()
    assert version.published_at is None


def test_exclusive_plans_overlap_in_an_agency_and_in_its_members_of_now(
    stall: Stall, agency: Agency
) -> None:
    speaking(stall, agency, kind="exclusive", rate_bps=5)
    other = AgencyFactory.create(created_at=AT - 8 * DAY)
    clash = ["plan_overlaps_exclusive"]
    same = stall.draft("exclusive", rate_bps=5, agencies=[agency.owner.handle])
    assert codes(same) == clash, "whoever is a member of it"
    assert codes(stall.draft("targeted", rate_bps=5, agencies=[agency.owner.handle])) == []
    drafts = [
        stall.draft("exclusive", rate_bps=5, agencies=[other.owner.handle]),
        stall.draft("exclusive", rate_bps=5, promoters=[stall.linda.account.handle]),
        stall.draft("exclusive", rate_bps=5, tiers=["gold"]),
    ]
    assert [codes(one) for one in drafts] == [[], [], []]
    moved(stall.linda, agency, AT)
    assert [codes(one) for one in drafts] == [[], clash, []]
    plans.set_tier(promoter_id=stall.linda.pk, tier="gold", by=stall.staff, reason="x", at=AT)
    assert [codes(one) for one in drafts] == [[], clash, clash]
    moved(stall.linda, agency, AT + DAY)
    moved(stall.linda, other, AT + DAY)
    assert [codes(one) for one in drafts] == [[], [], []]


def test_the_preview_counts_the_members_of_now_once(stall: Stall, agency: Agency) -> None:
    nana, frozen, left = (
        PromoterFactory.create(status=status) for status in ("active", "frozen", "active")
    )
    for one in (stall.linda, nana, frozen, left):
        moved(one, agency, AT - DAY)
    moved(left, agency, AT)
    draft = stall.draft(
        "targeted", rate_bps=5, agencies=[agency.owner.handle],
        promoters=[nana.account.handle], tiers=["gold"],
    )  # fmt: skip
    assert plans.preview(version=draft)["promoters"] == 2
    assert plans.named_words(draft) == (
        f"promoters: {nana.account.handle}\n"
        f"members of agencies: {agency.name} ({agency.owner.handle})\ntiers: gold"
    )
    assert plans.named_words(stall.draft(rate_bps=5)) == "everybody"


# ---------------------------------------------------------------- the database
@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM commissions_planagency",
        "UPDATE commissions_planagency SET agency_id = agency_id + 1",
        "INSERT INTO commissions_planagency (version_id, agency_id)"
        " SELECT n.version_id, a.id FROM commissions_planagency n, commissions_agency a"
        " WHERE a.id <> n.agency_id",
    ],
)
def test_the_database_refuses_to_change_whom_a_published_plan_names(
    stall: Stall, agency: Agency, change: str
) -> None:
    AgencyFactory.create(created_at=AT)
    version = speaking(stall, agency)
    assert RowChange.objects.filter(table_name="commissions_planagency").count() == 1
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        connection.cursor().execute(change)
    assert [one.agency_id for one in version.agencies.all()] == [agency.pk]


# ---------------------------------------------------------------- doors
def test_a_shop_names_agencies_by_their_owners(selena: Person, agency: Agency) -> None:
    """By REST: drafted, read, changed, listed at the same cost, published."""
    shop = ShopFactory.create(account=selena.account)
    SkuFactory.create(product__shop=shop, price_fen=10_000)
    owner, client = agency.owner.handle, selena.client
    path = f"/v1/shops/{shop.pk}/commission-plans"
    body = {"name": "机构定向", "kind": "targeted", "promoter_bps": 8_000, "rate_bps": 1_500}
    for wrong, code in ((["nobody", owner], "plan_target_unknown"), ([owner] * 201, "invalid"),
                        ("x", "invalid"), ([None], "invalid")):  # fmt: skip
        refused = client.post(path, {**body, "agencies": wrong}, format="json")
        assert (refused.status_code, refused.json()["code"]) == (422, code)
        assert {field.split(".")[0] for field in refused.json()["errors"]} == {"agencies"}
    assert not CommissionPlan.objects.exists()
    made = client.post(path, {**body, "agencies": [owner]}, format="json").json()
    assert (made["agencies"], made["promoters"], made["all_promoters"]) == ([owner], [], False)
    version = f"/v1/plan-versions/{made['id']}"
    assert client.get(version).json() == made
    bare = client.patch(version, {"agencies": []}, format="json").json()
    assert (bare["agencies"], bare["all_promoters"]) == ([], True)
    assert client.patch(version, {"agencies": [owner, owner]}, format="json").json() == made
    done = client.post(f"{version}/publish", {"from_now": True}, format="json").json()
    assert (done["agencies"], done["published_at"]) == ([owner], done["starts_at"])
    (listed,) = client.get(path).json()["results"]
    assert listed["versions"][0]["agencies"] == [owner]


def test_staff_name_agencies_and_see_them_on_the_page(staff: Person, agency: Agency) -> None:
    desk: Client = signed_in(staff.account)
    stall = Stall()
    moved(stall.linda, agency, AT - DAY)
    typed: dict[str, Any] = {
        "name": "机构专属", "kind": "exclusive", "rate_bps": 1_500, "promoter_bps": 8_000,
        "inviter_bps": 2_000, "creator_bps": 10_000, "charity_bps": 100,
        "starts_at_0": "2099-01-01", "starts_at_1": "00:00:00",
    }  # fmt: skip
    add = "/admin/commissions/planversion/add/"
    wrong = desk.post(add, {**typed, "agencies": "nobody"})
    assert "No agency is owned by nobody" in wrong.content.decode()
    answer = desk.post(add, {**typed, "agencies": agency.owner.handle})
    assert answer.status_code == 302, answer.context["errors"]
    draft = PlanVersion.objects.get(is_default=False)
    assert [one.agency_id for one in draft.agencies.all()] == [agency.pk]
    page = desk.get(f"/admin/commissions/planversion/{draft.pk}/change/").content.decode()
    assert f"members of agencies: {agency.name} ({agency.owner.handle})" in page
    assert "active promoters: 1." in page
