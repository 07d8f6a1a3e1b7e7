"""Requests to the real application, byte for byte: what a test client would tidy up on the way
(paths, headers, bodies that are no text) arrives here as it was meant."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from django.test.client import ClientHandler

EDGE = "tuike-test-edge"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `bug` is the end of the traceback behind a 500."""

    status: int
    headers: dict[str, str]
    content: bytes
    bug: str = ""

    def json(self) -> Any:
        """The body, read as JSON; None where there is none."""
        return json.loads(self.content) if self.content else None

    @property
    def code(self) -> str:
        """The problem's code; "" where the answer is no problem document."""
        if self.headers.get("Content-Type") != "application/problem+json" or not self.content:
            return ""
        return str(self.json()["code"])


class _Bugs(logging.Handler):
    """Remembers the last exception that ended as a 500."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            place = error.__traceback__
            while place and place.tb_next:
                place = place.tb_next
            where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
            self.last = f"{type(error).__name__}: {error} at {where}"


@dataclass
class Door:
    """The application, called in this thread."""

    # Django's handler that leaves the test's connection open, with the whole middleware stack.
    application: ClientHandler = field(default_factory=ClientHandler)
    bugs: _Bugs = field(default_factory=_Bugs)
    sent: int = 0

    def __post_init__(self) -> None:
        logging.getLogger("django.request").addHandler(self.bugs)

    def send(
        self,
        method: str,
        target: str | bytes,
        *,
        token: str = "",
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        environ: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request. `target` is path and query as they stand in the request line; `body` is
        sent as it is where it is bytes, as JSON otherwise; header values are latin-1."""
        self.sent += 1
        raw = body if isinstance(body, bytes) else b"" if body is None else _json(body)
        said: dict[str, str] = {"Content-Type": "application/json"} if raw else {}
        if token:
            said["Authorization"] = f"Bearer {token}"
        said |= headers or {}
        self.bugs.last = ""
        response = self.application(_environ(method, target, said, raw) | dict(environ or {}))
        content = b"" if method == "HEAD" else response.getvalue()
        return Answer(response.status_code, dict(response.items()), content, self.bugs.last)


def _json(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=True).encode()


def _environ(
    method: str, target: str | bytes, headers: Mapping[str, str], raw: bytes
) -> dict[str, Any]:
    plain = target if isinstance(target, bytes) else target.encode("utf-8", "surrogatepass")
    path, _, query = plain.partition(b"?")
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(raw)),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(raw),
        "wsgi.errors": BytesIO(),
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ


def form(parts: Mapping[str, str | bytes], *, filename: str = "a.png") -> bytes:
    """A multipart/form-data body with the boundary EDGE; bytes are a file, text is a field."""
    out = b""
    for name, value in parts.items():
        about = f'Content-Disposition: form-data; name="{name}"'
        if isinstance(value, bytes):
            about += f'; filename="{filename}"\r\nContent-Type: application/octet-stream'
        raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
        out += f"--{EDGE}\r\n{about}\r\n\r\n".encode("utf-8", "surrogatepass") + raw + b"\r\n"
    return out + f"--{EDGE}--\r\n".encode()


MULTIPART = {"Content-Type": f"multipart/form-data; boundary={EDGE}"}
