#!/usr/bin/env python3
"""Django's command line, with the embedded servers up for the commands that need them."""

import os
import sys

# These read the code and the settings, never a row.
WITHOUT_SERVERS = frozenset(
    {
        "check",
        "collectstatic",
        "compilemessages",
        "diffsettings",
        "findstatic",
        "help",
        "makemessages",
        "sbom",
        "spectacular",
        "startapp",
        "version",
    }
)


def needs_servers(arguments: list[str]) -> bool:
    """Whether a command line wants the database or the broker."""
    if not arguments or {"-h", "--help", "--version"} & set(arguments):
        return False
    if arguments[0] == "check":
        return any(argument.startswith("--database") for argument in arguments)
    return arguments[0] not in WITHOUT_SERVERS


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")
    if sys.argv[1:2] != ["runserver"]:
        os.environ.setdefault("TUIKE_JOB", "1")  # a command may run longer than a page
    if needs_servers(sys.argv[1:]):
        _start_servers()
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed for this Python: run `make setup`, use .venv/bin/python")
    execute_from_command_line(sys.argv)


def _start_servers() -> None:
    from backend import embedded

    try:
        # On standard error: a command's output may be data.
        embedded.ensure(lambda stage: print(stage, file=sys.stderr, flush=True))  # noqa: T201
    except embedded.EmbeddedError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
