"""``python -m backend.launcher.leash <signal> <parent> <program> …``: a program on a leash.

On Linux the kernel sends the program the signal when its parent dies, however that dies; the
request survives the exec and costs no process of its own.
"""

from __future__ import annotations

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(signal_number: int, parent: int, program: list[str]) -> None:
    """Become the program; end at once where the parent is gone already."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent is gone")
    os.execv(program[0], program)  # noqa: S606 - the launcher's own commands


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
