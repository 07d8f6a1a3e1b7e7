"""``python -m backend.embedded start|status|stop|clean``."""

from __future__ import annotations

import argparse
import sys

from backend import embedded


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 1 when it could not be done, 3 when ``status`` finds nothing running."""
    parser = argparse.ArgumentParser(prog="python -m backend.embedded", description=__doc__)
    commands = {"start": _start, "status": _status, "stop": _stop, "clean": _clean}
    parser.add_argument("command", choices=commands)
    chosen = parser.parse_args(arguments)
    try:
        return commands[chosen.command]()
    except embedded.EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _start() -> int:
    embedded.ensure(_say)
    embedded.keep()
    return _status()


def _status() -> int:
    found = embedded.status()
    _say(f"stage       {found.stage}{' (in use)' if found.in_use else ''}")
    _say(f"supervisor  {found.supervisor_pid or '-'}")
    _say(f"postgres    {found.postgres_pid or '-'}")
    _say(f"valkey      {found.valkey_pid or '-'}")
    _say(f"DATABASE_URL={found.urls.database_url}")
    _say(f"REDIS_URL={found.urls.redis_url}")
    return 0 if found.postgres_pid and found.valkey_pid else 3


def _stop() -> int:
    _say("stopped" if embedded.stop() else "nothing was running")
    return 0


def _clean() -> int:
    _say("stopped and removed" if embedded.clean() else "nothing to remove")
    return 0


if __name__ == "__main__":
    sys.exit(main())
