"""Staff pages of notes: decisions call the verbs, pages cost the same however many rows."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from backend.core.clock import now
from backend.core.models import AuditEntry
from notes import engagement, live
from notes.models import Comment, GoodsNoteApplication, Note
from seeds.factories import AccountFactory, MediaFileFactory
from tests.cast import Person
from tests.desk import signed_in

Make = Callable[..., Note]


@pytest.fixture
def desk(staff: Person) -> Client:
    """The browser of a member of staff."""
    return signed_in(staff.account)


def _decide(desk: Client, page: str, action: str, ids: list[int], **fields: Any) -> None:
    data = {"action": action, "_selected_action": ids, "confirmed": "1", **fields}
    answer = desk.post(f"/admin/notes/{page}/", data)
    assert answer.status_code in (200, 302), answer.content[:300]


def test_staff_take_a_note_down_with_a_reason_and_restore_it(
    desk: Client, staff: Person, selena: Person, published: Make
) -> None:
    note = published(selena)
    _decide(desk, "note", "take_down_selected", [note.pk], reason="")
    note.refresh_from_db()
    assert note.status == "published"
    _decide(desk, "note", "take_down_selected", [note.pk], reason="虚假宣传")
    note.refresh_from_db()
    assert (note.status, note.takedown_reason) == ("taken_down", "虚假宣传")
    _decide(desk, "note", "restore_selected", [note.pk])
    note.refresh_from_db()
    assert (note.status, note.takedown_reason) == ("published", "")
    audit = AuditEntry.objects.order_by("id").values_list("action", "actor", "reason")
    assert list(audit) == [
        ("note.take_down", staff.account.pk, "虚假宣传"),
        ("note.restore", staff.account.pk, ""),
    ]


def test_staff_decide_goods_note_applications(desk: Client, staff: Person, selena: Person) -> None:
    def application() -> GoodsNoteApplication:
        return GoodsNoteApplication.objects.create(
            account=AccountFactory.create(), follower_count_at_apply=1000, submitted_at=now()
        )

    yes, no = application(), application()
    _decide(desk, "goodsnoteapplication", "approve_selected", [yes.pk])
    _decide(desk, "goodsnoteapplication", "reject_selected", [no.pk], reason="内容太少")
    yes.refresh_from_db()
    no.refresh_from_db()
    assert (yes.status, yes.decided_by_id) == ("approved", staff.account.pk)
    assert (no.status, no.reason) == ("rejected", "内容太少")
    _decide(desk, "goodsnoteapplication", "approve_selected", [no.pk])
    no.refresh_from_db()
    assert no.status == "rejected"
    assert AuditEntry.objects.count() == 2


def test_staff_hide_a_comment_and_show_it_again(
    desk: Client, selena: Person, lily: Person, published: Make
) -> None:
    note = published(selena)
    first = engagement.comment(account=lily.account, note_id=note.pk, text="好看", at=now())
    engagement.comment(
        account=selena.account, note_id=note.pk, text="谢谢", at=now(), parent_id=first.pk
    )
    _decide(desk, "comment", "hide_selected", [first.pk], reason="广告")
    note.refresh_from_db()
    assert (note.comment_count, Comment.objects.filter(status="visible").count()) == (0, 0)
    _decide(desk, "comment", "show_selected", [first.pk])
    note.refresh_from_db()
    assert note.comment_count == 1


def test_pages_cost_the_same_for_one_row_and_for_many(
    desk: Client,
    selena: Person,
    published: Make,
    own_product: Any,
    django_assert_max_num_queries: Any,
) -> None:
    def fill(count: int) -> None:
        for _ in range(count):
            account = AccountFactory.create()
            note = Note.objects.create(author=account, kind="image", created_at=now())
            Comment.objects.create(note=note, author=account, text="好", at=now())
            MediaFileFactory.create(owner=account)
            GoodsNoteApplication.objects.create(
                account=account, follower_count_at_apply=1000, submitted_at=now()
            )
            live.schedule(host=account, title="今晚八点", starts_at=now())

    pages = ["note", "comment", "topic", "mediafile", "goodsnoteapplication", "livesession"]

    def costs() -> list[int]:
        found = []
        for page in pages:
            with django_assert_max_num_queries(12) as counted:
                assert desk.get(f"/admin/notes/{page}/").status_code == 200
            found.append(len(counted))
        return found

    published(selena)
    fill(1)
    few = costs()
    fill(8)
    assert costs() == few


def test_single_pages_open(desk: Client, selena: Person, published: Make, own_product: Any) -> None:
    note = published(selena)
    selena.client.post(f"/v1/notes/{note.pk}/products", {"product": own_product.pk}, format="json")
    session = live.schedule(host=selena.account, title="今晚八点", starts_at=now())
    live.add_product(
        account=selena.account, session_id=session.pk, product_id=own_product.pk, at=now()
    )
    for path in (f"note/{note.pk}", f"livesession/{session.pk}", f"topic/{note.topics.get().pk}"):
        assert desk.get(f"/admin/notes/{path}/change/").status_code == 200, path


def test_strangers_do_not_enter(selena: Person) -> None:
    client = signed_in(selena.account)
    assert client.get("/admin/notes/note/").status_code == 302
