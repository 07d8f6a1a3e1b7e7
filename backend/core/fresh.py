"""A code entered just now: what is asked of staff before money is let go.

The kernel knows no second factor; accounts register theirs (backend.accounts.second_factor), and
every page that asks before a decision uses it through here.
"""

from types import new_class
from typing import Any, Protocol

from django import forms
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextInputWidget

CODE = UnfoldAdminTextInputWidget(
    attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autocapitalize": "off"}
)


class Proof(Protocol):
    """Who knows whether a request's person has shown their second factor lately."""

    def is_due(self, request: HttpRequest) -> bool:
        """Whether they have to show it again."""

    def problem_of(self, request: HttpRequest, code: str) -> str:
        """Takes a code; why it is refused, or nothing: then it counts as shown just now."""


class _Nobody:
    """No second factor is registered: nothing is asked."""

    def is_due(self, request: HttpRequest) -> bool:
        return False

    def problem_of(self, request: HttpRequest, code: str) -> str:
        return ""


_proof: Proof = _Nobody()


def prove_with(proof: Proof) -> None:
    """Registers the second factor, at start-up."""
    global _proof  # noqa: PLW0603 a port has one answer
    _proof = proof


def is_due(request: HttpRequest) -> bool:
    """Whether this person must enter a code before they let money go."""
    return _proof.is_due(request)


class Coded(forms.Form):
    """Mixed into a form that waits for a code; the code is taken only when all else is right."""

    request: HttpRequest
    code = forms.CharField(
        max_length=20,
        label="Your code 验证码",
        help_text="The six digits of your authenticator app, once more. 请再次输入六位验证码。",
        widget=CODE,
    )

    def clean(self) -> dict[str, Any] | None:
        """Takes the code, which is nothing that the verb is told."""
        cleaned = super().clean()
        if not self.errors:
            problem = _proof.problem_of(self.request, self.cleaned_data["code"])
            if problem:
                self.add_error("code", problem)
            self.cleaned_data.pop("code", None)
        return cleaned


def coded(kind: type[forms.Form], request: HttpRequest) -> type[forms.Form]:
    """The form, with a field for the code below its own where one is due."""
    if not is_due(request):
        return kind
    made: type[forms.Form] = new_class(
        f"Coded{kind.__name__}",
        (Coded, kind),
        exec_body=lambda names: names.update(request=request),
    )
    return made
