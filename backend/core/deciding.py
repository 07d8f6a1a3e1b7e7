"""Staff decisions: a page that asks, with a reason where somebody is told one, then one verb per
row. Nothing is decided by following a link."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.dataclasses import UnfoldAction
from unfold.widgets import UnfoldAdminTextareaWidget

from backend.core import fresh
from backend.core.clock import now
from backend.core.staff import StaffAdmin, attempt

MOST_AT_ONCE = 100
# (row, who decides, why, when) → one verb call
Act = Callable[[Any, Any, str, datetime], Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the staff may decide of a row: the verb, its words, whether it needs a reason, whether
    it needs a code entered just now (whatever lets money go does), and what the page that asks
    says of the row."""

    title: str
    done: str
    act: Act
    needs_reason: bool = False
    needs_code: bool = False
    says: Callable[[Any], str] = str


class Confirmed(forms.Form):
    """A decision that needs no words."""


class Reasoned(forms.Form):
    """A decision that somebody is told the reason of."""

    reason = forms.CharField(
        max_length=300, label="Reason 理由", widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class Asking(StaffAdmin):
    """An admin page that asks before it decides."""

    def decide_one(self, request: HttpRequest, object_id: str, decision: Decision) -> HttpResponse:
        """A detail action: asks, then decides and goes back to the row."""
        row = self.get_object(request, object_id)
        if row is None:
            missing: HttpResponse = self._get_obj_does_not_exist_redirect(
                request, self.opts, object_id
            )
            return missing
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
        page = self._ask(request, [row], decision, back=back, action="")
        return page or HttpResponseRedirect(back)

    def decide_many(
        self, request: HttpRequest, rows: Any, decision: Decision, action: str
    ) -> HttpResponse | None:
        """A list action: asks, then decides each of the selected rows by itself."""
        if isinstance(self.list_select_related, list):
            rows = rows.select_related(*self.list_select_related)
        chosen = list(rows.order_by("pk")[: MOST_AT_ONCE + 1])
        if len(chosen) > MOST_AT_ONCE:
            messages.error(request, f"Choose at most {MOST_AT_ONCE} rows at once.")
            return None
        return self._ask(request, chosen, decision, back=request.path, action=action)

    def _ask(
        self,
        request: HttpRequest,
        rows: Sequence[Any],
        decision: Decision,
        *,
        back: str,
        action: str,
    ) -> HttpResponse | None:
        """The page that asks, or None once it was answered and the verbs were called."""
        answered = request.method == "POST" and "confirmed" in request.POST
        kind: type[forms.Form] = Reasoned if decision.needs_reason else Confirmed
        if decision.needs_code:
            kind = fresh.coded(kind, request)
        form = kind(request.POST if answered else None)
        if answered and form.is_valid():
            reason = form.cleaned_data.get("reason", "")
            for row in rows:
                act = partial(decision.act, row, request.user, reason, now())
                attempt(request, act, f"{row}: {decision.done}")
            return None
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": decision.title,
            "rows": rows,
            "said": [decision.says(row) for row in rows],
            "form": form,
            "back": back,
            "action": action,
        }
        return TemplateResponse(request, "admin/confirm.html", context)


class DecidingAdmin(Asking):
    """An admin page whose rows are decided, never edited, by staff who may change them."""

    # Detail action → the states in which it is offered.
    offered: Mapping[str, frozenset[str]] = {}

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows come from verbs."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No field is edited here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows stay."""
        return False

    def has_decide_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Django's change permission of the model, for the actions alone."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """The actions that fit the row's state."""
        allowed: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        row = self.get_object(request, str(object_id))
        prefix = f"{self.opts.app_label}_{self.opts.model_name}_"
        return [
            action
            for action in allowed
            if row is not None
            and row.status
            in self.offered.get(action.action_name.removeprefix(prefix), {row.status})
        ]
