"""A receiver of webhooks on this machine: a real HTTP server that keeps what it is told."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook


class Receiver:
    """`answers` are given one after another, the last for ever: a status, or something to do with
    the connection. `told` is what came: path, headers, body."""

    def __init__(self, *answers: int | Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.answers: list[Any] = list(answers or [204])
        self.told: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0
        self.url = ""
        self.port = 0

    def verified(self, secret: str) -> list[dict[str, Any]]:
        """Every message, its signature checked by the library that receivers use."""
        return [Webhook(secret).verify(body, headers) for _, headers, body in self.told]

    def ids(self) -> list[str]:
        """The webhook-id of each message."""
        return [headers["webhook-id"] for _, headers, _ in self.told]

    def next_answer(self) -> Any:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def say(status: int, body: bytes = b"", **headers: str) -> Callable[..., None]:
    """An answer with a body and headers (underscores are dashes)."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def drip(handler: BaseHTTPRequestHandler) -> None:
    """One byte of a header at a time, without an end."""
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _ in range(200):
            handler.wfile.write(b"a")
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        pass


@contextmanager
def receiver(*answers: Any) -> Iterator[Receiver]:
    """Runs while the block runs."""
    kept = Receiver(*answers)

    class Door(BaseHTTPRequestHandler):
        def setup(self) -> None:
            kept.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            kept.told.append((self.path, headers, body))
            answer = kept.next_answer()
            (say(answer) if isinstance(answer, int) else answer)(self)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    kept.port = server.server_port
    kept.url = f"http://127.0.0.1:{kept.port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
