"""The hub: who follows whose earnings, and one look for all of them twice a second.

State is told, not events: what a look finds is compared with what was told last. So nothing is
lost with a connection, a broker or a process, and the cost does not grow with what is sold: nobody
following costs nothing, two hundred people cost one statement a look.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from backend.core.logs import get
from backend.streams import reading
from commissions.following import Moving

log = get(__name__)
Told = TypeVar("Told")

EVERY = 0.5  # seconds between two looks at balances
TOKENS_EVERY = 5.0  # and at the followers' tokens
# What is confirmed is asked again after so many seconds at least, and after so many times what the
# last answer took: it never takes more than a fiftieth of a connection.
CONFIRMED_EVERY = 2.0
SHARE = 50
PAUSE = 1.0  # seconds, after the database did not answer
PER_ACCOUNT = 5
MOST = 900  # a process; granian's backlog is 1,024
SIGNING_IN = 100


class Figures(NamedTuple):
    """What is told, in fen. Estimated and confirmed together are pending."""

    estimated_fen: int
    confirmed_fen: int
    available_fen: int
    in_transit_fen: int

    @property
    def id(self) -> str:
        """The same for the same figures: what a follower sends as Last-Event-ID."""
        return ".".join(map(str, self))


class Full(Exception):
    """No more streams of this account, or none at all; `everywhere` says which."""

    def __init__(self, *, everywhere: bool) -> None:
        super().__init__()
        self.everywhere = everywhere


@dataclass(eq=False, slots=True)
class Follower:
    """One stream. `wake` is set when there is something to look at."""

    person: "Person"
    token_id: int
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    is_revoked: bool = False
    has_left: bool = False


@dataclass(eq=False, slots=True)
class Person:
    """Somebody who is followed: the newest figures, None before the first look."""

    account_id: int
    figures: Figures | None = None
    moving: Moving | None = None
    confirmed: int = 0
    confirmed_due: float = 0.0
    followers: set[Follower] = field(default_factory=set)


class Hub:
    """All streams of one process."""

    def __init__(self) -> None:
        self._people: dict[int, Person] = {}
        self._count = 0
        self._signing_in = 0
        self._tokens_due = 0.0
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="streams")

    async def sign_in(self, token: str) -> tuple[int, int] | None:
        """As `reading.sign_in`.

        :raises Full: too many wait for their answer.
        """
        if self._signing_in >= SIGNING_IN:
            raise Full(everywhere=True)
        self._signing_in += 1
        try:
            return await self._ask(reading.sign_in, token)
        finally:
            self._signing_in -= 1

    def follow(self, account_id: int, token_id: int) -> Follower:
        """A new follower of these earnings.

        :raises Full: there are too many already.
        """
        if self._count >= MOST:
            raise Full(everywhere=True)
        person = self._people.setdefault(account_id, Person(account_id))
        if len(person.followers) >= PER_ACCOUNT:
            raise Full(everywhere=False)
        follower = Follower(person, token_id)
        person.followers.add(follower)
        self._count += 1
        if person.figures is not None:
            follower.wake.set()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        return follower

    def leave(self, follower: Follower) -> None:
        """The end of a stream."""
        person = follower.person
        if follower in person.followers:
            person.followers.discard(follower)
            self._count -= 1
        if not person.followers:
            self._people.pop(person.account_id, None)

    async def _run(self) -> None:
        """Looks while there is anybody to look for."""
        while self._people:
            began = time.monotonic()
            try:
                await self._look()
            except Exception as error:
                log.warning("streams wait for the database: %s", type(error).__name__)
                await asyncio.sleep(PAUSE)
            await asyncio.sleep(max(EVERY - (time.monotonic() - began), 0.05))

    async def _look(self) -> None:
        if time.monotonic() >= self._tokens_due:
            await self._look_at_tokens()
            self._tokens_due = time.monotonic() + TOKENS_EVERY
        people = dict(self._people)
        found = await self._ask(reading.balances, list(people))
        for account_id, moving in found.items():
            people[account_id].moving = moving
        await self._look_at_confirmed(people.values())
        for person in people.values():
            self._tell(person)

    async def _look_at_tokens(self) -> None:
        followers = [one for person in self._people.values() for one in person.followers]
        living = await self._ask(reading.living, {one.token_id for one in followers})
        for follower in followers:
            if follower.token_id not in living:
                follower.is_revoked = True
                follower.wake.set()

    async def _look_at_confirmed(self, people: Iterable[Person]) -> None:
        began = time.monotonic()
        due = {}
        for person in people:
            if person.moving is not None and person.moving.pending_fen == 0:
                person.confirmed = 0
            elif began >= person.confirmed_due:
                due[person.account_id] = person
        if not due:
            return
        found = await self._ask(reading.confirmed, list(due))
        spent = time.monotonic() - began
        for account_id, fen in found.items():
            due[account_id].confirmed = fen
            due[account_id].confirmed_due = began + max(CONFIRMED_EVERY, SHARE * spent)

    def _tell(self, person: Person) -> None:
        pending, available, in_transit = person.moving or Moving(0, 0, 0)
        # The two were not read at the same instant: together they are what is pending.
        confirmed = max(min(person.confirmed, pending), 0)
        figures = Figures(pending - confirmed, confirmed, available, in_transit)
        if figures != person.figures:
            person.figures = figures
            for follower in person.followers:
                follower.wake.set()

    async def _ask(self, question: Callable[..., Told], *args: Any) -> Told:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: question(*args))
