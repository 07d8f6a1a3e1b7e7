"""The relay's doorbell: tells a worker that events wait, without ever making a request wait.

Publishing to a broker that is away took Celery 6 seconds a message, measured inside requests. So a
thread of its own does it: requests only set a flag, rings that come while it is publishing become
one, and a bell that cannot be rung costs at most one period of the beat's sweep.
"""

import os
import threading
import time
from typing import Any

from backend.core.logs import get

log = get(__name__)

# Seconds between tries while the broker is away.
PAUSE = 1.0


class Bell:
    """One process's bell; its thread is started by the first ring, again after a fork."""

    def __init__(self) -> None:
        self._rung = threading.Event()
        self._starting = threading.Lock()
        self._pid = 0

    def ring(self) -> None:
        """Asks for a delivery; returns at once."""
        if self._pid != os.getpid():
            self._start()
        self._rung.set()

    def _start(self) -> None:
        with self._starting:
            if self._pid != os.getpid():
                self._rung = threading.Event()
                threading.Thread(target=self._work, name="doorbell", daemon=True).start()
                self._pid = os.getpid()

    def _work(self) -> None:
        connection: Any = None
        while True:
            self._rung.wait()
            self._rung.clear()
            try:
                connection = connection or _connect()
                _publish(connection)
            except Exception as error:
                log.warning("the doorbell did not ring, the sweep will find the event: %r", error)
                _drop(connection)
                connection = None
                time.sleep(PAUSE)


def _connect() -> Any:
    """A connection of this thread's own: the pool of Celery stays out of a broker's outages."""
    from backend.celery import app  # the Celery app imports the settings; urls and wsgi need not

    return app.connection_for_write()


def _publish(connection: Any) -> None:
    from backend.celery import app

    app.send_task("backend.drain_events", connection=connection, retry=False, expires=30)


def _drop(connection: Any) -> None:
    if connection is not None:
        try:
            connection.release()
        except Exception as error:
            log.debug("the broken connection did not close: %r", error)


bell = Bell()


def ring() -> None:
    """Rings this process's bell."""
    bell.ring()
