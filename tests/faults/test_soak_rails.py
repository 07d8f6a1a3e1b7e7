"""X11 for money out: 200 kills -9 of workers, PostgreSQL, Valkey and the finance desk's process, at
random points of settling, building batches, sending, asking and reconciling (`make soak`).

Two workers and two beats; WeChat Pay and Alipay behind their doubles, which lose answers, come
late, break and are away; the sandbox by its script; a bank with a ledger of its own; the clock
stepped over days and months. Afterwards the books are clean, every number was asked to be paid at
most once and paid at most once, and what the channels have paid is our cash, to the fen.

TUIKE_SOAK_CYCLES says another number of kills than 200.
"""

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from backend import embedded
from tests.commissions import alipay_double, wechat_double
from tests.commissions.alipay_double import AlipayDouble
from tests.commissions.double import Double, private_pem, public_pem, running
from tests.commissions.wechat_double import WeChatDouble
from tests.faults import bulk, rail_desk, verdict
from tests.faults.storm import broker_answers, database_answers, kill_tree
from tests.service import ROOT, Service

pytestmark = pytest.mark.soak
CYCLES = int(os.environ.get("TUIKE_SOAK_CYCLES", "200"))
KINDS = ["worker"] * 4 + ["PostgreSQL"] * 3 + ["Valkey"] * 2 + ["desk"]
FAULTS = ["down", "lost", "slow", "500", "cut", "flipped"]
SCRIPTED = ["down", "slow", "late", "timeout_paid", "timeout_lost", "duplicate", "fail"]
ENDED = "('paid', 'failed', 'rejected', 'cancelled')"


class Rails:
    """The service, its doubles, and what was killed."""

    def __init__(self, service: Service, doubles: dict[str, Double], say: Callable[..., None]):
        self.service, self.doubles, self.say = service, doubles, say
        self.dice = random.Random(20261122)
        self.kills: Counter[str] = Counter()
        self.desk: subprocess.Popen[bytes] | None = None
        self.begun = datetime.now(UTC)
        self.waves = 0

    def wave(self) -> None:
        """Orders that mature at once: something to settle, and money to ask for."""
        bulk.wave(self.service.database_url, number=self.waves, lines=1_000, begun=self.begun)
        self.waves += 1

    def work(self) -> None:
        """The desk's process."""
        self.desk = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.rail_desk"],
            env=self.service.environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=(self.service.var / "desk.log").open("ab"),
        )

    def strike(self, kind: str) -> None:
        """One kill, and everything up again."""
        self.kills[kind] += 1
        if kind == "worker":
            name = self.dice.choice(["worker", "worker2"])
            if name in self.service.processes:
                self.service.kill9(name)
            self.service.spawn("worker", label=name)
        elif kind == "PostgreSQL":
            kill_tree(embedded.status(self.service.var).postgres_pid)
            self.service.wait(lambda: database_answers(self.service), "PostgreSQL", 60)
        elif kind == "Valkey":
            kill_tree(embedded.status(self.service.var).valkey_pid)
            self.service.wait(lambda: broker_answers(self.service), "Valkey", 60)
        else:
            self._end_desk()
            self.work()

    def _end_desk(self) -> None:
        if self.desk:
            self.desk.kill()
            self.desk.wait()

    def mind(self) -> None:
        """Starts again what died of something else, as Docker would."""
        for name, process in list(self.service.processes.items()):
            if process.poll() is not None:
                self.service.processes.pop(name)
                self.service.spawn(name.rstrip("2"), label=name)
        if self.desk and self.desk.poll() is not None:
            self.work()

    def trouble(self) -> None:
        """Something for the channels to do wrong."""
        for double in self.doubles.values():
            with double.lock:
                double.faults = [*double.faults[-2:], self.dice.choice(FAULTS)]
                double.becomes = self.dice.choice(["SUCCESS", "SUCCESS", "FAIL"])
        with contextlib.suppress(psycopg.Error):
            self.service.sql(
                "INSERT INTO commissions_sandboxscript (mode, used_by) VALUES (%s, '')",
                self.dice.choice(SCRIPTED),
            )

    def storm(self) -> None:
        """Every kill."""
        for cycle in range(CYCLES):
            if cycle % 20 == 0:
                self.wave()
                self.service.manage("clock", "--advance", "4d")
                self.say(f"{cycle} kills, {self.progress()}")
            self.trouble()
            time.sleep(self.dice.uniform(0.05, 0.8))
            self.strike(self.dice.choice(KINDS))
            self.mind()

    def progress(self) -> str:
        """Where it stands."""
        query = "SELECT status, count(*) FROM commissions_payout GROUP BY 1 ORDER BY 1"
        try:
            return str(dict(self.service.sql(query)))
        except psycopg.Error:
            return "PostgreSQL is away"

    def calm(self) -> list[str]:
        """No more faults; the clock goes on until all that can end by itself has ended. The numbers
        that only a person could end."""
        for double in self.doubles.values():
            double.faults = []
        self.service.sql(
            "UPDATE commissions_sandboxscript SET used_at = now() WHERE used_at IS NULL"
        )
        until, left = time.monotonic() + 240, ["nothing looked at yet"]
        self.strike("desk")
        time.sleep(3)
        self._end_desk()
        self.desk = None
        while left and time.monotonic() < until:
            self.mind()
            self.service.python("-m", "tests.faults.rail_desk", "once")
            self.service.manage("clock", "--advance", "3h")
            time.sleep(4)
            offset = int((self.service.var / "clock-offset-seconds").read_text())
            waiting = verdict.waiting(self.service, time.time() + offset)
            left = self._open(known=True) + [name for name in waiting if name != "payouts"]
        assert not left, f"still waiting: {left[:9]} {self.progress()} {self.service.logs()}"
        lost = self._open(known=False)
        if lost:
            self.service.python("-m", "tests.faults.rail_desk", "end", *lost)
        return lost

    def _open(self, *, known: bool) -> list[str]:
        """Payouts without an end that somebody else than a person can still end, or the others."""
        found = self.service.sql(
            "SELECT p.number, y.provider, p.status FROM commissions_payout p"
            " JOIN commissions_payeeaccount y ON y.id = p.payee_id"
            f" WHERE p.status NOT IN {ENDED}"
        )
        return [
            number
            for number, provider, status in found
            if known
            != (
                provider in self.doubles
                and status == "unknown"
                and number not in self.doubles[provider].bills
            )
        ]

    def reckon(self, lost: list[str]) -> None:
        """Every number at most once, every fen where it belongs."""
        paid = dict(self.service.sql(
            "SELECT number, amount_fen - fee_fen FROM commissions_payout WHERE status = 'paid'"
        ))  # fmt: skip
        theirs: Counter[str] = Counter()
        for double in self.doubles.values():
            assert double.broken == []
            assert set(double.sent.values()) <= {1}, double.sent.most_common(3)
            theirs.update(double.paid)
        entries = rail_desk.booked(self.service.var / "bank.jsonl")
        numbers = [str(entry["number"]) for entry in entries]
        assert len(numbers) == len(set(numbers))
        theirs.update({str(e["number"]): int(str(e["fen"])) for e in entries if e["paid"]})
        sandbox = self.service.sql(
            "SELECT number, amount_fen, calls FROM commissions_sandboxtransfer WHERE state = 'paid'"
        )
        assert {calls for _, _, calls in sandbox} <= {1}
        theirs.update({number: fen for number, fen, _ in sandbox})
        assert paid == dict(theirs)
        ((total, cash),) = self.service.sql(
            "SELECT sum(e.amount_fen)::bigint, sum(e.amount_fen) FILTER (WHERE"
            " a.owner_kind = 'provider' AND a.kind = 'cash')::bigint FROM commissions_entry e"
            " JOIN commissions_ledgeraccount a ON a.id = e.account_id"
        )
        assert (total, cash) == (0, sum(theirs.values()))
        assert "clean" in self.service.manage("check_books")
        by = dict(self.service.sql(
            "SELECT y.provider, count(*) FROM commissions_payout p JOIN commissions_payeeaccount y"
            " ON y.id = p.payee_id WHERE p.status = 'paid' GROUP BY 1"
        ))  # fmt: skip
        ((reports,),) = self.service.sql("SELECT count(*) FROM commissions_reconciliation")
        self.say(f"kills {dict(self.kills)}, {sum(self.kills.values())} in all")
        self.say(f"payouts {self.progress()}; paid by channel {by}; {cash} fen in all")
        self.say(f"{len(lost)} never arrived and were ended by a person; {reports} reports")
        self.say("0 paid twice, 0 lost, the books are clean")
        assert set(by) == {"sandbox", "wechat", "alipay", "bank_file"}


