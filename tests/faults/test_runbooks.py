"""The runbooks, rehearsed with real processes: books out of balance, relay behind, restore from a
backup. `-m soak -s` prints what was typed, what was seen, and how long it took
(docs/operations/runbooks.md has the record)."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backend.embedded.binaries import postgres_program
from tests.commissions.outsider import SCRIPT, verdict
from tests.service import ROOT, Service

pytestmark = pytest.mark.soak
SEAL = "from commissions import chain; print(chain.seal(), *chain.head())"


class Rehearsal:
    """Types commands into a market of thirty promoters, and writes down what it saw."""

    def __init__(self, service: Service, folder: Path, say: Callable[[str], None]) -> None:
        self.service, self.folder, self.say = service, folder, say

    def types(self, *arguments: str, code: int = 0, shown: int = 3) -> str:
        """Runs manage.py, which must end with this code; its output."""
        return self.runs([sys.executable, "manage.py", *arguments], code=code, shown=shown)

    def checks(self, *arguments: str, code: int = 0) -> str:
        """Runs the outsider's checker."""
        return self.runs([sys.executable, "-I", str(SCRIPT), *arguments], code=code)

    def runs(self, command: list[str], *, code: int = 0, shown: int = 3) -> str:
        """Runs a command, and says what was seen of it."""
        began = time.monotonic()
        done = subprocess.run(
            command, env=self.service.environment, cwd=ROOT, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        took = time.monotonic() - began
        told = (done.stdout + done.stderr).strip()
        words = [Path(word).name if "/" in word else word for word in command[1:]]
        self.say(f"$ {' '.join(words)}   # exit {done.returncode}, {took:.1f} s")
        for line in told.splitlines()[-shown:]:
            self.say(f"    {line.replace(str(self.folder), '.')[:160]}")
        assert done.returncode == code, told[-2000:]
        return told

    def plants(self, statement: str, *values: object) -> None:
        """As a superuser of the database, with every trigger off."""
        self.say(f"# as superuser, triggers off: {' '.join(statement.split())}")
        self.service.sql("BEGIN; SET LOCAL session_replication_role = replica; "
                         + statement.replace("%s", "{}").format(*values) + "; COMMIT")  # fmt: skip


@pytest.fixture
def there(
    tmp_path_factory: pytest.TempPathFactory, capfd: pytest.CaptureFixture[str]
) -> Iterator[Rehearsal]:
    def say(line: str) -> None:
        with capfd.disabled():
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    folder = tmp_path_factory.mktemp("books")
    service = Service(folder / "var")
    try:
        service.python("-m", "backend.embedded", "start")
        service.manage("migrate", "-v", "0")
        service.manage("seed", "--scenario", "tuike", "--promoters", "30")
        yield Rehearsal(service, folder, say)
    finally:
        service.stop()


def test_books_out_of_balance(there: Rehearsal) -> None:
    there.types("shell", "-v", "0", "-c", SEAL, shown=1)
    before, after, mended = (
        str(there.folder / f"{name}.jsonl") for name in ("before", "after", "mended")
    )
    there.types("export_books", before)
    link = there.checks(before).split()[-1]
    there.types("check_books", shown=1)
    ((journal, account, fen),) = there.service.sql(
        "SELECT journal_id, account_id, amount_fen FROM commissions_entry"
        " ORDER BY journal_id, account_id OFFSET 40 LIMIT 1"
    )
    there.plants(
        "UPDATE commissions_entry SET amount_fen = amount_fen + 100"
        " WHERE journal_id = %s AND account_id = %s", journal, account,
    )  # fmt: skip
    told = there.types("check_books", code=1, shown=12)
    assert f"journal={journal}" in told
    told = there.types("check_books", "--chain", code=1, shown=2)
    assert f"journal {journal}." in told
    there.types("export_books", after)
    told = there.checks(after, link, code=1)
    assert f"journal {journal}," in told
    there.say(f"# the export of before says {fen} fen in this entry: that is put back")
    there.plants(
        "UPDATE commissions_entry SET amount_fen = %s WHERE journal_id = %s AND account_id = %s",
        fen, journal, account,
    )  # fmt: skip
    there.types("check_books", "--chain", shown=2)
    there.types("export_books", mended)
    there.checks(mended, link)


def test_relay_behind(there: Rehearsal) -> None:
    service = there.service
    for name in ("web", "worker", "beat"):
        service.spawn(name)
    service.wait(lambda: service.call("GET", "/readyz").status == 200, "the web server", 60)
    service.wait(lambda: service.call("GET", "/readyz").body["jobs"] == "ok", "the relay", 60)
    service.kill9("worker")
    there.say("# the worker is killed -9; every event is due again, as after a night without it")
    service.sql("UPDATE core_event SET state = 'pending', due_at = now(), delivered_at = NULL")
    behind = "SELECT count(*) FROM core_event WHERE state = 'pending'"
    ((waiting,),) = service.sql(behind)
    there.say(f"$ {behind}   # {waiting}")
    took = service.wait(
        lambda: service.call("GET", "/readyz").body["jobs"] == "stale", "the alarm", 120
    )
    there.say(f"$ curl /readyz   # after {took:.0f} s: {service.call('GET', '/readyz').body}")
    service.spawn("worker")
    began = time.monotonic()
    service.wait(lambda: service.sql(behind) == [(0,)], "the end of the queue", 240)
    there.say(f"# worker up again: {waiting} events delivered in {time.monotonic() - began:.1f} s")
    service.wait(lambda: service.call("GET", "/readyz").body["jobs"] == "ok", "the relay", 60)
    there.types("check_books", shown=1)


def test_restore_from_a_backup(there: Rehearsal) -> None:
    service = there.service
    there.types("shell", "-v", "0", "-c", SEAL, shown=1)
    books = str(there.folder / "books.jsonl")
    there.types("export_books", books)
    link = there.checks(books).split()[-1]
    dump = str(there.folder / "tuike.dump")
    url = service.database_url
    there.runs([str(postgres_program("pg_dump")), "--format=custom", f"--file={dump}", url])
    began = time.monotonic()
    service.sql("CREATE DATABASE restored")
    restored = url.replace("@/tuike?", "@/restored?")
    assert restored != url
    there.runs(
        [str(postgres_program("pg_restore")), "--exit-on-error", "--single-transaction",
         f"--dbname={restored}", dump]
    )  # fmt: skip
    there.say(f"# restored in {time.monotonic() - began:.1f} s")
    service.environment["DATABASE_URL"] = restored
    service.environment["REDIS_URL"] = service.environment.get("REDIS_URL", "")
    if not service.environment["REDIS_URL"]:
        from backend import embedded

        service.environment["REDIS_URL"] = embedded.expected_urls(service.var).redis_url
    there.types("migrate", "--check", shown=1)
    there.types("check_books", "--chain", shown=2)
    again = str(there.folder / "again.jsonl")
    there.types("export_books", again)
    there.checks(again, link)
    assert Path(again).read_bytes() == Path(books).read_bytes()
    assert verdict(again) == 0
    told = service.sql("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal")
    service.database_url = restored
    assert service.sql("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal") == told
    service.database_url = url
