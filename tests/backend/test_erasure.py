"""Erasing a person: every trace of them goes, every fen stays (ASVS V14.2; PIPL's wish to go)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from rest_framework.test import APIClient

from backend.accounts import erasure, resets, tokens
from backend.accounts.models import Account, Address
from backend.core.clock import now
from backend.core.errors import Invalid, NotAllowed, NotFound
from backend.core.models import AuditEntry, IdempotencyKey
from backend.core.sql import rows, value
from commissions import books, payees, payouts
from commissions.models import Promoter
from notes import erasing
from notes.models import Comment, Follow, MediaFile, Note, NoteMedia
from seeds.factories import (
    AccountFactory,
    AddressFactory,
    AgencyFactory,
    MediaFileFactory,
    NoteFactory,
    ShopFactory,
)
from seeds.factories.accounts import PASSWORD
from shops.models import Checkout, Order, Refund, ShopApplication
from tests.cast import Person, person
from tests.commissions import books_world
from tests.commissions.money_out import CARD, credit, officer
from tests.desk import signed_in
from tests.shops import sales

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
# What is written about her, in words that stand nowhere else.
TRACES = {
    "handle": "zhuxiao_wanting",
    "name": "朱小婉婷本人",
    "bio": "住在独一无二路的人",
    "phone": "13912345678",
    "receiver": "收件人朱小婉婷",
    "detail": "独一无二路七号八零一",
    "title": "独一无二的标题",
    "body": "独一无二的正文写了什么",
    "comment": "独一无二的评论",
    "refund": "独一无二的退款说明",
    "reason": "独一无二的退款原因",
    "label": "独一无二的手机",
    "holder": "朱小婉婷持卡人",
    "shop": "独一无二小铺",
    "document": "11010519491231002X",
}


def traces() -> dict[str, list[str]]:
    """Where in the whole database each trace stands: every text, JSON and byte column of every
    table, as PostgreSQL writes it."""
    columns = rows(
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'public' AND is_generated = 'NEVER' "
        "AND data_type IN ('character varying', 'text', 'jsonb', 'bytea', 'ARRAY')"
    )
    found: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        for column in columns:
            name = f'"{column["column_name"]}"'
            shown = f"encode({name}, 'escape')" if column["data_type"] == "bytea" else name
            for trace, text in TRACES.items():
                cursor.execute(
                    f"SELECT 1 FROM {column['table_name']} WHERE {shown}::text LIKE %s LIMIT 1",
                    [f"%{text}%"],
                )
                if cursor.fetchone():
                    found.setdefault(trace, []).append(f"{column['table_name']}.{name}")
    return found


def somebody() -> Person:
    """A person who has left something everywhere, and nothing open."""
    her = person(
        TRACES["handle"],
        TRACES["name"],
        bio=TRACES["bio"],
        phone=TRACES["phone"],
        city_code="310000",
        birth_year=1990,
        gender="f",
    )
    account = her.account
    tokens.issue(account=account, at=AT, label=TRACES["label"])
    home = {"receiver": TRACES["receiver"], "phone": TRACES["phone"], "detail": TRACES["detail"]}
    AddressFactory.create(account=account, **home)
    _wrote(account)
    order = _bought(account, home)
    assert order.status == "closed"
    payees.add(
        account=account, provider="bank_file", holder_name=TRACES["holder"], number=CARD, at=AT
    )
    application = ShopApplication.objects.create(
        account=account,
        shop_name=TRACES["shop"],
        name_skeleton=TRACES["shop"],
        owner_type="individual",
        created_at=AT,
    )
    application.documents.create(kind="id_card", number=TRACES["document"])
    resets.give(account_id=account.pk, by=officer("reset_password"), reason="forgot", at=AT)
    her.client.get("/v1/me")
    wrong = {"handle": TRACES["handle"], "password": "not this one"}
    APIClient().post("/v1/auth/token", wrong, format="json")
    LogEntry.objects.create(
        user=AccountFactory.create(),
        content_type=ContentType.objects.get_for_model(Account),
        object_id=str(account.pk),
        object_repr=str(account),
        action_flag=2,
    )
    return her


def _wrote(account: Account) -> None:
    content = ContentFile(b"her picture")
    name = default_storage.save("202611/hers.jpg", content)
    file = MediaFileFactory.create(owner=account, file=name)
    note = NoteFactory.create(author=account, title=TRACES["title"], body=TRACES["body"])
    NoteMedia.objects.filter(note=note).delete()
    NoteMedia.objects.create(
        note=note, file=file, labels=[{"x": 0.5, "y": 0.5, "text": TRACES["label"]}]
    )
    NoteFactory.create(author=account, body=TRACES["body"], status="deleted")
    Comment.objects.create(note=NoteFactory.create(), author=account, text=TRACES["comment"], at=AT)
    Follow.objects.create(follower=account, followee=AccountFactory.create(), at=AT)
    Follow.objects.create(follower=AccountFactory.create(), followee=account, at=AT)


def paid_order(buyer: Account) -> Order:
    """An order that waits for its shop."""
    return sales.bought(buyer, (sales.sku_in(sales.shop_of(AccountFactory.create())), 1))


def _bought(account: Account, home: dict[str, str]) -> Order:
    order = paid_order(account)
    Refund.objects.create(
        number="R1",
        order=order,
        kind="refund_only",
        reason=TRACES["reason"],
        note=TRACES["refund"],
        amount_fen=1,
        status="succeeded",
        requested_at=AT,
        deadline_at=AT,
    )
    Checkout.objects.filter(buyer=account).update(address={**home, "region_code": "310104"})
    Order.objects.filter(pk=order.pk).update(status="closed", closed_at=AT)
    order.refresh_from_db()
    return order


def erase(her: Person) -> None:
    erasure.erase(account_id=her.account.pk, by=her.account, reason="", at=AT)


# ---------------------------------------------------------------- what goes
def test_no_trace_of_a_person_is_left_in_the_whole_database() -> None:
    her = somebody()
    before = traces()
    assert set(before) == set(TRACES) - {"holder"}, "they were there, and one was sealed"
    erase(her)
    assert traces() == {}


def test_what_is_left_says_nobodys_name(her_gone: Person) -> None:
    account = Account.objects.get(pk=her_gone.account.pk)
    assert account.display_name == erasure.NAME
    assert account.handle.startswith("gone.")
    assert (account.phone, account.bio, account.city_code, account.gender) == ("", "", "", "")
    assert (account.birth_year, account.last_login) == (None, None)
    assert not account.is_active
    assert account.erased_at == AT
    assert not account.has_usable_password()
    address = Checkout.objects.get(buyer=account).address
    assert address == {"receiver": "", "phone": "", "detail": "", "region_code": "310104"}
    assert not Address.objects.filter(account=account).exists()
    assert not IdempotencyKey.objects.filter(account=account).exists()
    assert not ShopApplication.objects.filter(account=account).exists()
    assert not Follow.objects.filter(follower=account).exists()
    assert not Follow.objects.filter(followee=account).exists()
    assert set(Note.objects.filter(author=account).values_list("status", "title", "body")) == {
        ("deleted", "", "")
    }
    assert Comment.objects.get(author=account).status == "deleted"


@pytest.fixture
def her_gone() -> Person:
    """Somebody who has left."""
    her = somebody()
    erase(her)
    return her


def test_nobody_gets_in_any_more(her_gone: Person, anyone: APIClient) -> None:
    assert her_gone.client.get("/v1/me").status_code == 401
    body = {"handle": TRACES["handle"], "password": PASSWORD}
    assert anyone.post("/v1/auth/token", body, format="json").status_code == 401
    assert anyone.get(f"/v1/accounts/{TRACES['handle']}").status_code == 404
    gone = Account.objects.get(pk=her_gone.account.pk)
    assert anyone.get(f"/v1/accounts/{gone.handle}").status_code == 404


def test_a_payees_number_is_gone_beyond_any_key() -> None:
    her = somebody()
    row = value("SELECT id FROM commissions_payeeaccount")
    erase(her)
    payee = payees.PayeeAccount.objects.get(pk=row)
    clear = payees.clear(payee)
    assert (clear.holder_name, clear.number, payee.number_masked) == ("", "", "")
    assert payees.masked_name(payee) == "*"
    assert not payee.is_active


@pytest.mark.django_db(transaction=True)
def test_the_files_go_after_the_commit_and_what_a_crash_leaves_goes_at_night(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    her = somebody()
    path = Path(default_storage.path(MediaFile.objects.get(owner=her.account).file.name))
    assert path.exists()
    with monkeypatch.context() as broken:
        broken.setattr(default_storage, "delete", _crash)
        erase(her)
    assert path.exists()
    assert erasing.remove_files() == 1
    assert not path.exists()
    assert not MediaFile.objects.filter(owner=her.account).exists()
    assert erasing.remove_files() == 0


def _crash(name: str) -> None:
    raise OSError("the disk is away")


# ---------------------------------------------------------------- what stays
def test_the_books_stay_clean_and_the_ledger_as_it_was() -> None:
    world = books_world.world()
    buyer = Order.objects.filter(status="completed").values_list("buyer", flat=True)[0]
    before = rows("SELECT * FROM commissions_entry ORDER BY 1, 2, 3")
    orders = rows("SELECT id, number, status, paid_fen FROM shops_order ORDER BY id")
    left = Order.objects.filter(buyer=buyer).exclude(status="completed").exists()
    assert not left
    account = Account.objects.get(pk=buyer)
    erasure.erase(account_id=buyer, by=account, reason="", at=AT + timedelta(days=20))
    assert rows("SELECT * FROM commissions_entry ORDER BY 1, 2, 3") == before
    assert rows("SELECT id, number, status, paid_fen FROM shops_order ORDER BY id") == orders
    late = AT + timedelta(days=9)
    assert [found for found in books.check(at=late) if "erase" in str(found)] == []
    assert world.account.erased_at is None


def test_who_promoted_promotes_no_more() -> None:
    account = AccountFactory.create()
    Promoter.objects.create(account=account, invite_code="ABCDEFGH", joined_at=AT)
    erasure.erase(account_id=account.pk, by=account, reason="", at=AT)
    assert Promoter.objects.get(account=account).status == "left"


def test_an_agency_loses_its_name_and_is_suspended() -> None:
    """Its edges and shares stay: what was passed on can still be explained."""
    agency = AgencyFactory.create(name="陈静的机构")
    erasure.erase(account_id=agency.owner_id, by=agency.owner, reason="", at=AT)
    agency.refresh_from_db()
    assert (agency.name, agency.status, agency.shares.count()) == ("", "suspended", 1)


# ---------------------------------------------------------------- what stands in the way
def blocked(account: Account) -> dict[str, int]:
    with pytest.raises(erasure.ErasureBlocked) as refused:
        erasure.erase(account_id=account.pk, by=account, reason="", at=AT)
    account.refresh_from_db()
    assert account.erased_at is None
    assert account.is_active
    return dict(refused.value.extra["open"])


def test_an_open_order_stands_in_the_way(lily: Person) -> None:
    paid_order(lily.account)
    assert blocked(lily.account) == {"orders": 1}


def test_a_payout_on_its_way_and_money_stand_in_the_way() -> None:
    account = AccountFactory.create()
    credit(account, 5_000)
    assert blocked(account) == {"money_fen": 5_000}
    payees.add(account=account, provider="sandbox", holder_name="x", number="62220001", at=AT)
    payouts.request(account=account, amount_fen=5_000, at=AT)
    assert blocked(account) == {"payouts": 1, "unsettled_fen": 5_000}


def test_a_debt_stands_in_the_way_and_less_than_the_least_payout_does_not() -> None:
    debtor, nearly = AccountFactory.create_batch(2)
    credit(debtor, -1)
    assert blocked(debtor) == {"money_fen": -1}
    credit(nearly, 99)
    erasure.erase(account_id=nearly.pk, by=nearly, reason="", at=AT)
    assert Account.objects.get(pk=nearly.pk).erased_at == AT


def test_a_shop_that_is_not_closed_stands_in_the_way() -> None:
    shop = ShopFactory.create()
    assert blocked(shop.account) == {"shops": 1}


# ---------------------------------------------------------------- who may
def test_staff_need_the_right_and_a_reason_and_leave_a_trace(lily: Person) -> None:
    clerk = officer("erase_account")
    with pytest.raises(NotAllowed):
        erasure.erase(account_id=lily.account.pk, by=officer("view_payout"), reason="x", at=AT)
    with pytest.raises(Invalid):
        erasure.erase(account_id=lily.account.pk, by=clerk, reason=" ", at=AT)
    erasure.erase(account_id=lily.account.pk, by=clerk, reason="letter of 22 November", at=AT)
    entry = AuditEntry.objects.get(action="account.erase")
    assert (entry.actor, entry.reason) == (clerk, "letter of 22 November")
    assert entry.target_id == str(lily.account.pk)
    with pytest.raises(NotFound):
        erasure.erase(account_id=lily.account.pk, by=clerk, reason="again", at=AT)


def test_staff_are_switched_off_not_erased(staff: Person) -> None:
    with pytest.raises(erasure.StaffAccount):
        erasure.erase(account_id=staff.account.pk, by=staff.account, reason="", at=AT)


def test_people_leave_by_themselves_with_their_password(lily: Person) -> None:
    wrong = lily.client.post("/v1/me/erasure", {"current_password": "nonsense"}, format="json")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "wrong_current_password")
    assert Account.objects.get(pk=lily.account.pk).erased_at is None
    body = {"current_password": PASSWORD}
    assert lily.client.post("/v1/me/erasure", body, format="json").status_code == 204
    assert Account.objects.get(pk=lily.account.pk).erased_at is not None
    assert lily.client.get("/v1/me").status_code == 401


def test_what_is_open_is_told(lily: Person) -> None:
    paid_order(lily.account)
    body = {"current_password": PASSWORD}
    answer = lily.client.post("/v1/me/erasure", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "erasure_blocked")
    assert answer.json()["open"] == {"orders": 1}


def test_staff_erase_on_the_accounts_page(lily: Person) -> None:
    client = signed_in(officer("erase_account", "view_account", "change_account"))
    url = f"/admin/accounts/account/{lily.account.pk}/erase/"
    client.post(url, {"confirmed": "yes"})
    assert Account.objects.get(pk=lily.account.pk).erased_at is None, "not without a reason"
    client.post(url, {"confirmed": "yes", "reason": "letter of 22 November"})
    assert Account.objects.get(pk=lily.account.pk).erased_at is not None
    assert client.get(f"/admin/accounts/account/{lily.account.pk}/change/").status_code == 200
    assert now() > AT
