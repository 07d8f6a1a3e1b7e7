"""Valkey over one folder with an append-only file."""

from __future__ import annotations

import signal
from pathlib import Path

from backend.embedded import binaries, processes, wire
from backend.embedded.servers import Server, first_number


class Valkey(Server):
    """Valkey with an append-only file, which never evicts: the broker's messages are kept."""

    name = "Valkey"
    program = "valkey-server"
    stop_signals = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0))

    @property
    def folder(self) -> Path:
        return self.places.valkey

    @property
    def identity(self) -> str:
        return str(self.places.valkey_socket)

    def command(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": self.identity,
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "daemonize": "no",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "set-proc-title": "no",
        }
        command = [str(binaries.valkey_program())]
        for setting, value in settings.items():
            command += [f"--{setting}", value]
        return command

    def find(self) -> int:
        pid = first_number(self.places.valkey_pid)
        if processes.works_in(pid, self.folder, self.program):
            return pid
        # The supervisor may have been killed before it wrote the number down.
        return next(iter(processes.all_in(self.folder, self.program)), 0)

    def prepare(self) -> None:
        pass  # it replaces a stale socket and mends a torn end of its file itself

    def started(self) -> None:
        self.places.valkey_pid.write_text(f"{self.pid}\n", encoding="ascii")

    def answers(self) -> bool:
        return wire.valkey_answers(self.places.valkey_socket)
