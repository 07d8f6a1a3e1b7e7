"""The audit trail's one verb."""

from datetime import datetime
from typing import Any

from django.db import models

from backend.core.models import AuditEntry


def note(
    *,
    actor: Any,
    action: str,
    target: models.Model,
    at: datetime,
    reason: str = "",
    **data: Any,
) -> AuditEntry:
    """Records that `actor` (an account, or None for the system) did `action` to `target`.

    Runs in the transaction of the act itself, so there is no act without its row. `data` must
    never hold secrets: no token, no account number.
    """
    return AuditEntry.objects.create(
        at=at,
        actor=actor,
        action=action,
        target_kind=target._meta.label_lower,
        target_id=str(target.pk),
        reason=reason,
        data=data,
    )
