"""Requests about the payout channels, and what the tests' market has of them: both channels are
configured, nobody answers at their address."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings

from backend.core import ids
from backend.core.clock import now
from commissions.models import PayeeAccount, Payout, PayoutAttempt
from commissions.providers import NOTIFIERS
from commissions.providers.alipay import Alipay
from commissions.providers.wechat import WeChatPay
from tests.api.call import Call, get
from tests.api.named import World
from tests.commissions import alipay_double, wechat_double
from tests.commissions.alipay_double import AlipayDouble
from tests.commissions.channels import pay_to
from tests.commissions.wechat_double import WeChatDouble

RAILS = [
    get("/v1/me/payouts/{confirm_payout}/confirmation", "promoter"),
    Call("POST", "/v1/payouts/wechat/notices", "anonymous"),
    Call("POST", "/v1/payouts/alipay/notices", "anonymous"),
]
_NOWHERE = "http://127.0.0.1:1"


def notice_of(path: str) -> dict[str, Any]:
    """Body and headers of a channel's signed notice."""
    if "wechat" in path:
        wechat = WeChatDouble()
        body = wechat.notice("P404", ids.code(16))
        return {"body": body, "headers": wechat.headers(body)}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return {"body": AlipayDouble().notice("P404", ids.code(16)), "headers": form}


@contextmanager
def configured() -> Iterator[None]:
    """Both channels take notices."""
    before = settings.WECHAT_PAY, settings.ALIPAY
    settings.WECHAT_PAY = wechat_double.configured(_NOWHERE)
    settings.ALIPAY = alipay_double.configured(_NOWHERE)
    NOTIFIERS["wechat"], NOTIFIERS["alipay"] = WeChatPay(), Alipay()
    try:
        yield
    finally:
        NOTIFIERS.clear()
        settings.WECHAT_PAY, settings.ALIPAY = before


def build(world: World) -> None:
    """A transfer that waits for its payee to confirm it."""
    mine, staff = world.people["promoter"], world.people
    before = PayeeAccount.objects.get(account=mine, is_active=True)
    payee = pay_to(mine, "wechat")
    PayeeAccount.objects.filter(pk=payee.pk).update(is_active=False)
    PayeeAccount.objects.filter(pk=before.pk).update(is_active=True)
    payout = Payout.objects.create(
        number="PCONFIRM1",
        account=mine,
        payee=payee,
        amount_fen=100,
        status="unknown",
        requested_at=now(),
        prepared_by=staff["maker"],
        approved_by=staff["approver"],
    )
    PayoutAttempt.objects.create(
        payout=payout,
        kind="send",
        outcome="unknown",
        started_at=now(),
        answer={"result": "processing", "confirm": "affffddafdfafddffda=="},
    )
    world.confirm_payout = payout.number
