"""A load generator: keep-alive connections that ask again as soon as they are answered.

`wrk` where it is on the PATH; else processes of our own on raw sockets with requests built before
the clock starts, so that the generator takes little of the cores it shares with the server.
"""

import multiprocessing
import select
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

CONNECTIONS, PROCESSES = 16, 2
WRK = shutil.which("wrk")


class Load(NamedTuple):
    """What came of a load: answers, seconds, answers of another status than the expected one."""

    answers: int
    seconds: float
    strange: int

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def request(path: str, port: int, *, token: str = "", headers: str = "") -> bytes:
    """A GET as it goes over the wire."""
    sign_in = f"Authorization: Bearer {token}\r\n" if token else ""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n{sign_in}{headers}\r\n"
    ).encode()


def hammer(port: int, requests: Sequence[bytes], seconds: float, *, status: bytes = b"200") -> Load:
    """Sends the requests in turn on 16 connections for so long."""
    if WRK:
        return _wrk(port, requests, seconds)
    context = multiprocessing.get_context("fork")
    start, answers = context.Barrier(PROCESSES), context.Queue()
    crew = [
        context.Process(
            target=_crowd, args=(port, requests[n:] or requests, seconds, status, start, answers)
        )
        for n in range(PROCESSES)
    ]
    for one in crew:
        one.start()
    told = [answers.get(timeout=seconds + 60) for _ in crew]
    for one in crew:
        one.join()
    return Load(sum(t[0] for t in told), max(t[1] for t in told), sum(t[2] for t in told))


class _Caller:
    """One connection: what it waits for, and what has come of it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.came = bytearray()

    def answer(self) -> bytes:
        """The status of an answer that is there in full, b"" while more of it must come."""
        self.came += self.socket.recv(65536)
        end = self.came.find(b"\r\n\r\n")
        if end < 0:
            if not self.came:
                raise ConnectionError("the server hung up")
            return b""
        head = bytes(self.came[:end]).lower()
        at = head.find(b"\r\ncontent-length:")
        if at > 0:
            length = int(head[at + 17 :].split(b"\r\n", 1)[0])
            if len(self.came) < end + 4 + length:
                return b""
        elif b"\r\ntransfer-encoding: chunked" in head and not self.came.endswith(b"0\r\n\r\n"):
            return b""
        status = bytes(self.came[9:12])
        self.came.clear()
        return status


def _crowd(
    port: int, requests: Sequence[bytes], seconds: float, status: bytes, start: Any, answers: Any
) -> None:
    """One process: its share of the connections, in one loop."""
    callers = {}
    poll = select.epoll()
    for _ in range(CONNECTIONS // PROCESSES):
        caller = _Caller(port)
        callers[caller.socket.fileno()] = caller
        poll.register(caller.socket, select.EPOLLIN)
    start.wait()
    sent = done = strange = 0
    began = time.perf_counter()
    for caller in callers.values():
        caller.socket.send(requests[sent % len(requests)])
        sent += 1
    while (now := time.perf_counter()) < began + seconds:
        for number, _ in poll.poll(0.5):
            caller = callers[number]
            came = caller.answer()
            if came:
                done += 1
                strange += came != status
                caller.socket.send(requests[sent % len(requests)])
                sent += 1
    answers.put((done, now - began, strange))


_SCRIPT = """
local requests = {{ {requests} }}
local n = 0
request = function() n = n + 1; return requests[n % #requests + 1] end
"""


def _wrk(port: int, requests: Sequence[bytes], seconds: float) -> Load:
    texts = ",\n".join("[[" + one.decode() + "]]" for one in requests)
    with tempfile.NamedTemporaryFile("w", suffix=".lua", newline="") as script:
        script.write(_SCRIPT.format(requests=texts))
        script.flush()
        assert WRK
        shape = [f"-t{PROCESSES}", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s"]
        command = [WRK, *shape, "-s", script.name, f"http://127.0.0.1:{port}/"]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    words = out.split()
    done = int(words[words.index("requests") - 1])
    took = words[words.index("requests") + 2].rstrip(",")
    strange = (
        int(out.partition("Non-2xx or 3xx responses:")[2].split()[0]) if "Non-2xx" in out else 0
    )
    return Load(done, float(took.rstrip("s")), strange)


def cpu_of(pids: Sequence[int], ticks: int) -> float:
    """CPU seconds that these processes have used so far; one that is gone counts nothing."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / ticks
