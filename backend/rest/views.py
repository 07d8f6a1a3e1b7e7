"""The views' common ground: read the input by a serializer, answer a dictionary."""

import hashlib
from functools import cache, partial
from itertools import islice
from typing import Any, NoReturn

from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed, MethodNotAllowed
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.core.errors import NotFound, Refusal
from backend.rest.fields import NAMED

PAGE_PARAMETERS = frozenset({"cursor", "page_size"})
UNKNOWN = "This parameter is not known here."


class BadQuery(Refusal):
    """A query parameter is unknown or malformed; `errors` names it."""

    code = "bad_query"
    status = 400
    title = "A query parameter is not valid"


def _names_nothing(value: Any) -> bool:
    return value >= 2**63 if isinstance(value, int) else "\x00" in str(value)


def _some(errors: dict[str, list[str]]) -> dict[str, list[str]]:
    return dict(islice(errors.items(), NAMED))


class View(APIView):
    """Base of every view of ours.

    A view that says `shared_seconds` tells everybody the same who is not signed in: caches may
    keep that answer for so long (0: ask each time whether it still holds), and a caller who has
    it already is told so by a 304.
    """

    shared_seconds: int | None = None
    throttle_by_address = False
    # Other companies' programs call: what else stands in the address, and what they call their
    # body, is theirs.
    others_write = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Signs in, checks rights and limits; an id beyond bigint, or a name with a null
        character, names nothing; what changes something reads no query.

        :raises MethodNotAllowed: the path does not have it, whoever asks.
        :raises NotFound: such an id or name stands in the path.
        :raises BadQuery: a parameter with POST, PUT, PATCH or DELETE.
        """
        if not hasattr(self, str(request.method).lower()):
            raise MethodNotAllowed(str(request.method))
        super().initial(request, *args, **kwargs)
        if any(_names_nothing(value) for value in kwargs.values()):
            raise NotFound()
        writes = request.method not in SAFE_METHODS and not self.others_write
        if writes and request.query_params:
            raise BadQuery(fields=_some({name: [UNKNOWN] for name in request.query_params}))

    def perform_authentication(self, request: Request) -> None:
        """Signs in. A token that opens nothing counts against its sender's limit: DRF looks at
        limits only afterwards, so tokens could be tried without any.

        :raises AuthenticationFailed: such a token.
        :raises Throttled: too many of them.
        """
        try:
            super().perform_authentication(request)
        except AuthenticationFailed:
            self.check_throttles(request)
            raise

    def permission_denied(
        self, request: Request, message: str | None = None, code: str | None = None
    ) -> NoReturn:
        """Refuses; that too counts against the limit.

        :raises NotAuthenticated: no token.
        :raises PermissionDenied: not this caller.
        :raises Throttled: too many of them.
        """
        self.check_throttles(request)
        super().permission_denied(request, message, code)

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """The answer with its headers."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        seconds = self.shared_seconds
        if seconds is not None and answer.status_code == 200 and request.auth is None:
            answer.add_post_render_callback(partial(_share, request, seconds))
        return answer

    def body(self, request: Request, serializer: type[serializers.Serializer]) -> dict[str, Any]:
        """The request's body, validated.

        :raises ValidationError: 422 naming the fields.
        """
        reader = serializer(data=request.data, context={"request": request})
        reader.is_valid(raise_exception=True)
        return dict(reader.validated_data)

    def query(
        self,
        request: Request,
        serializer: type[serializers.Serializer] | None = None,
        *,
        paged: bool = False,
    ) -> dict[str, Any]:
        """The query parameters, validated; an unknown one is refused, never ignored. `paged`: a
        list, which takes cursor and page_size as well.

        :raises BadQuery: 400 naming the parameters.
        """
        given = request.query_params
        reader = _reader(serializer) if serializer else None
        known = reader.fields.keys() if reader else frozenset()
        pages = PAGE_PARAMETERS if paged else frozenset()
        errors = {name: [UNKNOWN] for name in given if name not in known and name not in pages}
        errors |= {name: ["Give it once."] for name in given if len(given.getlist(name)) > 1}
        values: dict[str, Any] = {}
        if reader and not errors:
            try:
                values = dict(
                    reader.run_validation({name: given[name] for name in given if name in known})
                )
            except serializers.ValidationError as refused:
                told: Any = refused.detail
                errors = {name: [str(m) for m in found] for name, found in told.items()}
        if errors:
            raise BadQuery(fields=_some(errors))
        return values


def _share(request: Request, seconds: int, response: HttpResponse) -> HttpResponse | None:
    if request.method not in ("GET", "HEAD"):
        return None
    digest = hashlib.blake2b(response.content, digest_size=12).hexdigest()
    response["ETag"] = tag = f'W/"{digest}"'
    response["Cache-Control"] = f"public, max-age={seconds}" if seconds else "public, no-cache"
    response["Vary"] = "Accept, Authorization"
    return get_conditional_response(request._request, etag=tag, response=response)


@cache
def _reader(serializer: type[serializers.Serializer]) -> serializers.Serializer:
    """A serializer that reads every query of its kind. Reading keeps nothing in it, and making
    one copies each of its fields: 0.1 ms, twice, of a hot page."""
    return serializer()