@pytest.fixture
def rails(
    tmp_path_factory: pytest.TempPathFactory, capfd: pytest.CaptureFixture[str]
) -> Iterator[Rails]:
    def say(line: str) -> None:
        with capfd.disabled():
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    one, other = WeChatDouble(), AlipayDouble()
    with running(one) as wechat_url, running(other) as alipay_url:
        service = Service(tmp_path_factory.mktemp("rails"), **_environment(wechat_url, alipay_url))
        found = Rails(service, {"wechat": one, "alipay": other}, say)
        try:
            service.start("worker", "beat")
            service.spawn("worker", label="worker2")
            service.spawn("beat", label="beat2")
            yield found
        finally:
            found._end_desk()
            service.stop()


def _environment(wechat_url: str, alipay_url: str) -> dict[str, str]:
    return {
        "WECHAT_PAY_MCHID": wechat_double.MCHID,
        "WECHAT_PAY_APPID": wechat_double.APPID,
        "WECHAT_PAY_CERT_SERIAL": wechat_double.SERIAL,
        "WECHAT_PAY_PRIVATE_KEY": private_pem("us"),
        "WECHAT_PAY_APIV3_KEY": wechat_double.APIV3,
        "WECHAT_PAY_PUBLIC_KEY": public_pem("them"),
        "WECHAT_PAY_PUBLIC_KEY_ID": wechat_double.KEY_ID,
        "WECHAT_PAY_SCENE_ID": "1005",
        "WECHAT_PAY_SCENE_REPORTS": json.dumps(wechat_double.REPORTS),
        "WECHAT_PAY_NOTIFY_URL": "https://shop.example/v1/payouts/wechat/notices",
        "WECHAT_PAY_GATEWAY": wechat_url,
        "ALIPAY_APP_ID": alipay_double.APP_ID,
        "ALIPAY_PRIVATE_KEY": private_pem("us"),
        "ALIPAY_PUBLIC_KEY": public_pem("them"),
        "ALIPAY_GATEWAY": f"{alipay_url}/gateway.do",
    }


def test_two_hundred_kills_of_money_out_leave_every_fen_where_it_belongs(rails: Rails) -> None:
    begun = time.monotonic()
    rails.service.python("-m", "tests.faults.rail_desk", "build")
    rails.wave()
    rails.work()
    rails.storm()
    lost = rails.calm()
    rails.reckon(lost)
    assert sum(rails.kills.values()) >= CYCLES
    rails.say(f"{time.monotonic() - begun:.0f} s")
