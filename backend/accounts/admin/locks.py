"""Failed sign-ins 登录失败, as django-axes counts them: who is locked, and unlocking."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display

from backend.accounts import lockout
from backend.accounts.models import FailedSignIn
from backend.core.deciding import Asking, Decision
from backend.core.staff import ReadOnly

UNLOCK = Decision(
    title="Unlock 解锁",
    done="may be tried again",
    act=lambda row, by, why, at: lockout.lift(attempt_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
    needs_code=True,
)


@admin.register(FailedSignIn)
class FailedSignInAdmin(ReadOnly, Asking):
    """Failures of the last quarter of an hour, of a name from an address. Older rows count for
    nothing and go with the next sign-in."""

    list_display = ["username", "ip_address", "failures_since_start", "state", "attempt_time"]
    search_fields = ["=username", "=ip_address"]
    ordering = ["-attempt_time"]
    fields = ["username", "ip_address", "failures_since_start", "attempt_time", "user_agent"]
    actions = ["unlock_selected"]

    @display(description="state", label={"locked": "danger", "counted": "info"})
    def state(self, row: FailedSignIn) -> Any:
        """Whether this name is locked from this address, as long as the row is young."""
        full = row.failures_since_start >= settings.AXES_FAILURE_LIMIT
        return ("locked", "locked 已锁定") if full else ("counted", "counted 已计数")

    def has_unlock_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers."""
        return bool(request.user.is_superuser)

    @action(description=UNLOCK.title, permissions=["unlock"])
    def unlock_selected(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        """Forgets the selected failures, with a reason."""
        return self.decide_many(request, rows, UNLOCK, "unlock_selected")
