"""Notices of the channels 打款通知: verified over their raw body, kept once by their id, and no
more than a reason to ask the channel. Amounts and states come from the answer to that alone.
"""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction

from backend.accounts.models import Account
from backend.core.errors import NotFound, Refusal
from backend.core.logs import get
from commissions.models import Payout, PayoutAttempt, PayoutNotice
from commissions.payouts.requests import find
from commissions.providers import NOTIFIERS, Forged

log = get(__name__)


class ForgedNotice(Refusal):
    """The notice is not signed by the channel, or too old; nothing was recorded."""

    code = "forged_notice"
    status = 401
    title = "The notice is not signed by the channel"


def take_notice(*, provider: str, headers: Mapping[str, str], body: bytes, at: datetime) -> str:
    """Records a channel's notice, so that its payout is asked about at the next sweep; says
    "accepted", "repeated" (known before) or "unknown" (about no payout of that channel).

    :raises NotFound: no such channel, or not configured.
    :raises ForgedNotice: its signature does not fit, or it is too old.
    """
    channel = NOTIFIERS.get(provider)
    if channel is None:
        raise NotFound()
    try:
        notice = channel.read_notice(headers, body, at=at)
    except Forged as error:
        log.warning("a notice to %s was refused: %s", provider, error)
        raise ForgedNotice() from error
    payout = Payout.objects.filter(number=notice.number, payee__provider=provider).first()
    try:
        with transaction.atomic():
            PayoutNotice.objects.create(
                provider=provider,
                notice_id=notice.notice_id,
                payout=payout,
                number=notice.number,
                received_at=at,
            )
    except IntegrityError:
        return "repeated"
    return "accepted" if payout else "unknown"


def confirmation(*, account: Account, number: str) -> dict[str, str]:
    """What the payee's app hands to WeChat's own button, where WeChat lets its payee confirm a
    transfer: mchid, app_id and package.

    :raises NotFound: not a payout of this account, or there is nothing to confirm.
    """
    payout = find(account=account, number=number)
    sent = PayoutAttempt.objects.filter(payout=payout, kind="send").first()
    waits = payout.status in (Payout.Status.SENDING, Payout.Status.UNKNOWN)
    package = sent.answer.get("confirm") if sent and waits and settings.WECHAT_PAY else ""
    if not package:
        raise NotFound()
    merchant = settings.WECHAT_PAY
    return {"mchid": merchant["MCHID"], "app_id": merchant["APPID"], "package": package}
