"""Refusals: what a verb says when it will not do a thing.

A refusal is a fact with a stable code and an HTTP status; the REST door turns it into
application/problem+json and the admin into a message. A bug is never a refusal: bugs are
assertions and end as 500 with the request's id.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class Refusal(Exception):
    """Base of every refusal.

    `code` is stable and documented in docs/api/errors.md; `status` is the HTTP status; `detail`
    is one sentence for a person; `fields` maps a field's name to its messages; `extra` holds
    further members of the problem document (numbers a client can use).
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "Refused"

    def __init__(
        self,
        detail: str = "",
        *,
        fields: Mapping[str, list[str]] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.fields = dict(fields or {})
        self.extra = extra


class NotFound(Refusal):
    """The thing does not exist, or is not the caller's to see: both look the same."""

    code = "not_found"
    status = 404
    title = "Not found"


class WrongState(Refusal):
    """The thing is in another state than the verb needs; somebody may have been first."""

    code = "wrong_state"
    status = 409
    title = "The thing is in another state"


class NotAllowed(Refusal):
    """The caller is known and may not do this."""

    code = "not_allowed"
    status = 403
    title = "Not allowed"


class Invalid(Refusal):
    """A value is well-formed but breaks a rule; `fields` names it."""

    code = "invalid"
    status = 422
    title = "A field breaks a rule"
