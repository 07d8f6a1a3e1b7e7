"""Who sees where a buyer lives: the buyer, the shop while it sends and takes back, and staff with a
right, a reason and a trace."""

import pytest

from backend.core.clock import now
from backend.core.errors import Invalid, NotAllowed, NotFound
from backend.core.models import AuditEntry
from commissions import roles
from shops import addresses
from shops.models import Checkout, Order
from tests.cast import Person
from tests.commissions.money_out import officer
from tests.desk import signed_in
from tests.shops.sales import bought, shop_of, sku_in

pytestmark = pytest.mark.django_db
HOME = {
    "receiver": "李小鱼",
    "phone": "13800001234",
    "region_code": "310104",
    "detail": "示例路 1 弄 2 号",
}
MASKED = {"receiver": "李**", "phone": "*******1234", "region_code": "310104", "detail": "***"}


@pytest.fixture
def order(selena: Person, lily: Person) -> Order:
    """Lily's paid order at Selena's."""
    made = bought(lily.account, (sku_in(shop_of(selena.account)), 1))
    Checkout.objects.filter(pk=made.checkout_id).update(address=HOME)
    made.refresh_from_db()
    return made


@pytest.mark.parametrize(
    ("status", "seen"),
    [
        ("pending_payment", MASKED),
        ("paid", HOME),
        ("partially_shipped", HOME),
        ("shipped", HOME),
        ("received", HOME),
        ("completed", MASKED),
        ("cancelled", MASKED),
        ("closed", MASKED),
    ],
)
def test_a_shop_sees_it_while_it_needs_it_and_the_buyer_always(
    order: Order, selena: Person, lily: Person, status: str, seen: dict[str, str]
) -> None:
    unpaid = {"paid_fen": 0} if status in {"pending_payment", "cancelled"} else {}
    Order.objects.filter(pk=order.pk).update(status=status, **unpaid)
    url = f"/v1/orders/{order.number}"
    assert selena.client.get(url).json()["address"] == seen
    assert lily.client.get(url).json()["address"] == HOME


def test_what_is_not_there_is_not_masked_into_being() -> None:
    assert addresses.masked({}) == dict.fromkeys(("receiver", "phone", "region_code", "detail"), "")


def test_staff_see_it_masked_and_in_clear_for_a_reason(order: Order) -> None:
    row = order.checkout_id
    base = f"/admin/shops/checkout/{row}"
    clerk = signed_in(officer("view_checkout", "view_order"))
    page = clerk.get(f"{base}/change/").content.decode()
    assert "李** *******1234 310104 ***" in page
    for told in ("李小鱼", "13800001234", "示例路"):
        assert told not in page
        assert told not in clerk.get(f"/admin/shops/order/{order.pk}/change/").content.decode()
    assert clerk.get(f"{base}/unmask/").status_code == 403
    looker = officer("view_checkout", "unmask_checkout")
    browser = signed_in(looker)
    assert "示例路" not in browser.post(f"{base}/unmask/", {"confirmed": "y"}).content.decode()
    answer = browser.post(f"{base}/unmask/", {"confirmed": "y", "reason": "parcel came back"})
    assert "示例路 1 弄 2 号" in answer.content.decode()
    entry = AuditEntry.objects.get(action="address.unmask")
    assert (entry.actor, entry.target_id, entry.reason) == (looker, str(row), "parcel came back")
    assert "示例路" not in str(entry.data)


def test_the_verb_checks_for_itself(order: Order) -> None:
    looker = officer("unmask_checkout")
    with pytest.raises(NotAllowed):
        addresses.unmask(
            checkout_id=order.checkout_id, by=officer("view_checkout"), reason="x", at=now()
        )
    with pytest.raises(Invalid):
        addresses.unmask(checkout_id=order.checkout_id, by=looker, reason=" ", at=now())
    with pytest.raises(NotFound):
        addresses.unmask(checkout_id=10**9, by=looker, reason="x", at=now())
    assert not AuditEntry.objects.exists()


def test_no_group_of_staff_sees_anybody_in_clear() -> None:
    roles.set_up_roles()
    from django.contrib.auth.models import Permission

    given = Permission.objects.filter(group__isnull=False, codename__startswith="unmask")
    assert not given.exists()
