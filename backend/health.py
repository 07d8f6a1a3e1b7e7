"""/healthz: this process lives. /readyz: what it needs answers."""

from datetime import timedelta

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from backend.core.clock import now
from backend.core.migrating import half_way
from backend.core.models import Heartbeat

_migrated = False
STALE = timedelta(seconds=60)


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the process answers at all."""
    return JsonResponse({"status": "ok"})


def _database() -> str:
    global _migrated  # noqa: PLW0603 - migrations do not come undone under a running process
    try:
        if not _migrated:
            if half_way(connection.alias):
                return "migrations pending"
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                return "migrations pending"
            _migrated = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "away"
    return "ok"


def _redis() -> str:
    try:
        cache.get("readyz")
    except Exception:
        return "away"
    return "ok"


def _jobs() -> str:
    """Whether the relay's job ran within the last minute."""
    try:
        beat = Heartbeat.objects.filter(job="relay").first()
    except DatabaseError:
        return "away"
    if beat is None:
        return "not started"
    return "ok" if now() - beat.at < STALE else "stale"


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when PostgreSQL is migrated and answers and Redis answers; the background jobs are
    reported beside them and do not take the web down."""
    parts = {"database": _database(), "redis": _redis()}
    ready = all(state == "ok" for state in parts.values())
    parts["jobs"] = _jobs()
    body = {"status": "ok" if ready else "not ready", **parts}
    return JsonResponse(body, status=200 if ready else 503)
