"""Doors of notes: draft, change, preview, publish, withdraw, delete, ranking."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.accounts.models import Account
from backend.core.clock import now
from backend.rest.fields import NoFields
from backend.rest.permissions import AnyoneReads
from backend.rest.schema import CURSOR, page_of
from backend.rest.views import View
from backend.rest.visitors import visitor_of
from notes import feed, publishing, ranking, reading
from notes.rest import answers as a
from notes.rest import serializers as s
from notes.rest.pages import listed, part_of, viewer_of


def _page(account: Account, note_id: int, status: int = 200) -> Response:
    return Response(reading.page(note_id=note_id, viewer=account, at=now()), status=status)


class NotesView(View):
    """Notes."""

    @extend_schema(tags=["notes"], request=s.NoteDraft, responses={201: a.NoteAnswer, 404: None})
    def post(self, request: Request) -> Response:
        """A new draft; its topics come into being on first use."""
        note = publishing.create(
            author=caller(request), at=now(), **self.body(request, s.NoteDraft)
        )
        return _page(caller(request), note.pk, 201)


class NoteView(View):
    """One note."""

    shared_seconds = 0

    permission_classes = [AnyoneReads]

    @extend_schema(tags=["notes"], responses=a.NoteAnswer)
    def get(self, request: Request, note_id: int) -> Response:
        """A published note; in another state for its author alone."""
        self.query(request)
        return Response(
            reading.open_page(
                note_id=note_id,
                viewer=viewer_of(request),
                visitor=visitor_of(request),
                counts=request.method == "GET",
                at=now(),
            )
        )

    @extend_schema(tags=["notes"], request=s.NoteChange, responses=a.NoteAnswer)
    def patch(self, request: Request, note_id: int) -> Response:
        """Changes one's own note in place; a published one keeps id, counters and place."""
        changes = self.body(request, s.NoteChange)
        publishing.change(account=caller(request), note_id=note_id, at=now(), **changes)
        return _page(caller(request), note_id)

    @extend_schema(tags=["notes"], responses={204: None})
    def delete(self, request: Request, note_id: int) -> Response:
        """Deletes one's own note."""
        publishing.delete(account=caller(request), note_id=note_id, at=now())
        return Response(status=204)


class NotePreviewView(View):
    """A note before it is published."""

    @extend_schema(tags=["notes"], responses=a.NotePreview)
    def get(self, request: Request, note_id: int) -> Response:
        """Exactly what everybody would read, and what would stop the publication."""
        self.query(request)
        return Response(publishing.preview(account=caller(request), note_id=note_id, at=now()))


class NotePublishView(View):
    """Publication."""

    @extend_schema(tags=["notes"], request=NoFields, responses={200: a.NoteAnswer})
    def post(self, request: Request, note_id: int) -> Response:
        """Shows one's note to everybody."""
        self.body(request, NoFields)
        publishing.publish(account=caller(request), note_id=note_id, at=now())
        return _page(caller(request), note_id)


class NoteWithdrawView(View):
    """Withdrawal."""

    @extend_schema(tags=["notes"], request=NoFields, responses={200: a.NoteAnswer})
    def post(self, request: Request, note_id: int) -> Response:
        """Hides one's published note."""
        self.body(request, NoFields)
        publishing.withdraw(account=caller(request), note_id=note_id, at=now())
        return _page(caller(request), note_id)


class NoteRankingView(View):
    """The place of a note, explained."""

    @extend_schema(tags=["notes"], responses=a.NoteRanking)
    def get(self, request: Request, note_id: int) -> Response:
        """Inputs, weights and score, for the author and staff."""
        self.query(request)
        return Response(ranking.explain(note_id=note_id, account=caller(request), at=now()))


class OwnNotesView(View):
    """One's own notes."""

    @extend_schema(
        tags=["notes"],
        parameters=[s.MineQuery, *CURSOR],
        responses=page_of("OwnNote", a.OwnNoteItem),
    )
    def get(self, request: Request) -> Response:
        """Drafts, published, withdrawn and taken-down notes, the newest first."""
        query = self.query(request, s.MineQuery, paged=True)
        part = part_of(request, [int, int])
        return listed(feed.mine(account=caller(request), part=part, **query))
