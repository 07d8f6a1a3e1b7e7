"""Just enough of PostgreSQL's and Valkey's protocols to ask: are you there, is our database?

The supervisor and the clients must work before any driver is imported, so this speaks the
protocols over the socket itself: one start-up message, one simple query, one PING.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path

_PROTOCOL_3_0 = 196608
NO_SUCH_DATABASE = "3D000"
DUPLICATE_DATABASE = "42P04"
CANNOT_CONNECT_NOW = "57P03"
TOO_MANY_CONNECTIONS = "53300"


class Refused(Exception):
    """PostgreSQL answered with an error: ``code`` is its SQLSTATE, ``fatal`` that it hung up."""

    def __init__(self, *, code: str, message: str, fatal: bool) -> None:
        super().__init__(message)
        self.code = code
        self.fatal = fatal


def run_sql(path: Path, *, user: str, database: str, sql: str = "", timeout: float = 5.0) -> None:
    """Connect and, where some is given, run a statement, throwing its rows away.

    :raises Refused: PostgreSQL answered with an error.
    :raises OSError: nothing answers there, or not within ``timeout`` seconds.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(str(path))
        words = b"".join(word.encode() + b"\0" for word in ("user", user, "database", database))
        body = struct.pack("!i", _PROTOCOL_3_0) + words + b"\0"
        connection.sendall(struct.pack("!i", len(body) + 4) + body)
        _until_ready(connection)
        if sql:
            text = sql.encode() + b"\0"
            connection.sendall(b"Q" + struct.pack("!i", len(text) + 4) + text)
            _until_ready(connection)
        connection.sendall(b"X" + struct.pack("!i", 4))


def _until_ready(connection: socket.socket) -> None:
    refusal: Refused | None = None
    while True:
        kind, length = struct.unpack("!ci", _exactly(connection, 5))
        body = _exactly(connection, length - 4)
        if kind == b"E":
            refusal = _refusal(body)
            if refusal.fatal:
                raise refusal
        elif kind == b"Z":
            if refusal:
                raise refusal
            return


def _refusal(body: bytes) -> Refused:
    fields = {part[:1]: part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}
    return Refused(
        code=fields.get(b"C", ""),
        message=fields.get(b"M", "refused"),
        fatal=fields.get(b"V") in ("FATAL", "PANIC"),
    )


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise ConnectionError("the server hung up")
        data += more
    return data


def valkey_answers(path: Path, *, timeout: float = 5.0) -> bool:
    """Whether Valkey answers PING (it does not while it still reads its file)."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(str(path))
            connection.sendall(b"*1\r\n$4\r\nPING\r\n")
            return _exactly(connection, 5) == b"+PONG"
    except OSError:
        return False
