"""What the doubles of WeChat Pay and Alipay share: a real HTTP server, keys of both sides, books of
its own (a number is paid once) and a script of faults."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


@cache
def key(who: str) -> RSAPrivateKey:
    """The key pair of "us", "them" or a forger."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(who: str) -> str:
    return key(who).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(who: str) -> str:
    return (
        key(who).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    )


class Double:
    """One provider on a port of its own. `faults` is used up call by call: what happens to the
    next call, "" for nothing. `broken` collects requests that were not as documented."""

    def __init__(self) -> None:
        self.bills: dict[str, dict[str, Any]] = {}
        self.paid: Counter[str] = Counter()
        # How often each number was asked to be paid, understood or not.
        self.sent: Counter[str] = Counter()
        self.faults: list[str] = []
        self.broken: list[str] = []
        self.calls: list[str] = []
        self.signs_with = "them"
        # What the next bill becomes.
        self.becomes = "SUCCESS"
        self.lock = threading.Lock()

    def fault(self) -> str:
        with self.lock:
            return self.faults.pop(0) if self.faults else ""

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict, bytes]:
        """Status, headers and body."""
        raise NotImplementedError


class _Handler(BaseHTTPRequestHandler):
    double: Double

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        fault = self.double.fault()
        if fault == "down":
            return
        if fault == "500":
            self._write(500, {"Content-Type": "text/html"}, b"<h1>upstream</h1>")
            return
        if fault == "moved":
            self._write(307, {"Location": self.path}, b"")
            return
        status, headers, content = self.double.answer(self, body)
        if fault == "lost":  # it took effect, and the answer does not arrive
            return
        if fault == "slow":
            time.sleep(1.5)
        if fault == "cut":
            content = content[: len(content) // 2]
        if fault == "flipped":
            content = content.replace(b"SUCCESS", b"SUCCESs")
        self._write(status, headers, content)

    do_GET = do_POST  # noqa: N815 - the name that http.server calls

    def _write(self, status: int, headers: dict[str, str], content: bytes) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the caller has given up

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def running(double: Double) -> Iterator[str]:
    """The double behind a URL."""
    handler = type("Handler", (_Handler,), {"double": double})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
