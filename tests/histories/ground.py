"""One connection, one transaction that is never committed, and a savepoint for every history.

Measured: a history costs 110 ms so and leaves nothing behind; committing it costs an fsync a
verb and a truncation of fifty tables. The world is made anew every 200 histories, so that no
transaction grows for ever.

What a commit would check is checked at once: constraints are immediate from the first statement
on, and the hooks that a commit would have run are run after every step.
"""

import gc
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.db import connection, transaction
from django.test import override_settings
from psycopg import pq

from backend.core import redis
from commissions import touches
from commissions.providers import sandbox
from tests.histories import world
from tests.histories.world import World

HISTORIES_A_WORLD = 200
FEE_FEN = 25


# A third of all statements begin and end savepoints, and after a rollback psycopg forgets its
# prepared statements for fear of dropped tables. Said to libpq itself, they cost a fifth, and what
# is prepared stays.
_COMMANDS = {
    "_savepoint": "SAVEPOINT",
    "_savepoint_commit": "RELEASE SAVEPOINT",
    "_savepoint_rollback": "ROLLBACK TO SAVEPOINT",
}


def _said(command: str) -> Callable[[str], None]:
    def say(name: str) -> None:
        result = connection.connection.pgconn.exec_(f"{command} {name}".encode())
        assert result.status == pq.ExecStatus.COMMAND_OK, result.error_message

    return say


class Ground:
    """Opens a world when it is needed and closes it when it is used up."""

    def __init__(self) -> None:
        self._atomic: Any = None
        self._used = 0
        self._point = ""
        self._settings = override_settings(PAYOUT_FEE_FEN=FEE_FEN)
        self.world: World | None = None

    def begin(self) -> World:
        """A fresh history; the world it happens in."""
        if self.world is None or self._used >= HISTORIES_A_WORLD:
            self.close()
            self._open()
        assert self.world is not None
        self._used += 1
        self._point = transaction.savepoint()
        return self.world

    def _open(self) -> None:
        self._settings.enable()
        connection.ensure_connection()
        self._atomic = transaction.atomic()
        # As Django's own TestCase says it: a durable block may begin inside this one.
        self._atomic._from_testcase = True
        self._atomic.__enter__()
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM core_event")
            assert cursor.fetchone() == (0,), "a history needs an empty database"
        # After a first statement: psycopg sends its BEGIN with that.
        self._savepoints = ExitStack()
        for name, command in _COMMANDS.items():
            self._savepoints.enter_context(patch.object(connection, name, _said(command)))
        self.world, self._used = world.build(), 0
        self.checked_at_once()
        gc.collect()
        gc.freeze()

    def checked_at_once(self) -> None:
        """Foreign keys are looked at by every statement, not at a commit that never comes."""
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def market(self, *, own_purchase_pays: bool, levels: int) -> None:
        """The market's rules for this history."""
        settings.SELF_PURCHASE = "commission" if own_purchase_pays else "none"
        settings.PAYING_LEVELS = levels

    def committed(self) -> None:
        """Runs what waits for a commit."""
        waiting, connection.run_on_commit = connection.run_on_commit, []
        for _, hook, *_ in waiting:
            hook()

    def end(self) -> None:
        """Nothing of the history stays."""
        transaction.savepoint_rollback(self._point)
        connection.needs_rollback = False
        connection.run_on_commit = []
        self.market(own_purchase_pays=False, levels=2)
        redis.call("DEL", touches.STREAM)
        sandbox._forced.clear()

    def close(self) -> None:
        """Nothing of the world stays."""
        if self._atomic is None:
            return
        self._savepoints.close()
        connection.set_rollback(True)
        self._atomic.__exit__(None, None, None)
        self._atomic = self.world = None
        self._settings.disable()
        gc.unfreeze()
        assert settings.PAYOUT_FEE_FEN != FEE_FEN


GROUND = Ground()
