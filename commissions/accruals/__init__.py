"""Accrual 计提: brings commission orders into agreement with the orders.

State-based: nothing here believes an event. `reconcile_orders` reads the orders as they are,
makes what is missing (attribution, commission order, splits, journal), reverses what refunds
have taken back since, confirms what is received and ends what is refunded whole. So the order
and the number of events never matter, and doing it again does nothing.

One statement reads whatever is missing, one writes it, for one order as for a thousand.

Locks, always in this order: new attributions by line id (their unique key), commission orders
by id, then ledger accounts; the lines are read again after the lock on their commissions.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime

from django.db import IntegrityError, connection, transaction
from psycopg.errors import UniqueViolation

from backend.core.models import Event
from backend.core.sql import run
from commissions import locks, touches
from commissions.accruals.agreeing import agree
from commissions.accruals.ending import end
from commissions.accruals.looking import Found, look
from commissions.accruals.making import make

__all__ = ["CHUNK", "end", "on_orders", "reconcile_orders"]

CHUNK = 1_000


def on_orders(events: Sequence[Event]) -> None:
    """Brings the commissions of these events' orders into agreement with the orders."""
    if events:
        at = max(event.recorded_at for event in events)
        reconcile_orders([event.subject_id for event in events], at=at)


def reconcile_orders(order_ids: Sequence[int], *, at: datetime) -> int:
    """Brings the commissions of these orders into agreement with them, as of now; returns how
    many commission orders were made or changed. Idempotent; chunks of 1,000 orders commit by
    themselves unless the caller holds a transaction."""
    wanted = sorted(set(order_ids))
    changed = 0
    for start in range(0, len(wanted), CHUNK):
        changed += _reconcile(wanted[start : start + CHUNK], at)
    return changed


def _reconcile(order_ids: list[int], at: datetime) -> int:
    """One chunk; how many commission orders were made or changed. One statement makes what is
    missing, so a single order needs no transaction around it."""
    with nullcontext() if len(order_ids) == 1 else _planned_for(order_ids):
        # The click that brought the order may still be in the stream, and an attribution is
        # written once: what was clicked before now has to be in its rows.
        touches.store_touches()
        found, made = _complete(order_ids, at)
        if made < len(found) or any(line.is_changed for line, _ in found):
            with _planned_for(order_ids):
                made += agree(order_ids, at)
    return made


# Two who make the same meet at a unique key: the second waits for the first, and then looks again.
TRIES = 5


def _complete(order_ids: list[int], at: datetime) -> tuple[list[Found], int]:
    """Makes what is missing; what was found, and how many commission orders were made."""
    for left in reversed(range(TRIES)):
        found = look(order_ids)
        missing = [pair for pair in found if pair[0].is_missing]
        if not missing:
            break
        extending = _extending(missing)
        try:
            with transaction.atomic() if extending or connection.in_atomic_block else nullcontext():
                made = make(missing, at)
                if extending:
                    locks.extend_by_orders(extending)
                return found, made
        except IntegrityError as error:
            if not (left and isinstance(error.__cause__, UniqueViolation)):
                raise
    return found, 0


def _extending(missing: list[Found]) -> list[tuple[int, int, int]]:
    """The lines that extend a customer lock: where the winner is a promoter and the shop's locks
    are on."""
    return [
        (line.line_id, decision.promoter_id, decision.lock_setting_id)
        for line, decision in missing
        if decision.promoter_id and decision.lock_setting_id
    ]


# The plan that PostgreSQL keeps of a statement is made for a handful of rows: right for one
# order, whose planning would cost more than its work; wrong for a thousand, which it would join
# by nested loops. What is written for one order alone settles for the kept plan by itself.
# Orders are looked at when they have just been written: their pages are in memory, and a thousand
# of them are no reason to read the whole table.
FEW = 10
_PLAN = (
    "SELECT set_config('plan_cache_mode', %s, true), set_config('random_page_cost', '1.1', true)"
)


@contextmanager
def _planned_for(order_ids: list[int]) -> Iterator[None]:
    """A transaction whose statements are planned for this many orders."""
    mode = "force_generic_plan" if len(order_ids) <= FEW else "force_custom_plan"
    with transaction.atomic():
        run(_PLAN, [mode])
        yield
