"""The negative control: two ways to settle the same orders, as tasks beside the product's own
(`celery -A tests.faults.naive`). One is what people write first: step after step, each committed
by itself, the state last. The other claims, posts and closes in one transaction. The storm that
proves the product must find the first one out, and nothing in the second."""

import time

from celery import shared_task
from django.db import connection, transaction

from backend.celery import app
from backend.core.sql import rows, run, value
from tests.service import Service

TABLES = [
    "CREATE TABLE twin_order (way text, id bigint, account bigint, fen bigint, state text"
    " DEFAULT 'due', PRIMARY KEY (way, id))",
    "CREATE TABLE twin_entry (way text, order_id bigint, account bigint, fen bigint)",
    "CREATE TABLE twin_balance (way text, account bigint, fen bigint, PRIMARY KEY (way, account))",
    "INSERT INTO twin_order SELECT way, n, 1 + n % 50, 100 + n % 900"
    " FROM generate_series(1, 4000) n, (VALUES ('careless'), ('careful')) w(way)",
    "INSERT INTO twin_balance SELECT way, account, 0"
    " FROM generate_series(0, 50) account, (VALUES ('careless'), ('careful')) w(way)",
]
# Orders in one go, and seconds that an order takes: a kill has to find somebody at work.
BATCH, WORK = 100, 0.002
_DUE = (
    "SELECT id, account, fen FROM twin_order WHERE way = %s AND state = 'due' ORDER BY id LIMIT %s"
)


@shared_task(name="twins.careless")
def careless() -> None:
    """Pays, writes the balances it has read, and says last that it was done."""
    for order in rows(_DUE, ["careless", BATCH]):
        for account, fen in ((order["account"], order["fen"]), (0, -order["fen"])):
            run(
                "INSERT INTO twin_entry VALUES ('careless', %s, %s, %s)",
                [order["id"], account, fen],
            )
            had = value(
                "SELECT fen FROM twin_balance WHERE way='careless' AND account=%s", [account]
            )
            run(
                "UPDATE twin_balance SET fen = %s WHERE way = 'careless' AND account = %s",
                [had + fen, account],
            )
        time.sleep(WORK)
        run("UPDATE twin_order SET state='settled' WHERE way='careless' AND id=%s", [order["id"]])


@shared_task(name="twins.careful")
def careful() -> None:
    """Claims, posts and closes in one transaction, balances by difference and in one order."""
    with transaction.atomic():
        claimed = rows(f"{_DUE} FOR UPDATE SKIP LOCKED", ["careful", BATCH])
        legs = [
            (order["id"], account, fen)
            for order in claimed
            for account, fen in ((order["account"], order["fen"]), (0, -order["fen"]))
        ]
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO twin_entry VALUES ('careful', %s, %s, %s)", legs)
        for account in sorted({account for _, account, _ in legs}):
            run(
                "UPDATE twin_balance SET fen = fen + %s WHERE way = 'careful' AND account = %s",
                [sum(fen for _, whose, fen in legs if whose == account), account],
            )
        time.sleep(WORK * len(claimed))
        run(
            "UPDATE twin_order SET state='settled' WHERE way='careful' AND id=ANY(%s::bigint[])",
            [[order["id"] for order in claimed]],
        )


for _name in ("careless", "careful"):
    app.conf.beat_schedule[_name] = {
        "task": f"twins.{_name}",
        "schedule": 0.5,
        "options": {"expires": 30},
    }


class Twins:
    """Both ways on a service's database, and what became of them."""

    def __init__(self, service: Service) -> None:
        self._service = service
        for statement in TABLES:
            service.sql(statement)

    def left(self) -> int:
        """Orders still due, of both."""
        return int(self._service.sql("SELECT count(*) FROM twin_order WHERE state = 'due'")[0][0])

    def found(self, way: str) -> dict[str, int]:
        """Orders paid more than once, orders not paid, balances that are not their entries."""
        counted = {
            "double": "SELECT order_id FROM twin_entry WHERE way = %s AND account <> 0"
            " GROUP BY 1 HAVING count(*) > 1",
            "lost": "SELECT id FROM twin_order o WHERE way = %s AND state = 'settled' AND NOT"
            " EXISTS (SELECT FROM twin_entry e WHERE e.way = o.way AND e.order_id = o.id)",
            "adrift": "SELECT b.account FROM twin_balance b LEFT JOIN twin_entry e"
            " USING (way, account) WHERE way = %s GROUP BY b.account, b.fen"
            " HAVING b.fen <> coalesce(sum(e.fen), 0)",
        }
        return {name: len(self._service.sql(query, way)) for name, query in counted.items()}
