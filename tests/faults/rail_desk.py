"""Money out under a storm, as a process of its own: `python -m tests.faults.rail_desk` asks for
payouts, prepares, approves, builds batches, takes the bank's answers, again and again until it is
killed; `… build` makes the world before; `… once` decides what waits and `… end` ends what only a
person can, afterwards."""

import contextlib
import json
import os
import random
import sys
import time
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")

from backend import embedded

PROVIDERS = ["sandbox", "wechat", "alipay", "bank_file"]


def build() -> None:
    """The world of tests/faults/bulk.py, its earners paid by four kinds of channels."""
    from commissions.models import PayeeAccount
    from tests.commissions.channels import pay_to
    from tests.faults import bulk

    built = bulk.build(2)
    people = [payee.account for payee in PayeeAccount.objects.filter(is_active=True).order_by("id")]
    for number, account in enumerate(people):
        provider = PROVIDERS[number % len(PROVIDERS)]
        if provider != "sandbox":
            pay_to(account, provider)
    sys.stdout.write(json.dumps({"skus": len(built["skus"]), "earners": len(people)}))


def ask(dice: random.Random) -> None:
    """Somebody asks for some of their money."""
    from backend.accounts.models import Account
    from backend.core.clock import now
    from commissions import payouts

    people = Account.objects.filter(payee_accounts__is_active=True).order_by("id")
    try:
        payouts.request(account=dice.choice(list(people)), amount_fen=dice.randint(100, 3_000),
                        at=now())  # fmt: skip
    except payouts.InsufficientBalance:
        return


def batch() -> None:
    """A batch of what is approved, and the bank's answers to what was built."""
    from backend.accounts.models import Account
    from backend.core.clock import now
    from commissions import payouts
    from commissions.models import PayoutBatch

    maker = Account.objects.get(handle="maker")
    with contextlib.suppress(payouts.NothingToBatch):
        payouts.build_batch(by=maker, at=now())
    for built in PayoutBatch.objects.filter(status="built").order_by("id")[:5]:
        file = payouts.batch_file(number=built.number, kind="csv", by=maker, at=now())
        payouts.read_answer(number=built.number, content=bank(file), by=maker, at=now())


def bank(file: bytes) -> bytes:
    """The bank, with a ledger of its own on the disk: it pays a number once, whoever uploads what
    how often. Every fifth account is closed."""
    ledger = Path(os.environ["TUIKE_VAR"]) / "bank.jsonl"
    rows = [line.split(",") for line in file.decode("utf-8-sig").splitlines()]
    known = {entry["number"]: entry for entry in booked(ledger)}
    lines, total = [], 0
    with ledger.open("a") as book:
        for number, _, _, amount in rows[1:-1]:
            fen = int(amount.replace(".", ""))
            if number not in known:
                paid = sum(number.encode()) % 5 != 0
                known[number] = {"number": number, "fen": fen, "paid": paid}
                book.write(json.dumps(known[number]) + "\n")
                book.flush()
            total += fen
            said = "paid," if known[number]["paid"] else "failed,account closed"
            lines.append(f"{number},{amount},{said}")
    last = f"TOTAL,{total // 100}.{total % 100:02d},{len(lines)},"
    return "\n".join(["number,amount_yuan,result,reason", *lines, last]).encode()


def booked(ledger: Path) -> list[dict[str, object]]:
    """What the bank has booked; a line that a kill cut short was never said."""
    if not ledger.exists():
        return []
    lines = ledger.read_text().split("\n")[:-1]
    return [json.loads(line) for line in lines if line.endswith("}")]


def end(numbers: list[str]) -> None:
    """Ends what no channel can: a person has seen that these never arrived there."""
    from backend.accounts.models import Account
    from backend.core.clock import now
    from commissions import payouts

    checker = Account.objects.get(handle="checker")
    for number in numbers:
        payouts.resolve(number=number, by=checker, paid=False, reason="never arrived", at=now())


def once() -> None:
    """Decides and batches what waits, and asks for nothing new."""
    from tests.faults import desk

    desk.look()
    batch()


def main() -> None:
    """Until it is killed; PostgreSQL may die meanwhile."""
    from django.db import DatabaseError, InterfaceError, connection

    from tests.faults import desk

    dice, rounds = random.Random(time.time_ns()), 0
    while True:
        rounds += 1
        try:
            for _ in range(3):
                ask(dice)
            desk.look()
            batch()
        except (DatabaseError, InterfaceError):
            connection.close()
        time.sleep(0.1)


if __name__ == "__main__":
    embedded.ensure()
    import django

    django.setup()
    if sys.argv[1:2] == ["build"]:
        build()
    elif sys.argv[1:2] == ["end"]:
        end(sys.argv[2:])
    elif sys.argv[1:2] == ["once"]:
        once()
    else:
        main()
