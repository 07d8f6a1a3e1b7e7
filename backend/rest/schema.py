"""OpenAPI: one Problem component behind every error, the key header, the cursor parameters."""

import inspect
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers

from backend.rest.fields import Strict


class Problem(serializers.Serializer):
    """RFC 9457 problem document; `code` is stable, `errors` names the fields."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()), required=False
    )


PROBLEM_JSON = "application/problem+json"
# What any operation may be answered: a host or parameter that is none, a token that opens nothing,
# plain HTTP, too many calls, a database that is away.
ANYWHERE = ("400", "401", "403", "429", "503")
WRITES = ("POST", "PUT", "PATCH", "DELETE")
KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    required=True,
    description="1 to 128 visible ASCII characters; the same key with the same body is answered "
    "from memory for 24 hours, with another body it is refused (422).",
)
CURSOR = [
    OpenApiParameter(
        "cursor", {"type": "string", "maxLength": 400}, description="`next` of the page before"
    ),
    OpenApiParameter("page_size", {"type": "integer", "minimum": 1, "maximum": 50, "default": 20}),
]


def page_of(name: str, item: type[serializers.BaseSerializer]) -> Any:
    """The schema of a list answer: {"results": […], "next": …}."""
    return inline_serializer(
        name=f"{name}List",
        fields={
            "results": item(many=True),
            "next": serializers.CharField(allow_null=True),
        },
    )


class Schema(AutoSchema):
    """Adds the problem answers to every operation, and tells lists from single things."""

    def get_summary(self) -> str | None:
        """The first line of the view's method: what stands beside the path on the API page."""
        text = inspect.getdoc(getattr(self.view, self.method.lower(), None)) or ""
        return text.split("\n", 1)[0].rstrip(".:") or None

    def get_operation_id(self) -> str:
        """orders_list beside orders_retrieve: a list is what answers a page."""
        name = str(super().get_operation_id())
        answers = self.get_response_serializers()
        if isinstance(answers, dict):
            answers = answers.get(200, answers.get("200"))
        if set(getattr(answers, "_declared_fields", {})) == {"results", "next"}:
            return name.removesuffix("_retrieve") + "_list"
        return name

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        """A body that refuses unknown fields says so."""
        found = super()._map_basic_serializer(serializer, direction)
        if isinstance(serializer, Strict) and direction == "request":
            found["additionalProperties"] = False
        return found

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        """The declared answers plus the problems that the operation may give. Added here and
        not to the serializers: an @extend_schema of the view has the last word about those."""
        bodies = super()._get_response_bodies(direction)
        errors = {code for code in bodies if code >= "400" and "content" not in bodies[code]}
        for code in sorted(errors | self._problems()):
            if code not in bodies or code in errors:
                bodies[code] = self._get_response_for_code(Problem, code, [PROBLEM_JSON], direction)
        if self.method == "GET" and getattr(self.view, "shared_seconds", None) is not None:
            bodies["304"] = {"description": "What the caller has (If-None-Match) still holds"}
        return bodies

    def _problems(self) -> set[str]:
        """The problems that follow from the kind of the operation; a view declares its others."""
        found = {*ANYWHERE}
        others_write = getattr(self.view, "others_write", False)
        if not (self.view.authentication_classes or others_write):
            found.remove("401")  # no token is looked at, nor a signature
        found |= {"404"} if "{" in self.path else set()
        found |= {"409"} if self.method in WRITES else set()
        if not getattr(self.view, "answers_any_accept", False):
            found.add("406")
        if self.method in WRITES and self.method != "DELETE" and not others_write:
            found |= {"415", "422"}
        return found


class BearerScheme(OpenApiAuthenticationExtension):
    """Names the Bearer token in the schema."""

    target_class = "backend.accounts.authentication.BearerToken"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """OpenAPI's security scheme."""
        return {"type": "http", "scheme": "bearer"}
