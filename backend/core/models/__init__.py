"""Tables of the kernel."""

from backend.core.models.audit import AuditEntry
from backend.core.models.change import RowChange
from backend.core.models.event import Event
from backend.core.models.heartbeat import Heartbeat
from backend.core.models.idempotency import IdempotencyKey

__all__ = ["AuditEntry", "Event", "Heartbeat", "IdempotencyKey", "RowChange"]
