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
PROBLEMS = ("400", "401", "403", "404", "406", "409", "422", "429")
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
        """The declared answers plus the problems that every operation may give. Added here and
        not to the serializers: an @extend_schema of the view has the last word about those."""
        bodies = super()._get_response_bodies(direction)
        errors = {code for code in bodies if code >= "400" and "content" not in bodies[code]}
        if self.method in ("POST", "PUT", "PATCH"):
            errors.add("415")
        for code in sorted(errors | set(PROBLEMS)):
            if code not in bodies or code in errors:
                bodies[code] = self._get_response_for_code(Problem, code, [PROBLEM_JSON], direction)
        return bodies


class BearerScheme(OpenApiAuthenticationExtension):
    """Names the Bearer token in the schema."""

    target_class = "backend.accounts.authentication.BearerToken"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """OpenAPI's security scheme."""
        return {"type": "http", "scheme": "bearer"}
