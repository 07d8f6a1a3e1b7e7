"""WeChat Pay as its documents describe the transfer bills: signatures of requests are verified, its
answers are signed, a number is one bill for ever."""

import base64
import json
import re
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from tests.commissions.double import Double, key, private_pem, public_pem

MCHID, APPID, SERIAL = (
    "1900000109",
    "wxf636efh567hg4356",
    "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
)
KEY_ID, APIV3 = "PUB_KEY_ID_0119000001092024110100", "0123456789abcdef" * 2
PATH = "/v3/fund-app/mch-transfer/transfer-bills"
REPORTS = [
    {"info_type": "岗位类型", "info_content": "推广员"},
    {"info_type": "报酬说明", "info_content": "推广佣金"},
]
REQUIRED = {
    "appid",
    "out_bill_no",
    "transfer_scene_id",
    "openid",
    "transfer_amount",
    "transfer_remark",
    "transfer_scene_report_infos",
    "notify_url",
}


def configured(gateway: str) -> dict[str, Any]:
    """The setting WECHAT_PAY of a merchant of the double's."""
    return {
        "MCHID": MCHID,
        "APPID": APPID,
        "CERT_SERIAL": SERIAL,
        "PRIVATE_KEY": private_pem("us"),
        "APIV3_KEY": APIV3,
        "PUBLIC_KEY": public_pem("them"),
        "PUBLIC_KEY_ID": KEY_ID,
        "SCENE_ID": "1005",
        "SCENE_REPORTS": REPORTS,
        "NOTIFY_URL": "https://shop.example/v1/payouts/wechat/notices",
        "GATEWAY": gateway,
    }


