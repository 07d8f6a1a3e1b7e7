"""A page that asks staff before something happens: with a form, a note, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse

from backend.core import fresh
from backend.core.errors import Refusal
from backend.core.staff import StaffAdmin


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a title (the button's words), a note, the form to fill in, and whether a code
    entered just now is needed."""

    title: str
    note: str
    form: type[forms.Form]
    needs_code: bool = False


# (the row or None, the valid form) → an answer of its own, or lines to show on the page
Act = Callable[[Any, Any], HttpResponse | list[tuple[str, str]]]


def ask(
    page: StaffAdmin, request: HttpRequest, object_id: str | None, question: Question, act: Act
) -> HttpResponse:
    """Shows the question; once it is answered, acts and shows what came of it. A refusal becomes
    a message above the form."""
    row = page.get_object(request, object_id) if object_id else None
    if object_id and row is None:
        raise Http404
    answered = request.method == "POST"
    kind = fresh.coded(question.form, request) if question.needs_code else question.form
    form = kind(request.POST, request.FILES) if answered else kind()
    lines: list[tuple[str, str]] = []
    if answered and form.is_valid():
        try:
            found = act(row, form)
            if isinstance(found, HttpResponseBase):
                return found
            lines = found
        except Refusal as refusal:
            messages.error(request, f"{refusal.title}: {refusal.detail}")
    name = f"admin:{page.opts.app_label}_{page.opts.model_name}"
    context = {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "title": question.title,
        "note": question.note,
        "row": row,
        "form": form,
        "lines": lines,
        "back": reverse(f"{name}_change", args=[row.pk]) if row else reverse(f"{name}_changelist"),
    }
    return TemplateResponse(request, "admin/ask.html", context)
