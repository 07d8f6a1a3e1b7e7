"""What the launcher says, and how it is told to stop."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time


class Stop(Exception):
    """Somebody asked the launcher to stop."""


class Failure(Exception):
    """The demo cannot go on; ``str()`` says why, its first line being enough."""


class Console:
    """Short lines with the seconds since the start, and an ear for Ctrl-C."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._asked = False
        self._wake_up, writable = os.pipe()
        os.set_blocking(writable, False)
        signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only wakes pause() up

    def _ask(self, *_: object) -> None:
        self._asked = True

    def say(self, text: str) -> None:
        """Print a line with the elapsed seconds before it."""
        self.show(f"{time.monotonic() - self._begun:6.1f} s  {text}")

    def show(self, text: str) -> None:
        """Print text as it is; a terminal that is gone does not keep us from stopping."""
        with contextlib.suppress(OSError):
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    def complain(self, text: str) -> None:
        """Print to standard error."""
        with contextlib.suppress(OSError):
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def pause(self, seconds: float) -> None:
        """Wait so long, or until a child ends.

        :raises Stop: Ctrl-C, TERM or HUP came, now or before.
        """
        if not self._asked and select.select([self._wake_up], [], [], seconds)[0]:
            os.read(self._wake_up, 64)
        if self._asked:
            raise Stop
