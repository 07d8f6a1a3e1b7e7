"""What readers do: like 点赞, collect 收藏, comment 评论, follow 关注.

Each act is one row, once per account; a counter moves only when a row really came or went, in
the same transaction, so a counter always equals its rows (F1), however many people press at
once. An act also marks its note's rank as due.
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import Invalid, NotFound, Refusal, WrongState
from backend.core.sql import rows, run
from notes import ranking
from notes.models import Collect, Comment, Follow, Like, Note

MAX_FOLLOWS = 2_000
Status = Comment.Status


class CannotFollowSelf(Invalid):
    """Nobody follows themselves."""

    code = "cannot_follow_self"
    title = "You cannot follow yourself"


class TooManyFollows(Refusal):
    """An account follows at most 2,000 others: the follow feed reads them all."""

    code = "too_many_follows"
    status = 409
    title = "An account follows at most 2,000 others"


class ParentMismatch(Invalid):
    """The comment answered is not a visible first-level comment of this note."""

    code = "parent_mismatch"
    title = "Answer a comment of this note that is not an answer itself"


def like(*, account: Account, note_id: int, at: datetime) -> bool:
    """Likes a published note; True where it was not liked before.

    :raises NotFound: no such published note.
    """
    return _add("notes_like", "like_count", account, note_id, at)


def unlike(*, account: Account, note_id: int) -> bool:
    """Takes a like back; True where there was one.

    :raises NotFound: no such published note.
    """
    return _remove(Like, "like_count", account, note_id)


def collect(*, account: Account, note_id: int, at: datetime) -> bool:
    """Keeps a published note; True where it was not kept before.

    :raises NotFound: no such published note.
    """
    return _add("notes_collect", "collect_count", account, note_id, at)


def uncollect(*, account: Account, note_id: int) -> bool:
    """Lets a kept note go; True where it was kept.

    :raises NotFound: no such published note.
    """
    return _remove(Collect, "collect_count", account, note_id)


def _published(note_id: int) -> Note:
    note = Note.objects.filter(pk=note_id, status="published", author__is_active=True).first()
    if note is None:
        raise NotFound()
    return note


def _add(table: str, counter: str, account: Account, note_id: int, at: datetime) -> bool:
    statement = f"""
        INSERT INTO {table} (account_id, note_id, at) VALUES (%s, %s, %s)
        ON CONFLICT (note_id, account_id) DO NOTHING RETURNING id
    """
    with transaction.atomic():
        _published(note_id)
        new = rows(statement, [account.pk, note_id, at])
        if new:
            _count(note_id, counter, 1)
    return bool(new)


def _remove(model: Any, counter: str, account: Account, note_id: int) -> bool:
    with transaction.atomic():
        _published(note_id)
        gone, _ = model.objects.filter(note_id=note_id, account=account).delete()
        if gone:
            _count(note_id, counter, -1)
    return bool(gone)


def _count(note_id: int, counter: str, by: int) -> None:
    Note.objects.filter(pk=note_id).update(**{counter: F(counter) + by}, rank_due=True)


def comment(
    *, account: Account, note_id: int, text: str, at: datetime, parent_id: int | None = None
) -> Comment:
    """Comments a published note, or answers one of its first-level comments.

    :raises NotFound: no such published note.
    :raises ParentMismatch: the parent is of another note, an answer itself, or gone.
    """
    with transaction.atomic():
        _published(note_id)
        if parent_id is not None:
            _lock_parent(note_id, parent_id)
        written = Comment.objects.create(
            note_id=note_id, author=account, parent_id=parent_id, text=text, at=at
        )
        _count(note_id, "comment_count", 1)
    return written


def _lock_parent(note_id: int, parent_id: int) -> None:
    """Holds the parent, so that it cannot be deleted while it is being answered."""
    parent = Comment.objects.select_for_update(no_key=True, of=("self",)).filter(
        pk=parent_id, note_id=note_id, parent=None, status=Status.VISIBLE
    )
    if parent.first() is None:
        raise ParentMismatch(fields={"parent": [ParentMismatch.title]})


def delete_comment(*, account: Account, comment_id: int) -> None:
    """Deletes a comment with its answers: by its author, or by the author of the note.

    :raises NotFound: no such visible comment that the account may delete.
    """
    with transaction.atomic():
        found = _locked_comment(comment_id)
        note_author = Note.objects.values_list("author_id", flat=True).get(pk=found.note_id)
        if account.pk not in (found.author_id, note_author) or found.status != Status.VISIBLE:
            raise NotFound()
        _vanish(found, Status.DELETED)


def hide_comment(*, comment_id: int, by: Account, reason: str, at: datetime) -> None:
    """Staff: hides a comment with its answers.

    :raises NotFound: no such comment.
    :raises WrongState: it is not visible.
    """
    with transaction.atomic():
        found = _locked_comment(comment_id)
        if found.status != Status.VISIBLE:
            raise WrongState(f"The comment is {found.status}", state=found.status)
        _vanish(found, Status.HIDDEN)
        audit.note(actor=by, action="comment.hide", target=found, at=at, reason=reason)


def show_comment(*, comment_id: int, by: Account, at: datetime) -> None:
    """Staff: shows a hidden comment again; its answers one by one.

    :raises NotFound: no such comment.
    :raises WrongState: it is not hidden, or what it answers is not visible.
    """
    with transaction.atomic():
        found = _locked_comment(comment_id)
        if found.status != Status.HIDDEN or (found.parent and found.parent.status != "visible"):
            raise WrongState("It is not hidden, or what it answers is", state=found.status)
        Comment.objects.filter(pk=found.pk).update(status=Status.VISIBLE)
        _count(found.note_id, "comment_count", 1)
        audit.note(actor=by, action="comment.show", target=found, at=at)


def _locked_comment(comment_id: int) -> Comment:
    found = (
        Comment.objects.select_for_update(no_key=True, of=("self",)).filter(pk=comment_id).first()
    )
    if found is None:
        raise NotFound()
    return found


_VANISH = """
WITH gone AS (SELECT id FROM notes_comment WHERE (id = %(id)s OR parent_id = %(id)s)
  AND status = 'visible' ORDER BY id FOR NO KEY UPDATE)
