"""Alipay transfers: alipay.fund.trans.uni.transfer and alipay.fund.trans.common.query.

Without their SDK (179 MB): a request is a form, signed RSA2 = SHA256withRSA over its sorted fields;
the signature of an answer covers the bytes of its `…_response` node as they stand in the body.
Sources: opendocs.alipay.com/open/291/106118 (signing a request), …/106120 (checking an answer),
docs.open.alipay.com/api_28/alipay.fund.trans.common.query. Their SYSTEM_ERROR says: "the merchant
may take this neither for success nor for failure; ask alipay.fund.trans.common.query".
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from django.conf import settings

from commissions.providers.notices import Forged, Notice
from commissions.providers.protocol import Answer, ChannelTimeout, Result, Transfer, plain

TIMEOUT = (5, 20)  # seconds to connect, and between two bytes of the answer
MAX_BYTES = 256 * 1024
TITLE = "推广佣金"
TRANSFER = "alipay.fund.trans.uni.transfer"
QUERY = "alipay.fund.trans.common.query"
PRODUCT = {"product_code": "TRANS_ACCOUNT_NO_PWD", "biz_scene": "DIRECT_TRANSFER"}
THEIR_ZONE = ZoneInfo("Asia/Shanghai")  # the zone of `timestamp`, by their documents

STATUSES = {
    "SUCCESS": Result.PAID,
    "DEALING": Result.PROCESSING,
    "WAIT_PAY": Result.PROCESSING,
    "FAIL": Result.FAILED,
    "CLOSED": Result.FAILED,
    "REFUND": Result.FAILED,  # the bank sent it back
}
# Documented answers to a transfer that made no order. SYSTEM_ERROR, PAYMENT_INFO_INCONSISTENCY (the
# number has an order already) and every code that is not here leave the result unclear.
REFUSALS = frozenset(
    {
        "INVALID_PARAMETER",
        "PAYEE_NOT_EXIST",
        "PAYEE_USER_INFO_ERROR",
        "PAYEE_USERINFO_STATUS_ERROR",
        "PAYEE_ACC_OCUPIED",
        "PAYEE_ACCOUNT_STATUS_ERROR",
        "PAYER_BALANCE_NOT_ENOUGH",
        "BALANCE_IS_NOT_ENOUGH",
        "PAYER_STATUS_ERROR",
        "PAYER_DATA_INCOMPLETE",
        "PAYER_CERT_EXPIRED",
        "PAYCARD_UNABLE_PAYMENT",
        "PERMIT_CHECK_PERM_LIMITED",
        "PERMIT_NON_BANK_LIMIT_PAYEE",
        "PERM_AML_NOT_REALNAME_REV",
        "EXCEED_LIMIT_SM_AMOUNT",
        "EXCEED_LIMIT_DM_AMOUNT",
        "EXCEED_LIMIT_MM_AMOUNT",
        "EXCEED_LIMIT_UNRN_DM_AMOUNT",
        "EXCEED_LIMIT_SM_MIN_AMOUNT",
        "REMARK_HAS_SENSITIVE_WORD",
        "NO_ACCOUNT_RECEIVE_PERMISSION",
    }
)
_OPENS = re.compile(r'\s*\{\s*"([a-z_]+)"\s*:\s*')
_AMOUNT = re.compile(r"[0-9]{1,10}(\.[0-9]{1,2})?")


class Alipay:
    """A `Channel` (see protocol). There is no call that closes an out_biz_no."""

    settles_within = timedelta(minutes=30)

    @cached_property
    def _private(self) -> RSAPrivateKey:
        key = load_pem_private_key(settings.ALIPAY["PRIVATE_KEY"].encode(), password=None)
        assert isinstance(key, RSAPrivateKey), "ALIPAY_PRIVATE_KEY is RSA"
        return key

    @cached_property
    def _public(self) -> RSAPublicKey:
        key = load_pem_public_key(settings.ALIPAY["PUBLIC_KEY"].encode())
        assert isinstance(key, RSAPublicKey), "ALIPAY_PUBLIC_KEY is RSA"
        return key

    def send(self, transfer: Transfer, *, at: datetime) -> Answer:
        """Asks Alipay to pay; the same number with the same content is the same payment.

        :raises ChannelTimeout: no answer.
        """
        by_id = re.fullmatch(r"2088[0-9]{12}", transfer.account_number)
        content = PRODUCT | {
            "out_biz_no": transfer.number,
            "trans_amount": yuan(transfer.amount_fen),
            "order_title": TITLE,
            "payee_info": {
                "identity": transfer.account_number,
                "identity_type": "ALIPAY_USER_ID" if by_id else "ALIPAY_LOGON_ID",
                "name": transfer.holder_name,
            },
        }
        return self._answer(transfer.number, self._call(TRANSFER, content, at), asked=False)

    def query(self, number: str, *, at: datetime) -> Answer:
        """The status of the order.

        :raises ChannelTimeout: no answer.
        """
        content = PRODUCT | {"out_biz_no": number}
        return self._answer(number, self._call(QUERY, content, at), asked=True)

    def void(self, number: str, *, at: datetime) -> Answer:
        """Nothing closes a number at Alipay: asks once more, and leaves what is still not known
        to a person.

        :raises ChannelTimeout: no answer.
        """
        answer = self.query(number, at=at)
        if answer.result is Result.NOT_FOUND:
            return Answer(Result.UNCLEAR, code="CANNOT_VOID ORDER_NOT_EXIST")
        return answer

    def read_notice(self, headers: Mapping[str, str], body: bytes, *, at: datetime) -> Notice:
        """Which order a notice (alipay.fund.trans.order.changed) is about.

        :raises Forged: not signed by Alipay, or not for this app.
        """
        try:
            fields = dict(parse_qsl(body.decode(), strict_parsing=True, max_num_fields=50))
            signature = fields.pop("sign")
            fields.pop("sign_type", "")
            number = json.loads(fields["biz_content"])["out_biz_no"]
            notice = Notice(fields["notify_id"], str(number))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Forged(type(error).__name__) from error
        if not self._signed(_sorted(fields), signature):
            raise Forged("the signature does not fit")
        if fields.get("app_id") != settings.ALIPAY["APP_ID"]:
            raise Forged("another app")
        return notice

    def _call(self, method: str, content: dict[str, Any], at: datetime) -> dict[str, Any]:
        """The node of an answer whose signature fits; {} where it does not.

        :raises ChannelTimeout: no answer.
        """
        import requests  # 0.2 s of every start, for who sends alone

        fields = {
            "app_id": settings.ALIPAY["APP_ID"],
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": at.astimezone(THEIR_ZONE).strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
            "biz_content": json.dumps(content, ensure_ascii=False, separators=(",", ":")),
        }
        fields["sign"] = self._sign(_sorted(fields))
        try:
            answer = requests.post(
                settings.ALIPAY["GATEWAY"],
                data=fields,
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            )
            body = answer.raw.read(MAX_BYTES + 1, decode_content=True)
            answer.close()
        except (requests.RequestException, OSError) as error:
            raise ChannelTimeout(type(error).__name__) from error
        except Exception as error:
            if type(error).__module__.startswith("urllib3"):  # while reading the body
                raise ChannelTimeout(type(error).__name__) from error
            raise
        return self._verified(method, body) if answer.status_code == 200 else {}

    def _verified(self, method: str, body: bytes) -> dict[str, Any]:
        """The `…_response` node, if the signature covers exactly its bytes."""
        name = method.replace(".", "_") + "_response"
        try:
            text = body.decode() if len(body) <= MAX_BYTES else ""
            node, raw = _node(text, name)
            signature = str(json.loads(text).get("sign", ""))
        except (ValueError, AttributeError, RecursionError):
            return {}
        return node if self._signed(raw, signature) else {}

    def _answer(self, number: str, node: dict[str, Any], *, asked: bool) -> Answer:
        code = plain(node.get("sub_code") or node.get("code") or "SIGNATURE")
        if node.get("code") == "10000":
            return _status(number, node)
        if asked and code in ("ORDER_NOT_EXIST", "ORDER_NOT_EXISTS"):
            return Answer(Result.NOT_FOUND, code=code)
        refused = not asked and node.get("code") == "40004" and code in REFUSALS
        return Answer(Result.REFUSED if refused else Result.UNCLEAR, code=code)

    def _sign(self, text: str) -> str:
        return base64.b64encode(self._private.sign(text.encode(), PKCS1v15(), SHA256())).decode()

    def _signed(self, text: str, signature: str) -> bool:
        try:
            given = base64.b64decode(signature, validate=True)
            self._public.verify(given, text.encode(), PKCS1v15(), SHA256())
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


def yuan(amount_fen: int) -> str:
    """12345 → "123.45": yuan with two decimals, never a float."""
    return f"{amount_fen // 100}.{amount_fen % 100:02d}"


def _fen(text: str) -> int:
    """ "123.4" → 12340; the text fits _AMOUNT."""
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0"))


def _sorted(fields: Mapping[str, str]) -> str:
    """name=value of every field that is not empty, by name, joined by &: what is signed."""
    return "&".join(f"{name}={fields[name]}" for name in sorted(fields) if fields[name] != "")


def _node(text: str, name: str) -> tuple[dict[str, Any], str]:
    """The node of this name as it was parsed, and its very text: the first `"name":` of the body
    must open it, so that no other place of the body can stand in for it.

    :raises ValueError: the body does not begin so.
    """
    begin = _OPENS.match(text)
    if not begin or begin[1] != name:
        raise ValueError(name)
    node, end = json.JSONDecoder().raw_decode(text, begin.end())
    if not isinstance(node, dict):
        raise ValueError(name)
    return node, text[begin.end() : end]


def _status(number: str, node: dict[str, Any]) -> Answer:
    if node.get("out_biz_no") != number:
        return Answer(Result.UNCLEAR, code="ANOTHER_NUMBER")
    status = plain(node.get("status", ""))
    result = STATUSES.get(status, Result.UNCLEAR)
    told = node.get("trans_amount") or node.get("amount")
    if told is not None and not _AMOUNT.fullmatch(str(told)):
        return Answer(Result.UNCLEAR, code="UNREADABLE")
    amount = _fen(str(told)) if told is not None else None
    reason = plain(node.get("error_code") or "", 60) if result is Result.FAILED else ""
    return Answer(result, amount, f"{status} {reason}".strip())
