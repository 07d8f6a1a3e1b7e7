"""WeChat Pay transfers 商家转账 (API v3, transfer bills), through the client wechatpayv3.

Sources: pay.weixin.qq.com/doc/v3/merchant/4012716434 (create), …/4012716437 and …/4012716457
(query), …/4012716458 (cancel). Two sentences of theirs rule this module: "HTTP status and error
code are the result of this request alone, not the state of the bill", and "when the status is not
200, never take another number; ask for the original one first". So an error never fails a payout:
only the state of the bill does. The client verifies the signature of every 2xx answer.
"""

import json
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.conf import settings

from backend.core.money import MAX_FEN
from commissions.providers.notices import Forged, Notice
from commissions.providers.protocol import Answer, ChannelTimeout, Result, Transfer, plain

# Seconds to connect, and between two bytes of the answer.
TIMEOUT = (5, 20)
REMARK = "推广佣金"
# From this amount on the payee's name is required, encrypted; below it does not leave the house.
NAME_FROM_FEN = 200_000
# A stamp further away is an old message played again (the documents' own window).
STAMP_WINDOW = timedelta(minutes=5)

STATES = {
    "ACCEPTED": Result.PROCESSING,
    "PROCESSING": Result.PROCESSING,
    "WAIT_USER_CONFIRM": Result.PROCESSING,
    "TRANSFERING": Result.PROCESSING,
    "SUCCESS": Result.PAID,
    "FAIL": Result.FAILED,
    "CANCELING": Result.PROCESSING,
    "CANCELLED": Result.FAILED,
}
# The documents' error codes of the create call that turn a request down before a bill exists.
# SYSTEM_ERROR, ALREADY_EXISTS and every code that is not here leave the result unclear.
REFUSALS = frozenset(
    {
        "PARAM_ERROR",
        "INVALID_REQUEST",
        "SIGN_ERROR",
        "NO_AUTH",
        "NOT_ENOUGH",
        "FREQUENCY_LIMITED",
        "RATELIMIT_EXCEEDED",
        "APPID_MCHID_NOT_MATCH",
        "OPENID_MISMATCH",
    }
)


class _Direct:
    """What the client calls HTTP by: as `requests`, but it goes nowhere else. A redirect is no
    answer."""

    @staticmethod
    def get(*, timeout: Any, **named: Any) -> Any:
        """GET."""
        import requests

        return requests.get(timeout=timeout, allow_redirects=False, **named)

    @staticmethod
    def post(*, timeout: Any, **named: Any) -> Any:
        """POST."""
        import requests

        return requests.post(timeout=timeout, allow_redirects=False, **named)


