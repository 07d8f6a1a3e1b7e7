"""Races for what is sent twice: requests under one key, events, likes."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from rest_framework.test import APIClient

from backend import relay
from backend.accounts import tokens
from backend.core import events
from backend.core.clock import now
from backend.core.models import Event
from backend.core.sql import rows, tuples
from backend.rest import idempotency
from commissions.models import Payout
from notes import engagement
from notes.models import Like
from seeds.factories import AccountFactory, NoteFactory
from tests.races.crowd import Act, Answer, Meeting
from tests.races.of_payouts import FEN, give, payee_of
from tests.races.race import Race, meet_before
from tests.races.unguarded import Unique

_CLAIM_BY_LOOKING = """
INSERT INTO core_idempotencykey (account_id, key, operation, fingerprint, created_at)
SELECT w.* FROM (VALUES (%s::bigint, %s::text, %s::text, %s::text, %s::timestamptz))
    AS w(account_id, key, operation, fingerprint, created_at)
WHERE NOT EXISTS (SELECT FROM core_idempotencykey k
                  WHERE k.account_id = w.account_id AND k.key = w.key)
RETURNING id
"""


class OneKeyTwice(Race):
    name = "the same Idempotency-Key twice, over REST"
    removed = "one row per account and key (unique); looked for before it is written"
    guards = (Unique("core_idempotencykey", "account_id", "key"),)

    def ground(self, rounds: int) -> None:
        self.account = payee_of()
        give(self.account, 2 * rounds * FEN)
        token, _ = tokens.issue(account=self.account, at=now())
        self.clients = [APIClient() for _ in range(2)]
        for client in self.clients:
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")

    def prepare(self, number: int) -> Sequence[Act]:
        self.before = Payout.objects.filter(account=self.account).count()
        return [partial(self._post, client, f"round-{number}") for client in self.clients]

    def _post(self, client: APIClient, key: str) -> Any:
        return client.post(
            "/v1/me/payouts",
            {"amount_fen": FEN},
            format="json",
            headers={"Idempotency-Key": key},
        )

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        patch.setitem(settings.THROTTLE_PER_MINUTE, "payout", 0)
        real = idempotency.rows

        def claiming(statement: str, parameters: Any) -> list[dict[str, Any]]:
            found = real(statement, parameters)
            meet()
            return found

        patch.setattr(idempotency, "rows", claiming)

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        patch.setattr(idempotency, "_CLAIM", _CLAIM_BY_LOOKING)

    def judge(self, answers: list[Answer]) -> str:
        times = Payout.objects.filter(account=self.account).count() - self.before
        said = [(answer.value.status_code, answer.value.content) for answer in answers]
        right = times == 1 and said[0] == said[1] and said[0][0] == 201
        return "" if right else f"{times} payouts, answered {[status for status, _ in said]}"


_PENDING = """
SELECT id, kind, subject_id, attempts, recorded_at FROM core_event WHERE state = 'pending'
"""


class OneEventTwoRelays(Race):
    name = "one event, two relays"
    removed = "claiming in one statement with SKIP LOCKED: read, then marked"

    def ground(self, rounds: int) -> None:
        self.seen: list[int] = []

    def prepare(self, number: int) -> Sequence[Act]:
        self.seen.clear()
        with transaction.atomic():
            self.event = events.record(kind="races.one", subject_id=number + 1, at=now())
        return [partial(relay.drain, at=now())] * 2

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        def handle(group: Sequence[Any]) -> None:
            meet()
            self.seen.extend(event.subject_id for event in group)

        patch.setitem(relay.HANDLERS, "races.one", (handle,))

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        def look_then_mark(_: str, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
            found = tuples(_PENDING)
            meet()
            marked = Event.objects.filter(pk__in=[row[0] for row in found])
            marked.update(state="delivered", delivered_at=asked["at"])
            return found

        patch.setattr(relay, "tuples", look_then_mark)

    def judge(self, answers: list[Answer]) -> str:
        times = self.seen.count(self.event.subject_id)
        return "" if times == 1 else f"delivered {times} times"


_LIKED = "SELECT 1 FROM notes_like WHERE account_id = %s AND note_id = %s"


class LikingTwice(Race):
    name = "one reader likes a note twice"
    removed = "one like per reader and note (unique)"
    guards = (Unique("notes_like", "note_id", "account_id"),)

    def ground(self, rounds: int) -> None:
        author, self.reader = AccountFactory.create_batch(2)
        self.notes = NoteFactory.create_batch(rounds, author=author)

    def prepare(self, number: int) -> Sequence[Act]:
        self.note = self.notes[number]
        return [partial(engagement.like, account=self.reader, note_id=self.note.pk, at=now())] * 2

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, engagement, "rows")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        def look_then_add(statement: str, parameters: list[Any]) -> list[dict[str, Any]]:
            if rows(_LIKED, parameters[:2]):
                return []
            meet()
            naive = statement.replace("ON CONFLICT (note_id, account_id) DO NOTHING", "")
            return rows(naive, parameters)

        patch.setattr(engagement, "rows", look_then_add)

    def judge(self, answers: list[Answer]) -> str:
        self.note.refresh_from_db()
        found = (Like.objects.filter(note=self.note).count(), self.note.like_count)
        return "" if found == (1, 1) else "{} rows, counted {}".format(*found)


RACES = (OneKeyTwice, OneEventTwoRelays, LikingTwice)
