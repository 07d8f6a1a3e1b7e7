"""A promoter's team: two levels by masked names, counted by a job, at a constant number of queries;
and the trees that the law counts (X8, K8, K9, I6)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from backend.core.models import Heartbeat
from backend.core.sql import rows, run
from commissions import accruals, compliance, tasks, team
from commissions.models import AgencyCount, ComplianceFinding, Promoter, PromoterCount
from seeds.factories import (
    AccountFactory,
    AgencyEdgeFactory,
    AgencyFactory,
    PromoterFactory,
    PromotionLinkFactory,
    SkuFactory,
)
from tests.cast import Person
from tests.commissions import sales
from tests.commissions.disputed import AT as CASE_AT
from tests.commissions.disputed import Case
from tests.desk import signed_in

AT = datetime(2026, 11, 22, 4, tzinfo=UTC)
DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


def below(*sponsors: Promoter, **fields: Any) -> list[Promoter]:
    return [PromoterFactory.create(sponsor=sponsor, **fields) for sponsor in sponsors]


def sold(promoter: Promoter, at: datetime, refunded: int = 0) -> None:
    sku = SkuFactory.create()
    link = PromotionLinkFactory.create(promoter=promoter, target_id=sku.product_id)
    line = sales.sale(at=at, sku=sku, referral_code=link.code)
    if refunded:
        sales.refund(line, refunded)
    accruals.reconcile_orders([line.order_id], at=at)


# ---------------------------------------------------------------- the team
def test_a_team_is_two_levels_by_masked_names(linda: Person) -> None:
    head = PromoterFactory.create(account=linda.account)
    named = AccountFactory.create(display_name="王小明")
    first = PromoterFactory.create(sponsor=head, account=named)
    other = PromoterFactory.create(sponsor=head)
    second, gone = below(first, first)
    (third,) = below(second)
    Promoter.objects.filter(pk=gone.pk).update(status="left")
    body = linda.client.get("/v1/me/team").json()
    assert [row["id"] for row in body["results"]] == [other.pk, first.pk]
    assert body["next"] is None
    seen = body["results"][1]
    assert (seen["name"], seen["invited"], seen["is_active"]) == ("王**", 1, False)
    assert "王小明" not in str(body)
    deeper = linda.client.get("/v1/me/team", {"level": "2"}).json()["results"]
    assert [row["id"] for row in deeper] == [second.pk]
    assert linda.client.get("/v1/me/team", {"level": "3"}).status_code == 400
    assert third.pk not in [row["id"] for row in deeper]


def test_pages_follow_each_other_without_a_gap(linda: Person) -> None:
    head = PromoterFactory.create(account=linda.account)
    team_of = [one.pk for one in below(*[head] * 5)]
    seen, cursor = [], None
    while True:
        asked = {"page_size": 2, **({"cursor": cursor} if cursor else {})}
        body = linda.client.get("/v1/me/team", asked).json()
        seen += [row["id"] for row in body["results"]]
        cursor = body["next"]
        if not cursor:
            break
    assert seen == team_of[::-1]


def test_who_never_joined_has_no_team(mallory: Person) -> None:
    assert mallory.client.get("/v1/me/team").status_code == 404
    assert mallory.client.get("/v1/me/team/summary").status_code == 404


def test_the_summary_counts_people_sales_and_commission_of_thirty_days(linda: Person) -> None:
    head = PromoterFactory.create(account=linda.account)
    first, idle = below(head, head)
    (second,) = below(first)
    agency = AgencyFactory.create(share_bps=2_500, created_at=AT - 40 * DAY)
    AgencyEdgeFactory.create(agency=agency, promoter=second, from_at=AT - 40 * DAY)
    sold(first, AT - 31 * DAY)
    sold(first, AT - 29 * DAY)
    sold(first, AT - DAY, refunded=12_900)
    sold(second, AT - DAY, refunded=6_450)
    assert team.count_promoters(at=AT) == 2
    assert team.totals(linda.account, at=AT + timedelta(minutes=20)) == {
        "days": 30,
        "as_of": AT,
        "levels": [
            {
                "level": 1,
                "people": 2,
                "active": 1,
                "lines": 1,
                "gmv_fen": 12_900,
                "commission_fen": 2_064,
            },
            {
                "level": 2,
                "people": 1,
                "active": 1,
                "lines": 1,
                "gmv_fen": 6_450,
                "commission_fen": 1_032,
            },
        ],
    }
    count = AgencyCount.objects.get()
    assert (count.lines, count.gmv_fen, count.part_fen, count.passed_on_fen) == (
        1,
        6_450,
        1_032,
        258,
    )
    active = team.page(linda.account, level=1, at=AT)
    assert [(row["id"], row["is_active"]) for row in active] == [
        (idle.pk, False),
        (first.pk, True),
    ]
    assert team.count_promoters(at=AT + 40 * DAY) == 0
    assert not PromoterCount.objects.exists()
    assert not AgencyCount.objects.exists()


def test_an_agency_above_another_is_counted_by_what_that_one_passes_on() -> None:
    upper, lower = (
        AgencyFactory.create(share_bps=bps, created_at=AT - 9 * DAY) for bps in (5_000, 2_500)
    )
    promoter = PromoterFactory.create()
    AgencyEdgeFactory.create(agency=lower, promoter=promoter, from_at=AT - 9 * DAY)
    edge = AgencyEdgeFactory.create(agency=upper, child=lower, from_at=AT - 9 * DAY)
    sold(promoter, AT - DAY)
    team.count_promoters(at=AT)
    count = AgencyCount.objects.get(edge=edge)
    assert (count.part_fen, count.passed_on_fen) == (516, 258)


def test_a_line_decided_anew_is_counted_for_whom_it_is_owed_to() -> None:
    """The promoter, and the agency, of the override; not of the attribution."""
    case = Case()
    agency = AgencyFactory.create(share_bps=2_500, created_at=CASE_AT - 9 * DAY)
    edge = AgencyEdgeFactory.create(agency=agency, promoter=case.mia, from_at=CASE_AT - 9 * DAY)
    team.count_promoters(at=CASE_AT + DAY)
    assert PromoterCount.objects.values_list("promoter_id", flat=True).get() == case.linda.pk
    case.to_mia()
    team.count_promoters(at=CASE_AT + 2 * DAY)
    count = PromoterCount.objects.get()
    assert (count.promoter_id, count.lines, count.commission_fen) == (case.mia.pk, 1, 1_600)
    passed = AgencyCount.objects.get(edge=edge)
    assert (passed.part_fen, passed.passed_on_fen) == (1_600, 400)


FOREST = """
INSERT INTO commissions_promoter (id, account_id, sponsor_id, invite_code, status, joined_at)
SELECT n, a.id, CASE WHEN n = 1 THEN NULL WHEN n <= 11 THEN 1 ELSE 2 + n %% 10 END, 'c' || n,
    'active', %(at)s::timestamptz
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM accounts_account) a
"""


def test_a_page_and_the_totals_cost_the_same_for_a_large_team(
    django_assert_num_queries: Any,
) -> None:
    """One query for who asks, one for a page, two for the totals, whatever the size."""
    AccountFactory.create_batch(60)
    run(FOREST, {"at": AT})
    account = Promoter.objects.get(pk=1).account
    with django_assert_num_queries(2):
        assert len(team.page(account, level=2, at=AT, size=20)) == 20
    with django_assert_num_queries(3):
        found = team.totals(account, at=AT)
    assert [level["people"] for level in found["levels"]] == [10, 49]


# ---------------------------------------------------------------- what the law counts
def test_trees_are_found_at_thirty_people_or_three_levels_with_the_root() -> None:
    """X8, to the person: 29 and 30 people, 2 and 3 levels, counted with the root."""
    small, wide, deep, both = PromoterFactory.create_batch(4)
    below(*[small] * 28)
    below(*[wide] * 29)
    (child,) = below(deep)
    below(child)
    (child,) = below(both)
    below(*[child] * 28)
    assert compliance.report(at=AT) == 3
    found = ComplianceFinding.objects.order_by("root_id")
    assert [(one.root_id, one.people, one.levels, one.reached) for one in found] == [
        (wide.pk, 30, 2, "people"),
        (deep.pk, 3, 3, "levels"),
        (both.pk, 30, 3, "both"),
    ]
    assert {one.day for one in found} == {date(2026, 11, 22)}


def test_who_left_is_not_counted_but_whom_they_invited_is() -> None:
    root = PromoterFactory.create()
    (left,) = below(root)
    (low,) = below(left)
    Promoter.objects.filter(pk=left.pk).update(status="left")
    compliance.report(at=AT)
    (found,) = ComplianceFinding.objects.all()
    assert (found.root_id, found.people, found.levels) == (root.pk, 2, 3)
    Promoter.objects.filter(pk=low.pk).update(status="left")
    assert compliance.report(at=AT + timedelta(hours=1)) == 0
    assert not ComplianceFinding.objects.exists(), "the same day is written anew"


def test_a_day_is_reported_once_and_another_day_again() -> None:
    root = PromoterFactory.create()
    below(*below(root))
    for at in (AT, AT + timedelta(hours=1), AT + DAY):
        compliance.report(at=at)
    days = ComplianceFinding.objects.order_by("day").values_list("day", "recorded_at")
    assert list(days) == [
        (date(2026, 11, 22), AT + timedelta(hours=1)),
        (date(2026, 11, 23), AT + DAY),
    ]


def test_staff_read_the_last_report_by_rest_and_in_the_admin(
    staff: Person, linda: Person, django_assert_max_num_queries: Any
) -> None:
    root = PromoterFactory.create()
    below(*below(root))
    compliance.report(at=AT - DAY)
    compliance.report(at=AT)
    answer = staff.client.get("/v1/compliance/findings")
    assert answer.status_code == 200, answer.content
    (one,) = answer.json()["results"]
    assert (one["promoter"], one["people"], one["levels"], one["reached"]) == (
        root.pk,
        3,
        3,
        "levels",
    )
    assert linda.client.get("/v1/compliance/findings").status_code == 403
    desk = signed_in(staff.account)
    with django_assert_max_num_queries(12):
        page = desk.get("/admin/commissions/compliancefinding/")
    assert str(root.account) in page.content.decode()


def test_the_nights_jobs_leave_their_word() -> None:
    below(*below(PromoterFactory.create()))
    tasks.report_compliance()
    tasks.count_promoters()
    notes = dict(Heartbeat.objects.values_list("job", "note"))
    assert notes == {"compliance": "1 trees to look at", "count": "0 promoters sold"}


def test_no_step_of_the_report_reads_the_forest_once_a_tree() -> None:
    """One statement for all trees: the plan has one walk, whatever the number of roots."""
    plan = rows("EXPLAIN " + compliance._TREES + " SELECT * FROM counted")
    told = "\n".join(str(next(iter(row.values()))) for row in plan)
    assert told.count("Recursive Union") == 1
