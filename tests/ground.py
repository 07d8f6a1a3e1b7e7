"""Migrated databases, made once and copied: a suite of several processes and a dozen services
would run the same migrations in each.

Both kinds carry the checksum of what made them in their name, so that a changed migration makes
a new one by itself.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
from django.db import connection, transaction

from backend import embedded
from backend.embedded import binaries
from backend.embedded.places import places

ROOT = Path(__file__).resolve().parent.parent
_TEMPLATE = "tuike_template_"


@cache
def _mark() -> str:
    """Names everything that decides what the migrations make."""
    made_by = sorted([*ROOT.glob("*/migrations/*.py"), *ROOT.glob("*/*/migrations/*.py")])
    made_by += [ROOT / "backend" / "settings.py", ROOT / "requirements" / "base.txt"]
    made_by += [ROOT / "backend" / "core" / name for name in ("guards.py", "migrating.py")]
    sums = [hashlib.sha256(path.read_bytes()).hexdigest() for path in made_by]
    return hashlib.sha256("".join(sums).encode()).hexdigest()[:12]


@contextmanager
def _alone() -> Iterator[None]:
    """One process at a time; the others wait."""
    folder = places().var
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _migrate(**environment: str) -> None:
    env = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v", "0"],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def _beside(database_url: str, name: str) -> str:
    """The address of another database of the same server."""
    base, _, rest = database_url.partition("?")
    return f"{base.rpartition('/')[0]}/{name}?{rest}"


def template(database_url: str) -> str:
    """The name of a migrated database beside `database_url`'s, for `CREATE DATABASE … TEMPLATE`."""
    name = _TEMPLATE + _mark()
    with _alone(), psycopg.connect(database_url, autocommit=True) as connection:
        found = {
            row[0]
            for row in connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [_TEMPLATE]
            )
        }
        for other in found - {name}:
            connection.execute(f'DROP DATABASE "{other}"')
        if name not in found:
            making = f"{_TEMPLATE}making"
            connection.execute(f'CREATE DATABASE "{making}"')
            _migrate(DATABASE_URL=_beside(database_url, making))
            connection.execute(f'ALTER DATABASE "{making}" RENAME TO "{name}"')
    return name


# What migrating itself writes; nothing of it is a test's.
_KEPT = ("django_migrations", "django_content_type", "auth_permission")
_FULL = """
SELECT format('SELECT %%L WHERE EXISTS (SELECT 1 FROM %%I)', tablename, tablename) AS ask
FROM pg_tables WHERE schemaname = 'public' AND NOT tablename = ANY(%s)
"""


def empty() -> None:
    """Takes every row away, as the database's own user: the append-only tables refuse anybody else.
    Django would truncate all tables and make every permission anew, half a second each time."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_FULL, [list(_KEPT)])
        cursor.execute(" UNION ALL ".join(ask for (ask,) in cursor.fetchall()))
        full = [name for (name,) in cursor.fetchall()]
        cursor.execute("SET LOCAL session_replication_role = replica")
        for name in full:
            cursor.execute(f'DELETE FROM "{name}"')


def give_cluster(var: Path) -> None:
    """Puts a cluster whose database is migrated where the servers of `var` look for theirs, if
    there is none."""
    target = places(var).cluster
    if target.exists():
        return
    kept = places().var / "clusters"
    ours = embedded.expected_urls().database_url
    source = _beside(ours, template(ours))
    with _alone():
        made = kept / _mark()
        if not made.exists():
            shutil.rmtree(kept, ignore_errors=True)
            _make_cluster(kept / "making", made, source)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Its owner stays its owner: PostgreSQL does not run as root.
    subprocess.run(["cp", "-a", str(made), str(target)], check=True)


def _make_cluster(var: Path, made: Path, source: str) -> None:
    """A cluster with a copy of the database `source`: quicker than its migrations."""
    ours = {"TUIKE_VAR": str(var), "DATABASE_URL": "", "REDIS_URL": ""}
    env = {key: value for key, value in (os.environ | ours).items() if value}
    start = [sys.executable, "-m", "backend.embedded", "start"]
    subprocess.run(start, env=env, cwd=ROOT, check=True, capture_output=True)
    try:
        dump = var / "template.dump"
        target = embedded.expected_urls(var).database_url
        for program, arguments in (
            ("pg_dump", ["-Fc", "-d", source, "-f", str(dump)]),
            ("pg_restore", ["--exit-on-error", "-d", target, str(dump)]),
        ):
            path = str(binaries.postgres_program(program))
            subprocess.run([path, *arguments], check=True, capture_output=True)
    finally:
        embedded.stop(var)
    places(var).cluster.rename(made)
    embedded.clean(var)
    shutil.rmtree(var, ignore_errors=True)
