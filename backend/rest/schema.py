"""OpenAPI: one Problem component behind every error, the key header, the cursor parameters."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers


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


KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="1 to 128 visible ASCII characters; the same key with the same body is answered "
    "from memory for 24 hours, with another body it is refused (422).",
)
CURSOR = [
    OpenApiParameter("cursor", str, description="`next` of the page before"),
    OpenApiParameter("page_size", int, description="1 to 50, default 20"),
]


def page_of(name: str, item: type[serializers.BaseSerializer]) -> Any:
    """The schema of a list answer: {"results": […], "next": …}."""
    return inline_serializer(
        name=f"{name}Page",
        fields={
            "results": item(many=True),
            "next": serializers.CharField(allow_null=True),
        },
    )


class Schema(AutoSchema):
    """Adds the problem answers to every operation."""

    def get_response_serializers(self) -> Any:
        """The declared answers plus the problems that every operation may give."""
        answers = super().get_response_serializers()
        if not isinstance(answers, dict):
            answers = {("201" if self.method == "POST" else "200"): answers}
        for code in ("400", "401", "403", "404", "409", "422", "429"):
            if code not in {str(known) for known in answers}:
                answers[(code, "application/problem+json")] = Problem
        return answers


class BearerScheme(OpenApiAuthenticationExtension):
    """Names the Bearer token in the schema."""

    target_class = "backend.accounts.authentication.BearerToken"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """OpenAPI's security scheme."""
        return {"type": "http", "scheme": "bearer"}
