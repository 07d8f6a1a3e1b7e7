"""Bearer tokens: `tuike_` + 256 random bits; the database knows only the digest.

The prefix lets secret scanners find a leaked token; a digest of 256 random bits needs no slow
hash. Not JWT: a ban must end a session at once.
"""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce

from backend.accounts.models import AccessToken, Account
from backend.core.sql import numbers, read

PREFIX = "tuike_"


def digest_of(token: str) -> bytes:
    """The SHA-256 digest under which a token is stored."""
    return hashlib.sha256(token.encode()).digest()


def issue(*, account: Account, at: datetime, label: str = "") -> tuple[str, AccessToken]:
    """A new token of an account: the text, shown this once, and its row.

    Lives TOKEN_LIFETIME_DAYS, or until it was not used for TOKEN_IDLE_DAYS. An account has
    TOKENS_AT_ONCE: one more ends the oldest.
    """
    text = PREFIX + secrets.token_urlsafe(32)
    row = AccessToken.objects.create(
        account=account,
        digest=digest_of(text),
        prefix=text[:12],
        label=label,
        created_at=at,
        last_used_at=at,
        expires_at=at + timedelta(days=settings.TOKEN_LIFETIME_DAYS),
    )
    most = settings.TOKENS_AT_ONCE
    too_many = living(account=account, at=at).order_by("-id").values_list("pk", flat=True)
    ended = list(too_many[most : most + 100])
    if ended:
        AccessToken.objects.filter(pk__in=ended, revoked_at__isnull=True).update(revoked_at=at)
    return text, row


def living(*, account: Account, at: datetime) -> QuerySet[AccessToken]:
    """The account's tokens that open something at `at`."""
    found = AccessToken.objects.filter(account=account, revoked_at__isnull=True, expires_at__gt=at)
    used_at = Coalesce("last_used_at", "created_at")
    return found.annotate(used_at=used_at).filter(used_at__gt=at - _idle())


def _idle() -> timedelta:
    return timedelta(days=settings.TOKEN_IDLE_DAYS)


_FIND = """
SELECT a.*, t.id AS token_id, coalesce(t.last_used_at, t.created_at) AS token_used_at
FROM accounts_accesstoken t JOIN accounts_account a ON a.id = t.account_id
WHERE t.digest = %s AND t.revoked_at IS NULL AND t.expires_at > %s AND a.is_active
  AND coalesce(t.last_used_at, t.created_at) > %s
"""
# A token's last use is written once a day: a call stays one query.
_KEPT_TO = timedelta(days=1)


def find(*, token: str, at: datetime) -> tuple[Account, int] | None:
    """The account and token id behind a token that is valid at `at`; one query, and once a day one
    more that writes the day of its last use."""
    found = read(_FIND, [digest_of(token), at, at - _idle()])
    if not found:
        return None
    token_id = found[0].pop("token_id")
    if found[0]["token_used_at"] <= at - _KEPT_TO:
        AccessToken.objects.filter(pk=token_id).update(last_used_at=at)
    names = _columns()
    account = Account.from_db("default", names, [found[0][name] for name in names])
    return account, token_id


_STILL = """
SELECT t.id FROM accounts_accesstoken t JOIN accounts_account a ON a.id = t.account_id
WHERE t.id = ANY(%s::bigint[]) AND t.revoked_at IS NULL AND t.expires_at > %s AND a.is_active
"""


def still_open(*, token_ids: Collection[int], at: datetime) -> set[int]:
    """Which of these tokens are neither revoked nor past their end at `at`; one query. Whoever
    follows something is using the token, so idleness does not end it here."""
    return {row["id"] for row in read(_STILL, [numbers(token_ids), at])}


@cache
def _columns() -> list[str]:
    return [field.attname for field in Account._meta.concrete_fields]


def revoke(*, token_id: int, account: Account, at: datetime) -> int:
    """Ends one token of the account; returns 1, or 0 where it had ended already."""
    return AccessToken.objects.filter(pk=token_id, account=account, revoked_at__isnull=True).update(
        revoked_at=at
    )


def revoke_all(*, account: Account, at: datetime) -> int:
    """Ends every token of the account; returns how many."""
    return AccessToken.objects.filter(account=account, revoked_at__isnull=True).update(
        revoked_at=at
    )


def end_everything(*, account: Account, at: datetime) -> int:
    """Signs the account out everywhere: every token, every session in the admin. How many tokens
    that were."""
    Account.objects.filter(pk=account.pk).update(sessions_ended=F("sessions_ended") + 1)
    return revoke_all(account=account, at=at)
