"""Calls to addresses that strangers named.

requests-hardened resolves the name once, refuses what is private, loopback, link-local or shared
(CGNAT), and connects to that very address under the name's certificate: a name that leads
elsewhere the next moment leads nowhere. No redirects, no proxy and no .netrc of the environment.

The library's time limit begins anew with every byte; a receiver that drips would hold a call for
hours. So a watch shuts the connection when the whole call has taken LIMIT seconds. The look-up of a
name alone has no limit of ours: where it took longer, nothing is sent any more.
"""

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import requests
from requests.exceptions import RequestException, SSLError, Timeout
from requests_hardened.client import HTTPSession
from requests_hardened.config import Config
from requests_hardened.ip_filter import InvalidIPAddress
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from backend.core.logs import scrub

LIMIT = 15.0  # seconds, the whole call
CONNECT = 5.0  # seconds of them to connect
LATE = "no answer in time"
KEPT = 1024  # bytes of an answer that are read, and kept
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered; without a status the call failed and `error` says how."""

    status_code: int | None
    error: str
    body: str
    latency_ms: int

    @property
    def is_taken(self) -> bool:
        """Any 2xx."""
        return self.status_code is not None and 200 <= self.status_code < 300

    @property
    def is_gone(self) -> bool:
        """410: the receiver is no more."""
        return self.status_code == 410


class _Line:
    """One call's connection, for the watch to shut. A copy of the socket: the one itself is the
    TLS layer's from the handshake on."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self.is_shut = False

    def hold(self, connect: Callable[[], socket.socket]) -> socket.socket:
        """Connects, unless the time is over by then.

        :raises TimeoutError: it is.
        """
        if self.is_shut:
            raise TimeoutError
        made = connect()
        with self._lock:  # the watch finds a socket, or the socket finds that it has gone off
            if self.is_shut:
                made.close()
                raise TimeoutError
            self._socket = made.dup()
        return made

    def shut(self) -> None:
        with self._lock:
            self.is_shut = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

    def drop(self) -> None:
        if self._socket is not None:
            self._socket.close()


def _pools(line: _Line) -> dict[str, type[HTTPConnectionPool]]:
    """urllib3's pools, whose connections are held by the line from their first byte on."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return line.hold(super()._new_conn)

    class Encrypted(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return line.hold(super()._new_conn)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}


def _session(line: _Line, *, loopback: bool) -> HTTPSession:
    session = HTTPSession(
        Config(
            ip_filter_enable=True,
            ip_filter_allow_loopback_ips=loopback,
            never_redirect=True,
            default_timeout=(CONNECT, LIMIT),
            user_agent_override="tuike-webhooks/1",
        )
    )
    session.trust_env = False
    for adapter in session.adapters.values():
        adapter.poolmanager.pool_classes_by_scheme = _pools(line)
    return session


def post(url: str, *, headers: Mapping[str, str], body: bytes, loopback: bool) -> Answer:
    """One POST of JSON; never raises. `loopback` lets this machine itself be called."""
    began = time.monotonic()
    status, error, text = None, "", ""
    line = _Line()
    watch = threading.Timer(LIMIT, line.shut)
    watch.daemon = True
    watch.start()
    try:
        with _session(line, loopback=loopback) as session:
            status, text = _exchange(session, line, url, headers, body)
    except InvalidIPAddress:
        error = "the name leads to an address that is not public"
    except Timeout:
        error = LATE
    except SSLError:
        error = "the certificate does not fit"
    except (RequestException, HTTPError, OSError, ValueError) as found:
        late = time.monotonic() - began >= LIMIT
        error = LATE if late else type(found).__name__
    finally:
        watch.cancel()
        line.drop()
    return Answer(status, error, text, round((time.monotonic() - began) * 1000))


def _exchange(
    session: HTTPSession, line: _Line, url: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, str]:
    answer = session.post(
        url,
        data=body,
        headers={"Content-Type": "application/json", "Accept-Encoding": "identity", **headers},
        stream=True,
        allow_redirects=False,
    )
    if line.is_shut:  # in the middle of the headers, which the parser takes for their end
        raise Timeout
    with contextlib.closing(answer):
        return answer.status_code, _first(answer)


def _first(answer: requests.Response) -> str:
    """The first KiB, undecoded by any Content-Encoding, without what steers a terminal."""
    raw = b""
    with contextlib.suppress(HTTPError, OSError):  # it has answered; the rest is for people
        raw = answer.raw.read(KEPT, decode_content=False)
    text = _CONTROL.sub(" ", raw.decode("utf-8", "replace"))
    return scrub(text).strip()[:KEPT]
