"""Payout channels. One Protocol, one registry; the bank's batch file is written, not called.

WeChat Pay and Alipay are in the registry where they are configured, and only there.
"""

from django.conf import settings

from commissions.providers.alipay import Alipay
from commissions.providers.notices import Forged, Notice, Notifies
from commissions.providers.protocol import (
    Answer,
    Channel,
    ChannelTimeout,
    Lists,
    Result,
    Transfer,
)
from commissions.providers.sandbox import Sandbox
from commissions.providers.wechat import WeChatPay

__all__ = [
    "CHANNELS",
    "NOTIFIERS",
    "Answer",
    "Channel",
    "ChannelTimeout",
    "Forged",
    "Lists",
    "Notice",
    "Notifies",
    "Result",
    "Transfer",
]

# The channels that the worker calls, by PayeeAccount.provider; and those that send notices.
CHANNELS: dict[str, Channel] = {"sandbox": Sandbox()}
NOTIFIERS: dict[str, Notifies] = {}
if settings.WECHAT_PAY:
    _wechat = WeChatPay()
    CHANNELS["wechat"], NOTIFIERS["wechat"] = _wechat, _wechat
if settings.ALIPAY:
    _alipay = Alipay()
    CHANNELS["alipay"], NOTIFIERS["alipay"] = _alipay, _alipay
