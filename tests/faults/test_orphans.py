"""A statement whose client was killed: PostgreSQL looks for its client while it works, so a dead
worker's statement ends within seconds and its locks are free, however long it would have run."""

import subprocess
import sys
import time

import pytest
from django.db import connection

from backend.core.sql import value

CHILD = """
import sys, psycopg
with psycopg.connect(sys.argv[1], options=sys.argv[2]) as one:
    one.execute("SELECT pg_advisory_xact_lock(20261122)")
    print("locked", flush=True)
    one.execute("SELECT pg_sleep(300)")
"""
LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 20261122"


@pytest.mark.django_db(transaction=True)
def test_the_statement_of_a_killed_client_ends_and_lets_its_locks_go() -> None:
    options = connection.settings_dict["OPTIONS"]["options"]
    assert "client_connection_check_interval=2000" in options
    there = connection.settings_dict
    address = f"host={there['HOST']} user={there['USER']} dbname={there['NAME']}"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, address, options],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    try:
        assert child.stdout.readline() == "locked\n"
        assert value(LOCKS) == 1
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    killed = time.monotonic()
    while value(LOCKS) and time.monotonic() - killed < 60:
        time.sleep(0.1)
    assert time.monotonic() - killed < 30
