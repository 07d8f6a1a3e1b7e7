"""What happens before the children start: the port, the database, the data."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from backend.embedded import logs
from backend.launcher.children import Program, spawn
from backend.launcher.console import Console, Failure

HOST = "127.0.0.1"
DEFAULT_PORT = 8000
_STEP_TERM_SECONDS = 10.0
_SEARCHED_PORTS = 50


def chosen_port() -> int:
    """The port to serve on, PORT or 8000.

    :raises Failure: PORT is no port number, or the port is another program's.
    """
    text = os.environ.get("PORT") or str(DEFAULT_PORT)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise Failure(f"PORT={text} is no port number (1 to 65535)")
    port = int(text)
    why = _why_not(port)
    if why:
        raise Failure(f"{why}; choose another one: PORT={_free_port_after(port)} make demo")
    return port


def stream_port(port: int) -> int:
    """The port of the stream server, STREAM_PORT or the next free one after the web server's.

    :raises Failure: STREAM_PORT is no port number, or not to be had.
    """
    text = os.environ.get("STREAM_PORT")
    if not text:
        return _free_port_after(port)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise Failure(f"STREAM_PORT={text} is no port number (1 to 65535)")
    why = "it is the web server's" if int(text) == port else _why_not(int(text))
    if why:
        raise Failure(f"STREAM_PORT={text}: {why}")
    return int(text)


def _why_not(port: int) -> str:
    with socket.socket() as probe:
        # As a server would: a port whose last connections are only just closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            return f"port {port} may only be opened by root"
        except OSError:
            return f"port {port} is in use"
    return ""


def _free_port_after(port: int) -> int:
    candidates = range(max(port + 1, 1024), min(port + 1 + _SEARCHED_PORTS, 65536))
    return next((other for other in candidates if not _why_not(other)), DEFAULT_PORT)


def manage(
    console: Console,
    *arguments: str,
    environment: Mapping[str, str],
    log: Path | None = None,
    may_fail: bool = False,
) -> None:
    """Run a manage.py command to its end, its output shown or, where a log is given, kept there.

    :raises Failure: it failed (and may not).
    :raises Stop: the launcher was asked to stop; the command was ended first.
    """
    name = f"manage.py {arguments[0]}"
    command = [sys.executable, "manage.py", *arguments]
    step = spawn(Program(name, command), environment=environment, log=log)
    try:
        while step.poll() is None:
            console.pause(0.5)
    finally:
        _end_step(step)
    if step.returncode != 0 and not may_fail:
        tail = [f"    {line}" for line in logs.tail(log)] if log else []
        raise Failure("\n".join([f"{name} failed (exit code {step.returncode})", *tail]))


def _end_step(step: subprocess.Popen[bytes]) -> None:
    if step.poll() is None:
        step.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            step.wait(_STEP_TERM_SECONDS)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(step.pid, signal.SIGKILL)
    step.wait()


def readiness(port: int) -> tuple[bool, str]:
    """Whether /readyz answers 200, and what it said."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read(2000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return False, str(error) or type(error).__name__
    finally:
        connection.close()
    return answer.status == 200, f"{answer.status} {' '.join(body.split())}"


def programs(port: int, *, streams: int, schedule: Path) -> Sequence[Program]:
    """The web server, the stream server on the port `streams`, the worker and the beat."""
    celery = [sys.executable, "-m", "celery", "-A", "backend.celery"]
    return (
        Program(
            "web server",
            [
                *(sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"),
                *("--host", HOST, "--port", str(port), "--workers", "2"),
                # Each thread keeps a database connection; granian's own choice is 256 a worker.
                *("--blocking-threads", "8", "--blocking-threads-idle-timeout", "600"),
                *("--workers-kill-timeout", "10", "--respawn-failed-workers"),
                "backend.wsgi:application",
            ],
        ),
        Program(
            "stream server",
            [
                *(sys.executable, "-m", "granian", "--interface", "asginl", "--no-ws"),
                *("--host", HOST, "--port", str(streams), "--workers", "1"),
                # What it tells is state: a stream that is cut off has lost nothing.
                *("--workers-kill-timeout", "1", "--respawn-failed-workers"),
                "backend.streams.asgi:application",
            ],
        ),
        Program(
            "worker",
            [
                *(*celery, "worker", "--concurrency", "2", "--loglevel", "INFO"),
                *("--without-gossip", "--without-mingle", "--hostname", f"demo-{port}@%h"),
            ],
            # Celery's bounded shutdown: TERM alone waits for the running task as long as it takes.
            signal_on_orphaned=signal.SIGQUIT,
        ),
        Program(
            "beat",
            [*celery, "beat", "--loglevel", "WARNING", "--pidfile=", "--schedule", str(schedule)],
        ),
    )