class WeChatDouble(Double):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.balance_fen = 10**9
        self.names: dict[str, str] = {}

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict, bytes]:
        self.calls.append(f"{request.command} {request.path}")
        if not self._signed(request, body):
            self.broken.append(f"signature of {request.path}")
            return self._say(401, {"code": "SIGN_ERROR", "message": "错误的签名"})
        with self.lock:
            status, found = self._do(request, body)
        return self._say(status, found)

    def _do(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, Any]]:
        number = request.path.removeprefix(f"{PATH}/out-bill-no/").removesuffix("/cancel")
        if request.path == PATH:
            return self._create(json.loads(body))
        bill = self.bills.get(number)
        if bill is None:
            return 404, {"code": "NOT_FOUND", "message": "记录不存在"}
        if request.path.endswith("/cancel"):
            if bill["state"] not in ("WAIT_USER_CONFIRM", "ACCEPTED", "CANCELING", "CANCELLED"):
                return 400, {"code": "INVALID_REQUEST", "message": "单据状态不允许撤销"}
            bill["state"] = "CANCELING" if bill["state"] != "CANCELLED" else "CANCELLED"
            names = ("out_bill_no", "transfer_bill_no", "state", "update_time")
            return 200, {name: bill[name] for name in names}
        return 200, {name: value for name, value in bill.items() if name != "package_info"}

    def _create(self, given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.sent[given["out_bill_no"]] += 1
        missing = REQUIRED - set(given)
        if missing or not re.fullmatch(r"[0-9A-Za-z]{1,32}", given["out_bill_no"]):
            self.broken.append(f"create without {missing}")
            return 400, {"code": "PARAM_ERROR", "message": "参数错误"}
        if not 10 <= given["transfer_amount"] <= 50_000_000 or given["appid"] != APPID:
            return 400, {"code": "PARAM_ERROR", "message": "参数错误"}
        if given["transfer_amount"] >= 200_000:
            self.names[given["out_bill_no"]] = self._opened(given["user_name"])
        old = self.bills.get(given["out_bill_no"])
        if old and (old["transfer_amount"], old["openid"]) != (
            given["transfer_amount"],
            given["openid"],
        ):
            return 400, {"code": "INVALID_REQUEST", "message": "原单号参数不一致"}
        if not old and self.balance_fen < given["transfer_amount"]:
            return 403, {"code": "NOT_ENOUGH", "message": "资金不足"}
        bill = old or self._booked(given)
        names = ["out_bill_no", "transfer_bill_no", "create_time", "state"]
        if bill["state"] == "WAIT_USER_CONFIRM":
            names.append("package_info")
        return 200, {name: bill[name] for name in names}

    def _booked(self, given: dict[str, Any]) -> dict[str, Any]:
        number = given["out_bill_no"]
        bill = {
            "mchid": MCHID,
            "out_bill_no": number,
            "transfer_bill_no": f"13300000711000999911820200507{len(self.bills):011}",
            "appid": APPID,
            "state": self.becomes,
            "transfer_amount": given["transfer_amount"],
            "transfer_remark": given["transfer_remark"],
            "openid": given["openid"],
            "create_time": "2026-11-22T13:29:35+08:00",
            "update_time": "2026-11-22T13:29:36+08:00",
            "package_info": "affffddafdfafddffda==",
        }
        if self.becomes == "FAIL":
            bill["fail_reason"] = "PAYEE_ACCOUNT_ABNORMAL"
        if self.becomes == "SUCCESS":
            self.paid[number] += given["transfer_amount"]
        self.balance_fen -= given["transfer_amount"]
        self.bills[number] = bill
        return bill

    def confirm(self, number: str) -> None:
        """The payee presses the button."""
        self.bills[number]["state"] = "SUCCESS"
        self.paid[number] += self.bills[number]["transfer_amount"]

    def _opened(self, sealed: str) -> str:
        return (
            key("them").decrypt(base64.b64decode(sealed), OAEP(MGF1(SHA1()), SHA1(), None)).decode()
        )

    def _signed(self, request: BaseHTTPRequestHandler, body: bytes) -> bool:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        told = dict(re.findall(r'(\w+)="([^"]*)"', text))
        if scheme != "WECHATPAY2-SHA256-RSA2048" or told.get("mchid") != MCHID:
            return False
        if told["serial_no"] != SERIAL or abs(time.time() - int(told["timestamp"])) > 300:
            return False
        lines = [request.command, request.path, told["timestamp"], told["nonce_str"], body.decode()]
        signed = ("\n".join(lines) + "\n").encode()
        try:
            key("us").public_key().verify(
                base64.b64decode(told["signature"]), signed, PKCS1v15(), SHA256()
            )
        except InvalidSignature:
            return False
        return True

    def _say(self, status: int, found: dict[str, Any]) -> tuple[int, dict, bytes]:
        content = json.dumps(found, ensure_ascii=False).encode()
        return status, self.headers(content) | {"Content-Type": "application/json"}, content

    def headers(self, content: bytes, stamp: int | None = None) -> dict[str, str]:
        """The signature's headers of an answer or a notice."""
        stamp, nonce = str(stamp or int(time.time())), "nonce" * 6
        signed = f"{stamp}\n{nonce}\n".encode() + content + b"\n"
        signature = key(self.signs_with).sign(signed, PKCS1v15(), SHA256())
        return {
            "Wechatpay-Timestamp": stamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": KEY_ID,
            "Wechatpay-Signature": base64.b64encode(signature).decode(),
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        }

    def notice(self, number: str, notice_id: str, state: str = "SUCCESS") -> bytes:
        """The body of a notice about a bill, its resource sealed under the APIv3 key."""
        inside = json.dumps({"out_bill_no": number, "state": state, "mch_id": MCHID}).encode()
        nonce, extra = "fdasflkja484", "mch_payment"
        sealed = AESGCM(APIV3.encode()).encrypt(nonce.encode(), inside, extra.encode())
        body = {
            "id": notice_id,
            "create_time": "2026-11-22T13:29:35+08:00",
            "resource_type": "encrypt-resource",
            "event_type": "MCHTRANSFER.BILL.FINISHED",
            "summary": "商家转账单据终态通知",
            "resource": {
                "original_type": "mch_payment",
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": base64.b64encode(sealed).decode(),
                "associated_data": extra,
                "nonce": nonce,
            },
        }
        return json.dumps(body, ensure_ascii=False).encode()
