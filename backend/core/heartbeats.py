"""Signs of life of background jobs."""

from datetime import datetime

from backend.core.sql import run

_BEAT = """
INSERT INTO core_heartbeat (job, at, note) VALUES (%s, %s, %s)
ON CONFLICT (job) DO UPDATE SET at = excluded.at, note = excluded.note
WHERE core_heartbeat.at < excluded.at
"""


def beat(*, job: str, at: datetime, note: str = "") -> None:
    """Notes that `job` finished a round at `at`."""
    run(_BEAT, [job, at, note[:200]])
