"""The front page: what needs a person, in a constant number of queries."""

from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from backend.core import heartbeats
from backend.core.clock import now
from backend.core.models import Event
from commissions import payouts, roles
from seeds.factories import AccountFactory
from shops import metrics
from tests.cast import Person
from tests.commissions import sales
from tests.commissions.money_out import AT, earner, officer
from tests.desk import signed_in


@pytest.fixture
def desk(staff: Person) -> Client:
    """A browser signed in as staff with every right."""
    return signed_in(staff.account)


def queues(page: str) -> dict[str, str]:
    """The counts by their words."""
    part = page.split('id="queues"')[1].split("</ul>", maxsplit=1)[0]
    spans = [piece.split(">")[-1] for piece in part.split("</span>")][:-1]
    return dict(zip(spans[::2], spans[1::2], strict=True))


def test_the_front_page_says_what_waits_and_leads_to_it(desk: Client) -> None:
    account = earner()
    payouts.request(account=account, amount_fen=1_000, at=AT)
    Event.objects.create(kind="order.paid", subject_id=1, state="parked", recorded_at=AT, due_at=AT)
    page = desk.get("/admin/").content.decode()
    found = queues(page)
    assert found["Payouts to prepare 待初审"] == "1"
    assert found["Events parked 事件搁置"] == "1"
    assert found["Payouts to approve 待复核"] == "0"
    assert len(found) == 17
    assert "/admin/commissions/payout/?status__exact=requested" in page
    listed = desk.get("/admin/commissions/payout/?status__exact=requested").content.decode()
    assert account.handle in listed


def test_the_charts_show_thirty_days_of_orders(desk: Client) -> None:
    at = now()
    lines = [sales.sale(at=at - timedelta(days=day)) for day in (0, 0, 3)]
    metrics.mark_days([Event(subject_id=line.order_id, recorded_at=at) for line in lines])
    metrics.roll_up(at=at)
    page = desk.get("/admin/").content.decode()
    assert page.count('class="chart-days"') == 2
    assert page.count("<rect ") == 60
    assert "Buyers today 今日下单人数" in page
    assert f"{at - timedelta(days=3):%Y-}" in page
    assert "max ¥258.00" in page
    assert page.count(": 2</title>") == 1


def test_the_page_costs_the_same_however_much_waits(
    desk: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    heartbeats.beat(job="relay", at=now())
    desk.get("/admin/")
    with django_assert_num_queries(9, exact=False) as few:
        desk.get("/admin/")
    account = earner(100_000)
    for _ in range(15):
        payouts.request(account=account, amount_fen=1_000, at=AT)
        heartbeats.beat(job=f"job{_}", at=now())
    with django_assert_num_queries(len(few)):
        desk.get("/admin/")


def test_staff_see_only_the_queues_of_their_rights(db: None) -> None:
    client = signed_in(officer("view_payout"))
    page = client.get("/admin/").content.decode()
    assert set(queues(page)) == {
        "Payouts to prepare 待初审",
        "Payouts to approve 待复核",
        "Payouts for the bank 待生成批次",
        "Payouts, result unknown 结果未知",
        "Payouts, second approval 待二次复核",
        "Payouts held 提现冻结",
    }
    assert "chart-days" not in page


def test_a_late_job_is_said_to_be_late(desk: Client) -> None:
    heartbeats.beat(job="relay", at=now() - timedelta(minutes=6))
    heartbeats.beat(job="books", at=now() - timedelta(minutes=61), note="clean")
    page = desk.get("/admin/").content.decode()
    jobs = page.split('id="jobs"')[1].split("</ul>")[0]
    assert jobs.count("· late") == 1
    assert "clean" in jobs


def test_the_groups_of_the_desk_hold_what_they_say_and_no_more(db: None) -> None:
    names = ["payout_maker", "payout_approver", "auditor", "support_readonly"]
    assert roles.set_up_roles() == names
    roles.set_up_roles()
    people = {}
    for name in roles.GROUPS:
        account = AccountFactory.create(is_staff=True)
        account.groups.set(account.groups.model.objects.filter(name=name))
        people[name] = account
    maker, approver = people["payout_maker"], people["payout_approver"]
    assert maker.has_perm("commissions.prepare_payout")
    assert not maker.has_perm("commissions.approve_payout")
    assert approver.has_perm("commissions.approve_payout")
    assert not approver.has_perm("commissions.prepare_payout")
    auditor = people["auditor"].get_all_permissions()
    assert {right for right in auditor if ".view_" not in right} == {"commissions.export_books"}
    assert len(auditor) == 7
    support = AccountFactory.create(is_staff=True)
    support.groups.set(support.groups.model.objects.filter(name="support_readonly"))
    rights = support.get_all_permissions()
    assert rights
    assert all(right.split(".")[1].startswith("view_") for right in rights)
    assert "accounts.view_accesstoken" not in rights


def test_a_nightly_job_is_not_late_in_the_afternoon(desk: Client) -> None:
    at = now()
    for job, hours in (("recount", 20), ("files", 20), ("books", 1), ("uploads", 1)):
        heartbeats.beat(job=job, at=at - timedelta(hours=hours))
    assert "· late" not in desk.get("/admin/").content.decode()
