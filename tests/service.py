"""The product's own processes for journeys and fault tests: granian, Celery worker, beat, on an
embedded PostgreSQL and Valkey of their own. Nothing is mocked; everything is killed at the end."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from backend import embedded
from tests import ground

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = {
    "web": ["granian", "--interface", "wsgi", "--workers", "1", "--host", "127.0.0.1",
            "--no-ws", "--blocking-threads", "8", "--log-level", "warning",
            "backend.wsgi:application"],
    "streams": ["granian", "--interface", "asginl", "--workers", "1", "--host", "127.0.0.1",
                "--no-ws", "--workers-kill-timeout", "1", "--log-level", "warning",
                "backend.streams.asgi:application"],
    "worker": ["celery", "-A", "backend.celery", "worker", "-c", "2", "--loglevel", "WARNING",
               "--without-gossip", "--without-mingle"],
    "beat": ["celery", "-A", "backend.celery", "beat", "--loglevel", "WARNING"],
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: Any
    headers: Mapping[str, str]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


class Service:
    """A running Tuike with its own var folder."""

    def __init__(self, var: Path, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.stream_port = 0
        self.var = var
        self.url = f"http://127.0.0.1:{self.port}"
        names = ("DATABASE_URL", "REDIS_URL", "TUIKE_JOB", "DJANGO_SETTINGS_MODULE")
        base = {key: value for key, value in os.environ.items() if key not in names}
        self.environment = base | {
            "TUIKE_VAR": str(var),
            "PUBLIC_URL": self.url,
            "PYTHONPATH": str(ROOT),
            "LOG_LEVEL": "WARNING",
            "THROTTLE_SIGN_IN": "1000",
            "THROTTLE_SIGN_UP": "1000",
            "THROTTLE_ANONYMOUS": "100000",
            "THROTTLE_ACCOUNT": "100000",
            "THROTTLE_PAYOUT": "1000",
        } | environment  # fmt: skip
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.database_url = embedded.expected_urls(var).database_url

    def start(self, *names: str, restricted: bool = False) -> None:
        """Migrates and starts the named processes (web, worker and beat by default); `restricted`:
        from then on as the database user of `manage.py grant_roles`, who does not own the tables.
        """
        ground.give_cluster(self.var)
        self.python("-m", "backend.embedded", "start")
        if restricted:
            self.manage("grant_roles")
            mine = self.database_url.replace("://tuike@", "://tuike_app@")
            self.environment["DATABASE_URL"] = mine
        for name in names or ("web", "worker", "beat"):
            self.spawn(name)
        if "web" in self.processes:
            self.wait(lambda: self.call("GET", "/readyz").status == 200, "the web server")

    def spawn(self, name: str, *, label: str = "") -> None:
        """Starts one more process under `label` (its name by default)."""
        arguments = list(COMMANDS[name])
        if name == "web":
            arguments += ["--port", str(self.port)]
        if name == "streams":
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.stream_port = probe.getsockname()[1]
            arguments += ["--port", str(self.stream_port)]
        if name == "worker":
            arguments += ["-n", f"{label or name}@%h"]
        if name == "beat":
            arguments += ["-s", str(self.var / f"{label or name}-schedule")]
        program = str(Path(sys.executable).parent / arguments[0])
        log = (self.var / f"{label or name}.log").open("ab")
        self.processes[label or name] = subprocess.Popen(
            [program, *arguments[1:]],
            env=self.environment | ({} if name in ("web", "streams") else {"TUIKE_JOB": "1"}),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def python(self, *arguments: str) -> str:
        """Runs a Python command in the service's environment; its output."""
        done = subprocess.run(
            [sys.executable, *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
        return done.stdout

    def manage(self, *arguments: str) -> str:
        """Runs manage.py; its output."""
        return self.python("manage.py", *arguments)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str = "",
        key: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One HTTP request; redirects are not followed."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body else None
        request = urllib.request.Request(self.url + path, data=raw, method=method)
        request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        if key:
            request.add_header("Idempotency-Key", key)
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with _opener.open(request, timeout=30) as response:
                return _answer(response.status, response.read(), response.headers)
        except urllib.error.HTTPError as error:
            return _answer(error.code, error.read(), error.headers)
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            return Answer(0, str(error), {})

    def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """As `call`; anything but 2xx fails the test with the answer. Returns the body."""
        answer = self.call(method, path, body, **more)
        assert 200 <= answer.status < 300, f"{method} {path}: {answer.status} {answer.body}"
        return answer.body

    def upload(self, path: str, name: str, data: bytes, *, token: str) -> Any:
        """Posts one file as multipart/form-data; the answer's body."""
        edge = "tuike-test-boundary"
        head = (
            f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        raw = head.encode() + data + f"\r\n--{edge}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={edge}"}
        return self.ok("POST", path, raw, token=token, headers=kind)

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Runs SQL on the service's database."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def wait(self, condition: Any, what: str, seconds: float = 30) -> float:
        """Waits until `condition()` is true; returns the seconds it took."""
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            with suppress(psycopg.OperationalError):
                if condition():
                    return time.monotonic() - begun
            time.sleep(0.02)
        raise AssertionError(f"{what} did not come within {seconds} s; {self.logs()}")

    def logs(self) -> str:
        """The ends of all logs, for a failure's message."""
        return "\n".join(
            f"== {path.name}\n{path.read_text(errors='replace')[-1500:]}"
            for path in sorted(self.var.glob("*.log"))
        )

    def kill9(self, name: str) -> None:
        """kill -9 of a process and all its children."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """Ends everything."""
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.processes.clear()
        embedded.stop(self.var)


def _answer(status: int, raw: bytes, headers: Any) -> Answer:
    kind = headers.get("Content-Type", "")
    body = json.loads(raw) if "json" in kind and raw else raw
    return Answer(status, body, headers)
