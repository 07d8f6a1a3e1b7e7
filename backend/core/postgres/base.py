"""ENGINE = "backend.core.postgres": Django's backend, which asks a kept connection whether it lives
without a round trip.

Before a request uses a kept connection Django sends SELECT 1 over it, which costs a tenth of a hot
page. A server that stopped, or hung up, has closed the socket: what then lies in it is seen by a
look. A connection with something in its socket is asked as before.
"""

import select

from django.db.backends.postgresql import base
from psycopg import pq


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, but for the question before a request."""

    def is_usable(self) -> bool:
        """Whether the connection lives. After an error it is asked; before a request a silent
        socket is enough."""
        if self.connection is None:
            return False
        if not self.errors_occurred and _is_silent(self.connection.pgconn):
            return True
        return super().is_usable()


def _is_silent(connection: pq.abc.PGconn) -> bool:
    """Whether nothing has come over an idle connection: no goodbye, no end of the stream."""
    if connection.status != pq.ConnStatus.OK:
        return False
    look = select.poll()
    look.register(connection.socket, select.POLLIN)
    return not look.poll(0)
