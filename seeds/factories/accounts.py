"""Accounts and addresses."""

from typing import Any

import factory
from factory.django import DjangoModelFactory

from backend.accounts.models import Account, Address

PASSWORD = "tuike-demo-2026"  # noqa: S105 - known on purpose, printed by the demo


class AccountFactory(DjangoModelFactory):
    """An account; its password is PASSWORD."""

    class Meta:
        model = Account
        skip_postgeneration_save = True

    handle = factory.Sequence(lambda n: f"user{n}")
    display_name = factory.Sequence(lambda n: f"小红薯{n}")
    city_code = "310000"

    @classmethod
    def _create(cls, model_class: type[Account], *args: Any, **kwargs: Any) -> Account:
        account = model_class(**kwargs)
        account.set_password(PASSWORD)
        account.save()
        return account


class AddressFactory(DjangoModelFactory):
    """A delivery address in Shanghai, another one for each: who shares theirs is one household."""

    class Meta:
        model = Address

    account = factory.SubFactory(AccountFactory)
    receiver = "李小鱼"
    phone = factory.Sequence(lambda n: f"138{n:08d}")
    region_code = "310104"
    detail = factory.Sequence(lambda n: f"示例路 1 弄 {n} 号 301 室")
    is_default = True
