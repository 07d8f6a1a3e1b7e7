"""manage.py seed: refusals, repetition, and a welcome whose every line works."""

import re
import shlex
import unicodedata
from io import StringIO
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings
from rest_framework.test import APIClient

from backend.accounts.models import AccessToken, Account
from backend.core import audit, heartbeats
from backend.core.clock import now
from seeds.factories import AccountFactory, ShopFactory
from seeds.scenarios import welcome
from seeds.scenarios.personas import PASSWORD, PERSONAS
from seeds.scenarios.stage import Stage
from shops.models import Order, Shop
from tests.seeds.worlds import digest, small, this_morning, undone

pytestmark = pytest.mark.django_db
BASE = "http://127.0.0.1:8123"


def _seed(*arguments: str) -> str:
    out = StringIO()
    call_command("seed", *arguments, stdout=out)
    return out.getvalue()


def _personas() -> dict[str, Account]:
    return {
        persona.handle: AccountFactory.create(
            handle=persona.handle,
            is_staff=persona.handle == "admin",
            is_superuser=persona.handle == "admin",
        )
        for persona in PERSONAS
    }


def test_a_database_with_shops_is_refused_and_nothing_is_written() -> None:
    ShopFactory.create()
    with pytest.raises(CommandError, match="not empty"):
        _seed("--scenario", "demo")
    assert (Shop.objects.count(), Account.objects.count()) == (1, 1)


def test_if_empty_leaves_a_full_database_alone_and_says_nothing() -> None:
    ShopFactory.create()
    assert _seed("--scenario", "demo", "--if-empty") == ""
    assert Account.objects.count() == 1


def test_a_demo_that_was_stopped_half_way_is_not_taken_for_a_whole_one() -> None:
    ShopFactory.create()
    audit.note(actor=None, action="seed.demo.begin", target=Account(pk=0), at=now())
    for arguments in (["--if-empty"], []):
        with pytest.raises(CommandError, match=r"half-way|not empty"):
            _seed("--scenario", "demo", *arguments)


def test_production_is_never_seeded() -> None:
    with override_settings(PRODUCTION=True):
        for arguments in (["--scenario", "demo"], ["--scenario", "tuike"], ["--print-welcome"]):
            with pytest.raises(CommandError, match="production"):
                _seed(*arguments)
    assert not Account.objects.exists()


def test_a_living_worker_is_in_the_way() -> None:
    heartbeats.beat(job="relay", at=now())
    with pytest.raises(CommandError, match="worker"):
        _seed("--scenario", "tuike", "--promoters", "4")
    assert not Account.objects.exists()


@pytest.mark.parametrize("size", ["0", "-1", "0.01", "11", "nan"])
def test_a_size_that_makes_no_market_is_refused(size: str) -> None:
    with pytest.raises(CommandError, match="size"):
        _seed("--scenario", "demo", f"--size={size}")
    assert not Account.objects.exists()


def test_a_scenario_or_the_welcome_must_be_asked_for() -> None:
    with pytest.raises(CommandError):
        _seed()


def test_the_welcome_needs_the_demos_people() -> None:
    with pytest.raises(CommandError, match="seed --scenario demo"):
        _seed("--print-welcome")


def test_the_welcome_fits_100_columns_and_names_everybody() -> None:
    _personas()
    text = _seed("--print-welcome", "--base-url", BASE)
    assert PASSWORD in text
    for persona in PERSONAS:
        assert persona.handle in text
    for line in text.splitlines():
        wide = sum(1 + (unicodedata.east_asian_width(sign) in "WF") for sign in line)
        assert wide <= 100, line


def test_every_token_of_the_welcome_signs_in_as_its_person() -> None:
    _personas()
    text = _seed("--print-welcome")
    found = re.findall(r"^  (\S+) .*(tuike_\S+)$", text, re.MULTILINE)
    assert [handle for handle, _ in found] == [persona.handle for persona in PERSONAS]
    for handle, token in found:
        client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token}")
        assert client.get("/v1/me").json()["handle"] == handle


def test_a_second_welcome_ends_the_demos_old_tokens_and_no_others() -> None:
    people = _personas()
    first = welcome.fresh_tokens(at=now())
    kept = AccessToken.objects.create(
        account=people["linda"], digest=b"x" * 32, prefix="tuike_own", created_at=now(),
        expires_at=now(),
    )  # fmt: skip
    second = welcome.fresh_tokens(at=now())
    assert set(first.values()).isdisjoint(second.values())
    old = APIClient(HTTP_AUTHORIZATION=f"Bearer {first['linda']}")
    assert old.get("/v1/me").status_code == 401
    kept.refresh_from_db()
    assert kept.revoked_at is None
    open_ones = AccessToken.objects.filter(label="demo", revoked_at__isnull=True)
    assert open_ones.count() == len(PERSONAS)


def _curls(text: str) -> list[list[str]]:
    """The commands of the welcome, as a shell would read them."""
    joined = text.replace("\\\n", " ")
    return [shlex.split(line) for line in joined.splitlines() if line.strip().startswith("curl")]


def test_every_curl_line_of_the_welcome_answers_200() -> None:
    _personas()
    commands = _curls(_seed("--print-welcome", "--base-url", BASE))
    assert len(commands) == 5
    for command in commands:
        headers = [word for word in command if word.startswith("Authorization: ")]
        url = next(word for word in command if word.startswith(BASE))
        for word in command:
            if word.startswith("q="):
                url += f"?q={quote(word[2:])}"
        client = APIClient()
        if headers:
            client.credentials(HTTP_AUTHORIZATION=headers[0].removeprefix("Authorization: "))
        assert client.get(url.removeprefix(BASE)).status_code == 200, url


@pytest.mark.soak
def test_one_seed_makes_the_same_market_twice(tmp_path: Path) -> None:
    """The same rows, ids and random codes apart, from accounts to splits and metrics."""
    at = this_morning()
    told = []
    for _ in range(2):
        with undone(tmp_path):
            small(at=at, seed=7)
            told.append(digest())
            assert Order.objects.count() >= 40
    assert told[0] == told[1]


def test_another_seed_throws_other_dice() -> None:
    stages = [Stage("demo", now(), print, seed=seed) for seed in (7, 7, 8)]
    throws = [stage.rng("people").random() for stage in stages]
    assert throws[0] == throws[1] != throws[2]
    assert stages[0].rng("notes").random() != throws[0], "each step has dice of its own"
