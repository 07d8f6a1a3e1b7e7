"""Alipay's gateway as its documents describe the two calls: RSA2 over the sorted fields verified,
answers signed over the very bytes of their node, an out_biz_no one order for ever."""

import base64
import json
import re
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlencode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from tests.commissions.double import Double, key, private_pem, public_pem

APP_ID = "2021001234567890"
ERRORS = {
    "PAYEE_NOT_EXIST": "收款账号不存在",
    "PAYER_BALANCE_NOT_ENOUGH": "付款方余额不足",
    "PAYMENT_INFO_INCONSISTENCY": "两次请求商户单号一样,但是参数不一致",
    "ORDER_NOT_EXIST": "转账订单不存在",
    "SYSTEM_ERROR": "系统繁忙",
}


def configured(gateway: str) -> dict[str, Any]:
    """The setting ALIPAY of an app of the double's."""
    return {
        "APP_ID": APP_ID,
        "PRIVATE_KEY": private_pem("us"),
        "PUBLIC_KEY": public_pem("them"),
        "GATEWAY": f"{gateway}/gateway.do",
    }


class AlipayDouble(Double):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses = ""
        self.fields: dict[str, str] = {}

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict, bytes]:
        fields = dict(parse_qsl(body.decode()))
        self.fields = dict(fields)
        self.calls.append(fields["method"])
        signature = fields.pop("sign")
        signed = "&".join(f"{name}={fields[name]}" for name in sorted(fields))
        fits = fields["app_id"] == APP_ID and fields["sign_type"] == "RSA2"
        fits = fits and bool(re.fullmatch(r"[0-9-]{10} [0-9:]{8}", fields["timestamp"]))
        try:
            key("us").public_key().verify(
                base64.b64decode(signature), signed.encode(), PKCS1v15(), SHA256()
            )
        except InvalidSignature:
            fits = False
        if not fits:
            self.broken.append(f"signature of {fields['method']}")
            found = {
                "code": "40002",
                "msg": "Invalid Arguments",
                "sub_code": "isv.invalid-signature",
            }
        else:
            with self.lock:
                found = self._do(fields["method"], json.loads(fields["biz_content"]))
        return self._say(fields["method"], found)

    def _do(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if (
            given["product_code"] != "TRANS_ACCOUNT_NO_PWD"
            or given["biz_scene"] != "DIRECT_TRANSFER"
        ):
            self.broken.append("product")
        if method == "alipay.fund.trans.uni.transfer":
            return self._transfer(given)
        assert method == "alipay.fund.trans.common.query", method
        order = self.bills.get(given["out_biz_no"])
        return order if order else _error("ORDER_NOT_EXIST")

    def _transfer(self, given: dict[str, Any]) -> dict[str, Any]:
        number, amount = given["out_biz_no"], given["trans_amount"]
        self.sent[number] += 1
        if not re.fullmatch(r"[0-9]+\.[0-9]{2}", amount):
            self.broken.append(f"amount {amount}")
        old = self.bills.get(number)
        if old and old["trans_amount"] != amount:
            return _error("PAYMENT_INFO_INCONSISTENCY")
        if self.refuses and not old:
            return _error(self.refuses)
        if not old:
            old = self.bills[number] = {
                "code": "10000",
                "msg": "Success",
                "out_biz_no": number,
                "order_id": f"2026112211007000152000{len(self.bills):010}",
                "status": self.becomes,
                "pay_date": "2026-11-22 12:00:00",
                "trans_amount": amount,
            }
            if self.becomes == "SUCCESS":
                self.paid[number] += int(amount.replace(".", ""))
            if self.becomes in ("FAIL", "REFUND"):
                old["error_code"] = "PAYEE_CARD_INFO_ERROR"
        return {name: value for name, value in old.items() if name != "trans_amount"}

    def _say(self, method: str, found: dict[str, Any]) -> tuple[int, dict, bytes]:
        # With a space and Chinese in it: what is signed is the text, not what a parser makes of it.
        node = json.dumps(found, ensure_ascii=False, separators=(", ", ":"))
        name = method.replace(".", "_") + "_response"
        text = f'{{"{name}":{node},"sign":"{self.sign(node)}"}}'
        return 200, {"Content-Type": "text/html;charset=utf-8"}, text.encode()

    def sign(self, text: str) -> str:
        """A signature of Alipay's."""
        return base64.b64encode(
            key(self.signs_with).sign(text.encode(), PKCS1v15(), SHA256())
        ).decode()

    def notice(self, number: str, notice_id: str, **changes: str) -> bytes:
        """The body of a notice about an order."""
        fields = {
            "notify_id": notice_id,
            "utc_timestamp": "1795000000000",
            "msg_method": "alipay.fund.trans.order.changed",
            "app_id": APP_ID,
            "version": "1.1",
            "biz_content": json.dumps({"out_biz_no": number, "status": "SUCCESS"}),
            "charset": "UTF-8",
        }
        text = "&".join(f"{name}={fields[name]}" for name in sorted(fields))
        fields |= {"sign": self.sign(text), "sign_type": "RSA2"} | changes
        return urlencode(fields).encode()


def _error(code: str) -> dict[str, Any]:
    return {"code": "40004", "msg": "Business Failed", "sub_code": code, "sub_msg": ERRORS[code]}