class WeChatPay:
    """A `Channel` (see protocol). WeChat closes a bill that its payee has not confirmed within 24
    hours, and knows no way to close a number that never arrived."""

    settles_within = timedelta(minutes=30)

    def __init__(self) -> None:
        self._building = threading.Lock()

    @cached_property
    def _client(self) -> Any:
        from wechatpayv3 import WeChatPay as Client  # 0.6 s of every start, for who sends alone
        from wechatpayv3 import WeChatPayType, core

        given = settings.WECHAT_PAY
        client = Client(
            wechatpay_type=WeChatPayType.JSAPI,
            mchid=given["MCHID"],
            private_key=given["PRIVATE_KEY"],
            cert_serial_no=given["CERT_SERIAL"],
            appid=given["APPID"],
            apiv3_key=given["APIV3_KEY"],
            notify_url=given["NOTIFY_URL"] or None,
            timeout=TIMEOUT,
            public_key=given["PUBLIC_KEY"],
            public_key_id=given["PUBLIC_KEY_ID"],
        )
        client._core._gate_way = given["GATEWAY"]  # the client has no parameter for it
        core.requests = _Direct  # nor for this
        return client

    @property
    def client(self) -> Any:
        """The one client of this process: two threads build it once."""
        with self._building:
            return self._client

    def send(self, transfer: Transfer, *, at: datetime) -> Answer:
        """Asks WeChat to make the bill; the same number again is the same bill.

        :raises ChannelTimeout: no answer.
        """
        given = settings.WECHAT_PAY
        named = transfer.amount_fen >= NAME_FROM_FEN
        status, found = _told(
            lambda: self.client.mch_transfer_bills(
                out_bill_no=transfer.number,
                transfer_scene_id=given["SCENE_ID"],
                openid=transfer.account_number,
                transfer_amount=transfer.amount_fen,
                transfer_remark=REMARK,
                user_name=transfer.holder_name if named else None,
                transfer_scene_report_infos=given["SCENE_REPORTS"],
            )
        )
        if status == 200:
            return _state(transfer.number, found)
        code = _code(found, status)
        return Answer(Result.REFUSED if code in REFUSALS else Result.UNCLEAR, code=code)

    def query(self, number: str, *, at: datetime) -> Answer:
        """The state of the bill.

        :raises ChannelTimeout: no answer.
        """
        status, found = _told(lambda: self.client.mch_transfer_bills_query(out_bill_no=number))
        if status == 200:
            return _state(number, found)
        code = _code(found, status)
        unknown = status == 404 and code == "NOT_FOUND"
        return Answer(Result.NOT_FOUND if unknown else Result.UNCLEAR, code=code)

    def void(self, number: str, *, at: datetime) -> Answer:
        """Takes back a bill that its payee has not confirmed. "The answer says that the request
        was taken, the bill's state says what became of it." A number that WeChat does not know
        stays free: nothing there can be closed, so that is UNCLEAR and a person's to end.

        :raises ChannelTimeout: no answer.
        """
        status, found = _told(lambda: self.client.mch_transfer_bills_cancel(out_bill_no=number))
        if status == 200:
            return _state(number, found)
        return Answer(Result.UNCLEAR, code=f"CANNOT_VOID {_code(found, status)}")

    def read_notice(self, headers: Mapping[str, str], body: bytes, *, at: datetime) -> Notice:
        """Which bill a notice is about; what it says of that bill is not believed, only asked.

        :raises Forged: not signed by WeChat Pay, or stamped more than five minutes away.
        """
        given = {name.lower(): value for name, value in headers.items()}
        stamp = given.get("wechatpay-timestamp", "")
        # Before the client looks: an unknown serial would make it fetch certificates.
        if given.get("wechatpay-serial") != settings.WECHAT_PAY["PUBLIC_KEY_ID"]:
            raise Forged("another key")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
            raise Forged("no stamp")
        if abs(at.timestamp() - int(stamp)) > STAMP_WINDOW.total_seconds():
            raise Forged("an old stamp")
        try:
            found = self.client.callback(
                {name: text for name, text in given.items() if name.startswith("wechatpay-")}, body
            )
            notice = Notice(str(found["id"]), str(found["resource"]["out_bill_no"]))
        except Exception as error:  # the client raises bare Exceptions for what does not fit
            raise Forged(type(error).__name__) from error
        return notice


def _told(call: Callable[[], tuple[int, Any]]) -> tuple[int, dict[str, Any]]:
    """Status and body of one call; status 0 where the answer's signature does not fit, or it is
    no JSON object.

    :raises ChannelTimeout: no answer.
    """
    import requests

    try:
        status, text = call()
        found = json.loads(text) if text else {}
    except requests.RequestException as error:
        raise ChannelTimeout(type(error).__name__) from error
    except ValueError:
        return 0, {"code": "UNREADABLE"}
    except Exception as error:  # the client's own: "failed to verify the signature"
        if "signature" in str(error) or "algorithm" in str(error):
            return 0, {"code": "SIGNATURE"}
        raise
    return (status, found) if isinstance(found, dict) else (0, {"code": "UNREADABLE"})


def _state(number: str, found: dict[str, Any]) -> Answer:
    """What a bill's state means. A signature does not say which question it answers: the number
    does."""
    state = plain(found.get("state", ""))
    if found.get("out_bill_no") != number:
        return Answer(Result.UNCLEAR, code="ANOTHER_NUMBER")
    if found.get("mchid", settings.WECHAT_PAY["MCHID"]) != settings.WECHAT_PAY["MCHID"]:
        return Answer(Result.UNCLEAR, code="ANOTHER_MERCHANT")
    amount = found.get("transfer_amount")
    if amount is not None and (type(amount) is not int or not 0 <= amount <= MAX_FEN):
        return Answer(Result.UNCLEAR, code="UNREADABLE")
    result = STATES.get(state, Result.UNCLEAR)
    reason = plain(found.get("fail_reason", ""), 60) if result is Result.FAILED else ""
    package = plain(found.get("package_info", ""), 2_000) if state == "WAIT_USER_CONFIRM" else ""
    return Answer(result, amount, f"{state} {reason}".strip(), package)


def _code(found: dict[str, Any], status: int) -> str:
    return plain(found.get("code") or f"HTTP_{status}")
