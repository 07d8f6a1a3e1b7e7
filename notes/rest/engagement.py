"""Doors of likes, collects, comments and follows."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.accounts.models import Account
from backend.core.clock import now
from backend.rest.fields import NoFields
from backend.rest.paging import answer, keyset
from backend.rest.permissions import Anyone, AnyoneReads
from backend.rest.schema import CURSOR, page_of
from backend.rest.views import View
from notes import engagement, feed
from notes.models import Comment, Follow
from notes.rest import answers as a
from notes.rest import serializers as s
from notes.rest.pages import listed, part_of, viewer_of


class LikeView(View):
    """A like."""

    @extend_schema(tags=["engagement"], request=NoFields, responses={204: None})
    def put(self, request: Request, note_id: int) -> Response:
        """Likes the note, once."""
        self.body(request, NoFields)
        engagement.like(account=caller(request), note_id=note_id, at=now())
        return Response(status=204)

    @extend_schema(tags=["engagement"], responses={204: None})
    def delete(self, request: Request, note_id: int) -> Response:
        """Takes the like back."""
        engagement.unlike(account=caller(request), note_id=note_id)
        return Response(status=204)


class CollectView(View):
    """A note that is kept."""

    @extend_schema(tags=["engagement"], request=NoFields, responses={204: None})
    def put(self, request: Request, note_id: int) -> Response:
        """Keeps the note, once."""
        self.body(request, NoFields)
        engagement.collect(account=caller(request), note_id=note_id, at=now())
        return Response(status=204)

    @extend_schema(tags=["engagement"], responses={204: None})
    def delete(self, request: Request, note_id: int) -> Response:
        """Lets it go."""
        engagement.uncollect(account=caller(request), note_id=note_id)
        return Response(status=204)


class FollowView(View):
    """A follow."""

    @extend_schema(tags=["engagement"], request=s.FollowFields, responses={204: None})
    def put(self, request: Request, handle: str) -> Response:
        """Follows the account, once; `via_note` names its note that led here."""
        fields = self.body(request, s.FollowFields)
        engagement.follow(
            account=caller(request), handle=handle, at=now(), via_note_id=fields.get("via_note")
        )
        return Response(status=204)

    @extend_schema(tags=["engagement"], responses={204: None, 422: None})
    def delete(self, request: Request, handle: str) -> Response:
        """Stops following."""
        engagement.unfollow(account=caller(request), handle=handle)
        return Response(status=204)


def _followed(request: Request, rows: QuerySet[Follow], side: str) -> Response:
    shown = rows.filter(**{f"{side}__is_active": True}).select_related(side)
    found, cursor = keyset(request, shown)
    results = []
    for row in found:
        account: Account = getattr(row, side)
        results.append(
            {
                "handle": account.handle,
                "display_name": account.display_name,
                "verification": account.verification,
                "follower_count": account.follower_count,
                "followed_at": row.at,
            }
        )
    return Response(answer(results, cursor))


class FollowersView(View):
    """Followers of an account."""

    permission_classes = [Anyone]

    @extend_schema(
        tags=["engagement"], parameters=CURSOR, responses=page_of("Follower", a.FollowedAccount)
    )
    def get(self, request: Request, handle: str) -> Response:
        """Who follows the account, the newest first."""
        self.query(request, paged=True)
        account = engagement.account_of(handle)
        return _followed(request, Follow.objects.filter(followee=account), "follower")


class FollowingView(View):
    """Whom an account follows."""

    permission_classes = [Anyone]

    @extend_schema(
        tags=["engagement"], parameters=CURSOR, responses=page_of("Following", a.FollowedAccount)
    )
    def get(self, request: Request, handle: str) -> Response:
        """Whom the account follows, the newest first."""
        self.query(request, paged=True)
        account = engagement.account_of(handle)
        return _followed(request, Follow.objects.filter(follower=account), "followee")


class CommentsView(View):
    """Comments of a note."""

    permission_classes = [AnyoneReads]

    @extend_schema(
        tags=["engagement"],
        parameters=[s.CommentsQuery, *CURSOR],
        responses=page_of("Comment", a.CommentAnswer),
    )
    def get(self, request: Request, note_id: int) -> Response:
        """First-level comments with their first answers; ?parent= lists all answers of one."""
        query = self.query(request, s.CommentsQuery, paged=True)
        found = feed.comments(
            viewer=viewer_of(request),
            note_id=note_id,
            part=part_of(request, [int]),
            parent_id=query.get("parent"),
        )
        return listed(found)

    @extend_schema(
        tags=["engagement"], request=s.NoteCommentFields, responses={201: a.CommentAnswer}
    )
    def post(self, request: Request, note_id: int) -> Response:
        """Comments the note, or answers a first-level comment."""
        fields = self.body(request, s.NoteCommentFields)
        written = engagement.comment(
            account=caller(request),
            note_id=note_id,
            text=fields["text"],
            parent_id=fields.get("parent"),
            at=now(),
        )
        return Response(_written(written), status=201)


def _written(comment: Comment) -> dict[str, object]:
    author = comment.author
    return {
        "id": comment.pk,
        "text": comment.text,
        "at": comment.at,
        "parent_id": comment.parent_id,
        "answer_count": 0,
        "answers": [],
        "author": {
            "handle": author.handle,
            "display_name": author.display_name,
            "verification": author.verification,
        },
    }


class CommentView(View):
    """One comment."""

    @extend_schema(tags=["engagement"], responses={204: None})
    def delete(self, request: Request, comment_id: int) -> Response:
        """Deletes a comment with its answers: its author, or the note's."""
        engagement.delete_comment(account=caller(request), comment_id=comment_id)
        return Response(status=204)