UPDATE notes_comment c SET status = %(to)s FROM gone WHERE c.id = gone.id
"""


def _vanish(found: Comment, to: str) -> None:
    moved = run(_VANISH, {"id": found.pk, "to": to})
    _count(found.note_id, "comment_count", -moved)


def follow(*, account: Account, handle: str, at: datetime, via_note_id: int | None = None) -> bool:
    """Follows an account; True where it was not followed before. `via_note_id` names the note
    that led there: it counts for that note's rank.

    :raises NotFound: no such active account, or the note is not a published one of it.
    :raises CannotFollowSelf: the account itself.
    :raises TooManyFollows: 2,000 are followed already.
    """
    target = _target(account, handle)
    with transaction.atomic():
        if via_note_id is not None and _published(via_note_id).author_id != target.pk:
            raise NotFound()
        new = rows(_FOLLOW, [account.pk, target.pk, via_note_id, at])
        if new:
            _mark(via_note_id)
            _count_follow(account.pk, target.pk, 1)
    return bool(new)


def unfollow(*, account: Account, handle: str) -> bool:
    """Stops following; True where it was followed.

    :raises NotFound: no such active account.
    :raises CannotFollowSelf: the account itself.
    """
    target = _target(account, handle)
    with transaction.atomic():
        found = Follow.objects.select_for_update(no_key=True, of=("self",)).filter(
            follower=account, followee=target
        )
        row = found.first()
        if row is None:
            return False
        row.delete()
        _mark(row.via_note_id)
        _count_follow(account.pk, target.pk, -1)
    return True


def _mark(note_id: int | None) -> None:
    """Before the accounts' counters: publishing locks a note, then its author, and so do we."""
    if note_id is not None:
        ranking.mark(note_id)


def _target(account: Account, handle: str) -> Account:
    target = account_of(handle)
    if target.pk == account.pk:
        raise CannotFollowSelf()
    return target


def account_of(handle: str) -> Account:
    """The active account of a handle.

    :raises NotFound: there is none.
    """
    found = Account.objects.filter(handle=handle.lower()[:31], is_active=True).first()
    if found is None:
        raise NotFound()
    return found


_FOLLOW = """
INSERT INTO notes_follow (follower_id, followee_id, via_note_id, at)
VALUES (%s, %s, %s::bigint, %s)
ON CONFLICT (follower_id, followee_id) DO NOTHING RETURNING id
"""


def _count_follow(follower_id: int, followee_id: int, by: int) -> None:
    """Both counters, the smaller id first: two people who follow each other wait in one line."""
    for account_id in sorted((follower_id, followee_id)):
        row = Account.objects.filter(pk=account_id)
        if account_id == followee_id:
            row.update(follower_count=F("follower_count") + by)
            continue
        if by > 0:
            row = row.filter(following_count__lt=MAX_FOLLOWS)
        if not row.update(following_count=F("following_count") + by):
            raise TooManyFollows(limit=MAX_FOLLOWS)
