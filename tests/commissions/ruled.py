"""Payout rules and taxpayers for tests."""

from datetime import datetime
from typing import Any

from stdnum.cn import ric

from backend.accounts.models import Account
from commissions import payout_rules, tax
from commissions.models import PayoutRule
from tests.commissions.money_out import AT

ID_CARD = "11010519491231002X"
NAME = "李小鱼"  # whom money_out.payee pays


def rule(at: datetime = AT, **fields: Any) -> PayoutRule:
    """A rule from now on."""
    return payout_rules.publish(by=None, effective_from=at, note="a test's", at=at, **fields)


def id_card(number: int) -> str:
    """An identity card's number with a right check digit, another one for every number."""
    digits = f"11010519800101{number:03d}"
    return digits + ric.calc_check_digit(digits + "0")


def taxpayer(account: Account, number: str = ID_CARD, name: str = NAME) -> None:
    """Says who the account's person is."""
    tax.identify(account=account, real_name=name, number=number, at=AT)
