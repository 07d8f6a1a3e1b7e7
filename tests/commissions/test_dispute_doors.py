"""Disputes at their doors (X7): by REST for who was in question, at two desks for the staff; the
staff's pages of locks, codes and overrides."""

import pytest
from django.contrib.auth.models import Permission

from backend.accounts.models import Account
from commissions import locks, touches
from commissions.models import (
    AttributionDispute,
    AttributionOverride,
    CouponCode,
    LockChange,
    LockSetting,
)
from seeds.factories import CouponCodeFactory, LockSettingFactory
from tests.cast import Person
from tests.commissions.disputed import AT, DAY, Case, checker, maker
from tests.desk import code_of, signed_in

pytestmark = pytest.mark.django_db


def test_a_promoter_opens_sees_and_withdraws_a_dispute_by_rest(
    mallory: Person, linda: Person
) -> None:
    case = Case()
    case.mia.account = linda.account
    case.mia.save(update_fields=["account"])
    body = {
        "order_number": case.line.order.number,
        "line": case.line.pk,
        "claim": "My link was first",
        "evidence": ["click 4"],
    }
    assert mallory.client.post("/v1/attribution-disputes", body, format="json").status_code == 404
    answer = linda.client.post("/v1/attribution-disputes", body, format="json")
    assert answer.status_code == 201
    made = answer.json()
    assert (made["status"], made["side"], made["line"]) == ("open", "promoter", case.line.pk)
    path = f"/v1/attribution-disputes/{made['id']}"
    assert linda.client.get(path).json() == made
    assert mallory.client.get(path).status_code == 404
    assert mallory.client.post(f"{path}/withdraw", {}, format="json").status_code == 404
    again = linda.client.post("/v1/attribution-disputes", body, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "dispute_open")
    ended = linda.client.post(f"{path}/withdraw", {}, format="json")
    assert ended.json()["status"] == "withdrawn"
    assert linda.client.post(f"{path}/withdraw", {}, format="json").status_code == 409
    (listed,) = linda.client.get("/v1/attribution-disputes").json()["results"]
    assert listed["status"] == "withdrawn"


def press(person: Account, dispute: AttributionDispute, act: str, **form: str) -> str:
    """A member of staff presses a button of the dispute's page and answers its question."""
    desk = signed_in(person)
    path = f"/admin/commissions/attributiondispute/{dispute.pk}/{act}/"
    page = f"/admin/commissions/attributiondispute/{dispute.pk}/change/"
    assert desk.get(page).status_code == 200
    asked = desk.get(path).content.decode()
    if 'name="code"' in asked:
        form["code"] = code_of(person)
    answer = desk.post(path, {"confirmed": "yes", **form}, follow=True)
    return answer.content.decode()


def seeing(account: Account) -> Account:
    for name in ("view_attributiondispute", "view_attributionoverride"):
        account.user_permissions.add(Permission.objects.get(codename=name))
    return Account.objects.get(pk=account.pk)


def test_two_members_of_staff_settle_a_dispute_at_their_desks() -> None:
    case = Case()
    dispute = case.open()
    first, second = seeing(maker()), seeing(checker())
    said = press(
        first, dispute, "propose_one",
        role="promoter", handle=case.mia.account.handle, reason="Her click was named",
    )  # fmt: skip
    assert case.mia.account.handle in said
    assert case.fen() == (1_600, 400, 0)
    press(second, dispute, "approve_one")
    dispute.refresh_from_db()
    assert (dispute.status, dispute.decided_by_id) == ("settled", second.pk)
    assert case.fen() == (0, 0, 1_600)
    desk = signed_in(second)
    for page in ("attributiondispute", "attributionoverride"):
        assert desk.get(f"/admin/commissions/{page}/").status_code == 200


def test_the_pages_of_attribution_open_for_staff(staff: Person) -> None:
    case = Case()
    case.to_mia()
    LockSettingFactory.create(shop=case.sku.product.shop, since=AT - DAY)
    LockSettingFactory.create(shop=None, since=AT - DAY)
    CouponCodeFactory.create(shop=case.sku.product.shop)
    touches.record(code=case.links[0].code, visitor="", account=case.buyer, at=AT)
    touches.store_touches()
    desk = signed_in(staff.account)
    pages = {
        "locksetting": LockSetting, "lockchange": LockChange, "couponcode": CouponCode,
        "attributiondispute": AttributionDispute, "attributionoverride": AttributionOverride,
    }  # fmt: skip
    for page, model in pages.items():
        row = model.objects.first()
        assert row is not None
        assert desk.get(f"/admin/commissions/{page}/?q=x").status_code == 200, page
        assert desk.get(f"/admin/commissions/{page}/{row.pk}/change/").status_code == 200, page


def test_staff_set_the_platforms_default_of_locks(staff: Person) -> None:
    desk = signed_in(staff.account)
    fields = dict.fromkeys(locks.FIELDS, "0") | {"mode": "last", "click_live_days": "3"}
    answer = desk.post("/admin/commissions/locksetting/add/", fields)
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    (found,) = LockSetting.objects.all()
    assert (found.shop_id, found.mode, found.click_live_days) == (None, "last", 3)
