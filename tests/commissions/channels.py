"""Payees of WeChat Pay and Alipay, and both channels in the registry, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings

from backend.accounts.models import Account
from backend.core import sealing
from commissions.models import PayeeAccount
from commissions.providers import CHANNELS, NOTIFIERS
from commissions.providers.alipay import Alipay
from commissions.providers.wechat import WeChatPay
from tests.commissions import alipay_double, wechat_double
from tests.commissions.alipay_double import AlipayDouble
from tests.commissions.double import running
from tests.commissions.money_out import AT, credit
from tests.commissions.wechat_double import WeChatDouble

NUMBERS = {
    "wechat": "o-MYE42l80oelYMDE34nYD456Xoy",
    "alipay": "2088123412341234",
    "bank_file": "6222020000000000034",
    "sandbox": "62220001",
}


def pay_to(account: Account, provider: str, at: Any = AT) -> PayeeAccount:
    """Makes this the account's payee, past the door that checks people's own entries."""
    number = NUMBERS[provider]
    PayeeAccount.objects.filter(account=account, is_active=True).update(is_active=False)
    return PayeeAccount.objects.create(
        account=account,
        provider=provider,
        holder_name_sealed=sealing.seal("李小鱼"),
        number_sealed=sealing.seal(number),
        number_masked=f"**** {number[-4:]}",
        fingerprint=sealing.fingerprint(f"{provider}\n{number}{account.pk}"),
        created_at=at,
    )


def earner_of(provider: str, amount_fen: int = 10_000) -> Account:
    """Somebody with money, paid through this channel."""
    from seeds.factories import AccountFactory

    account = AccountFactory.create()
    credit(account, amount_fen)
    pay_to(account, provider)
    return account


@contextmanager
def both() -> Iterator[tuple[WeChatDouble, AlipayDouble]]:
    """Both doubles running, configured and open."""
    wechat, alipay = WeChatDouble(), AlipayDouble()
    before = settings.WECHAT_PAY, settings.ALIPAY
    with running(wechat) as wechat_url, running(alipay) as alipay_url:
        settings.WECHAT_PAY = wechat_double.configured(wechat_url)
        settings.ALIPAY = alipay_double.configured(alipay_url)
        for name, channel in (("wechat", WeChatPay()), ("alipay", Alipay())):
            CHANNELS[name] = NOTIFIERS[name] = channel  # type: ignore[assignment]
        try:
            yield wechat, alipay
        finally:
            for name in ("wechat", "alipay"):
                del CHANNELS[name], NOTIFIERS[name]
            settings.WECHAT_PAY, settings.ALIPAY = before
