"""The same people in every test: fixtures are registered by tests/conftest.py."""

from dataclasses import dataclass

import pytest
from rest_framework.test import APIClient

from backend.accounts import tokens
from backend.accounts.models import Account
from backend.core.clock import now
from seeds.factories import AccountFactory


@dataclass(frozen=True)
class Person:
    """An account with a signed-in API client."""

    account: Account
    client: APIClient
    token: str


def person(handle: str, display_name: str, **fields: object) -> Person:
    """A new account, signed in with a real bearer token."""
    account = AccountFactory.create(handle=handle, display_name=display_name, **fields)
    token, _ = tokens.issue(account=account, at=now())
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return Person(account, client, token)


@pytest.fixture
def selena(db: None) -> Person:
    """Selena owns a shop and has 0 followers."""
    return person("selena", "Selena 的衣橱")


@pytest.fixture
def lily(db: None) -> Person:
    """Lily buys."""
    return person("lily", "Lily 爱买")


@pytest.fixture
def linda(db: None) -> Person:
    """Linda promotes."""
    return person("linda", "Linda 推客")


@pytest.fixture
def ella(db: None) -> Person:
    """Ella invited Linda."""
    return person("ella", "Ella 邀请人")


@pytest.fixture
def mallory(db: None) -> Person:
    """Mallory is signed in and a stranger to everybody."""
    return person("mallory", "路人甲")


@pytest.fixture
def staff(db: None) -> Person:
    """Staff with every right."""
    return person("staff", "运营", is_staff=True, is_superuser=True)


@pytest.fixture
def anyone() -> APIClient:
    """Not signed in."""
    return APIClient()
