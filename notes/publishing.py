"""Notes from draft to published: written, previewed, published, changed in place, withdrawn,
taken down by staff."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import Invalid, NotFound, Refusal
from backend.core.states import move_one
from notes import ranking, reading, topics
from notes.authorship import NoteTakenDown, lock_own, mark_edited, own_note
from notes.cards import standings
from notes.models import MediaFile, Note, NoteMedia, Topic
from notes.permissions import reason_of
from notes.terms import terms_of

__all__ = [
    "NoteTakenDown",
    "change",
    "create",
    "delete",
    "preview",
    "publish",
    "restore",
    "take_down",
    "withdraw",
]

Status = Note.Status
MAX_MEDIA = 18


class TextRequired(Invalid):
    """A note needs a title or a body."""

    code = "text_required"
    title = "Give the note a title or a body"


class MediaRequired(Invalid):
    """An image note needs a picture; a video note needs its video and a picture as its cover."""

    code = "media_required"
    title = "An image note needs a picture, a video note its video and a cover picture"


class TopicRequired(Invalid):
    """A note needs a topic."""

    code = "topic_required"
    title = "Give the note at least one topic"


class CardNotEligible(Invalid):
    """A product card may not be shown any more; `cards` says which and why."""

    code = "card_not_eligible"
    title = "A product of the note may not be shown"


class MediaMismatch(Invalid):
    """The files do not make a note of this kind."""

    code = "media_mismatch"
    title = "1 to 18 different pictures, or one video and one cover picture"


def create(
    *,
    author: Account,
    at: datetime,
    kind: str,
    title: str = "",
    body: str = "",
    city_code: str = "",
    topics: Sequence[str] = (),
    media: Sequence[dict[str, Any]] = (),
) -> Note:
    """A draft. `media` holds {"file": id, "labels": […], "cover_crop": …} in order.

    :raises NotFound: a file that is not the author's.
    :raises MediaMismatch: files that do not make a note of this kind.
    :raises BadTopic: a topic's name is empty or too long, or there are too many.
    """
    with transaction.atomic():
        note = Note(author=author, kind=kind, title=title, body=body, city_code=city_code)
        note.created_at = at
        note.save(force_insert=True)
        _set_media(note, media)
        names = _set_topics(note, topics)
        _index(note, names)
    return note


def change(*, account: Account, note_id: int, at: datetime, **changes: Any) -> Note:
    """Changes one's own note; absent fields stay. A published note is changed in place: same id,
    counters and place in the feeds, revision + 1 (D7), and must stay publishable.

    `changes`: title, body, city_code, topics (names), media (as in `create`).

    :raises NotFound: no such note of this account, or a file that is not the author's.
    :raises NoteTakenDown: staff took it down.
    :raises TextRequired: published and left without title and body.
    :raises MediaRequired: published and left without media.
    :raises TopicRequired: published and left without a topic.
    :raises MediaMismatch: files that do not make a note of this kind.
    :raises BadTopic: a topic's name is empty or too long, or there are too many.
    """
    with transaction.atomic():
        note = lock_own(account=account, note_id=note_id)
        if not changes:
            return note
        for name in ("title", "body", "city_code"):
            setattr(note, name, changes.get(name, getattr(note, name)))
        if "media" in changes:
            _set_media(note, changes["media"])
        if "topics" in changes:
            names = _set_topics(note, changes["topics"])
        else:
            names = list(note.topics.values_list("name", flat=True))
        _index(note, names)
        if note.status == Status.PUBLISHED:
            for refusal in _unfit(note):
                raise refusal
            mark_edited(note, at=at)
    return note


def preview(*, account: Account, note_id: int, at: datetime) -> dict[str, Any]:
    """One's own note exactly as everybody would read it (D6), and `blocking`: the refusals that
    would stop its publication, as {"code", "detail"}.

    :raises NotFound: no such note of this account.
    """
    note = own_note(account=account, note_id=note_id)
    page = reading.page(note_id=note_id, viewer=account, at=at)
    found = _blocking(note, at)
    return {**page, "blocking": [{"code": one.code, "detail": one.detail} for one in found]}


def publish(*, account: Account, note_id: int, at: datetime) -> Note:
    """Shows the note to everybody, at once in the feeds. A withdrawn note comes back with the
    time of its first publication: withdrawing is no way to the top.

    :raises NotFound: no such note of this account.
    :raises NoteTakenDown: staff took it down.
    :raises TextRequired: neither title nor body.
    :raises MediaRequired: no picture, or no video with its cover.
    :raises TopicRequired: no topic.
    :raises CardNotEligible: a product may not be shown; says which and why.
    :raises WrongState: it is published already.
    """
    with transaction.atomic():
        note = lock_own(account=account, note_id=note_id)
        if note.status != Status.PUBLISHED:
            for refusal in _blocking(note, at):
                raise refusal
        _move(note, Status.PUBLISHED, at, published_at=note.published_at or at)
    return note


def withdraw(*, account: Account, note_id: int, at: datetime) -> Note:
    """Hides one's published note; it can be published again.

    :raises NotFound: no such note of this account.
    :raises NoteTakenDown: staff took it down.
    :raises WrongState: it is not published.
    """
    with transaction.atomic():
        note = lock_own(account=account, note_id=note_id)
        _move(note, Status.WITHDRAWN, at)
    return note


def delete(*, account: Account, note_id: int, at: datetime) -> None:
    """Deletes one's own note in any state; its row stays for what was sold through it.

    :raises NotFound: no such note of this account.
    """
    with transaction.atomic():
        note = _locked(note_id)
        if note.author_id != account.pk or note.status == Status.DELETED:
            raise NotFound()
        _move(note, Status.DELETED, at)


def take_down(*, note_id: int, by: Account, reason: str, at: datetime) -> Note:
    """Staff: hides a note from everybody but its author, who reads the reason. Gone from every
    feed, search and topic with the next request (E13).

    :raises ReasonRequired: no reason was given.
    :raises NotFound: no such note.
    :raises WrongState: it is not published.
    """
    return _decide(note_id, by, reason_of(reason), at, taken_down=True)


def restore(*, note_id: int, by: Account, at: datetime) -> Note:
    """Staff: shows a taken-down note again, at its old place.

    :raises NotFound: no such note.
    :raises WrongState: it is not taken down.
    """
    return _decide(note_id, by, "", at, taken_down=False)


def _decide(note_id: int, by: Account, reason: str, at: datetime, *, taken_down: bool) -> Note:
    to, source = (
        (Status.TAKEN_DOWN, Status.PUBLISHED)
        if taken_down
        else (Status.PUBLISHED, Status.TAKEN_DOWN)
    )
    with transaction.atomic():
        note = _locked(note_id)
        _move(note, to, at, only_from=[source], takedown_reason=reason)
        action = "note.take_down" if taken_down else "note.restore"
        audit.note(actor=by, action=action, target=note, at=at, reason=reason)
    return note


def _locked(note_id: int) -> Note:
    note = Note.objects.select_for_update(no_key=True, of=("self",)).filter(pk=note_id).first()
    if note is None:
        raise NotFound()
    return note


def _move(
    note: Note, to: str, at: datetime, *, only_from: list[str] | None = None, **changes: Any
) -> None:
    """Moves a locked note and keeps the counters of published notes with it."""
    before = note.status
    move_one(note, transitions=Note.TRANSITIONS, to=to, only_from=only_from, **changes)
    by = (to == Status.PUBLISHED) - (before == Status.PUBLISHED)
    if by:
        topics.count_notes(_topic_ids(note), by=by)
        Account.objects.filter(pk=note.author_id).update(note_count=F("note_count") + by)
    if to == Status.PUBLISHED:
        ranking.score_now([note.pk], at=at)
        note.refresh_from_db(fields=["hot", "rank_version", "rank_due"])


def _topic_ids(note: Note) -> list[int]:
    return list(note.topics.values_list("pk", flat=True))


def _set_topics(note: Note, names: Sequence[str]) -> list[str]:
    """Gives the note these topics, in this order; returns their names."""
    wanted = topics.named(names)
    before = _topic_ids(note)
    after = [topic.pk for topic in wanted]
    if before != after:
        note.topics.clear()
        through = Note.topics.through
        through.objects.bulk_create(through(note_id=note.pk, topic_id=pk) for pk in after)
        if note.status == Status.PUBLISHED:
            topics.count_notes(sorted(set(before) - set(after)), by=-1)
            topics.count_notes(sorted(set(after) - set(before)), by=1)
    return [topic.name for topic in wanted]


def _set_media(note: Note, media: Sequence[dict[str, Any]]) -> None:
    ids = [item["file"] for item in media]
    # Held until the note stands: the sweep of unused uploads deletes none that is being taken.
    held = MediaFile.objects.select_for_update(no_key=True, of=("self",))
    mine = held.filter(pk__in=ids, owner=note.author_id).order_by("pk")
    files = {file.pk: file for file in mine}
    if set(ids) - set(files):
        raise NotFound("A media file does not exist")
    _check_kinds(note.kind, [files[pk].kind for pk in ids], len(set(ids)))
    NoteMedia.objects.filter(note=note).delete()
    NoteMedia.objects.bulk_create(
        NoteMedia(
            note=note,
            file=files[item["file"]],
            position=position,
            cover_crop=item.get("cover_crop"),
            labels=list(item.get("labels") or []),
        )
        for position, item in enumerate(media)
    )


def _check_kinds(kind: str, kinds: list[str], distinct: int) -> None:
    videos = kinds.count(MediaFile.Kind.VIDEO)
    images = len(kinds) - videos
    fits = (
        (videos == 0 and images <= MAX_MEDIA)
        if kind == Note.Kind.IMAGE
        else (videos <= 1 and images <= 1)
    )
    if not fits or distinct != len(kinds):
        raise MediaMismatch(fields={"media": [MediaMismatch.title]})


def _index(note: Note, topic_names: Sequence[str]) -> None:
    note.terms = terms_of(note.title, note.body, *topic_names)
    note.save(update_fields=["title", "body", "city_code", "terms"])


def _unfit(note: Note) -> list[Refusal]:
    """What the note's own content lacks."""
    found: list[Refusal] = []
    if not note.title and not note.body:
        found.append(TextRequired())
    kinds = sorted(NoteMedia.objects.filter(note=note).values_list("file__kind", flat=True))
    wanted = ["image", "video"] if note.kind == Note.Kind.VIDEO else ["image"] * len(kinds)
    if not kinds or kinds != wanted:
        found.append(MediaRequired())
    if not Topic.objects.filter(notes=note).exists():
        found.append(TopicRequired())
    return found


def _blocking(note: Note, at: datetime) -> list[Refusal]:
    """What would stop the note's publication now."""
    if note.status == Status.TAKEN_DOWN:
        return [NoteTakenDown(reason=note.takedown_reason)]
    found = _unfit(note)
    products = list(note.cards.values_list("product_id", flat=True))
    lapsed = [
        {"product": product_id, "reason": standing.reason}
        for product_id, standing in standings(
            author_id=note.author_id, product_ids=products, at=at
        ).items()
        if standing.reason
    ]
    if lapsed:
        found.append(CardNotEligible(cards=lapsed))
    return found
