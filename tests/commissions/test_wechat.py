"""WeChat Pay transfers against a double that verifies and signs: only a bill's own state ends a
payout, everything else is asked (K5, K6; the double speaks HTTP on a port of its own)."""

from collections.abc import Iterator

import pytest
import requests
from django.conf import LazySettings

from commissions.providers import ChannelTimeout, Forged, Result, Transfer, wechat
from tests.commissions.double import running
from tests.commissions.money_out import AT
from tests.commissions.wechat_double import PATH, WeChatDouble, configured

OPENID = "o-MYE42l80oelYMDE34nYD456Xoy"


@pytest.fixture
def double(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[WeChatDouble]:
    one = WeChatDouble()
    monkeypatch.setattr(wechat, "TIMEOUT", (1, 0.5))
    with running(one) as url:
        settings.WECHAT_PAY = configured(url)
        yield one


@pytest.fixture
def channel(double: WeChatDouble) -> wechat.WeChatPay:
    return wechat.WeChatPay()


def transfer(number: str = "P20261122A", amount_fen: int = 1_000) -> Transfer:
    return Transfer(number, amount_fen, "李小鱼", OPENID)


@pytest.mark.parametrize(
    ("state", "result"),
    [
        ("ACCEPTED", Result.PROCESSING),
        ("PROCESSING", Result.PROCESSING),
        ("WAIT_USER_CONFIRM", Result.PROCESSING),
        ("TRANSFERING", Result.PROCESSING),
        ("SUCCESS", Result.PAID),
        ("FAIL", Result.FAILED),
        ("CANCELING", Result.PROCESSING),
        ("CANCELLED", Result.FAILED),
        ("SOMETHING_NEW", Result.UNCLEAR),
    ],
)
def test_every_state_of_a_bill_means_one_result(
    double: WeChatDouble, channel: wechat.WeChatPay, state: str, result: Result
) -> None:
    double.becomes = state
    sent, asked = channel.send(transfer(), at=AT), channel.query("P20261122A", at=AT)
    assert (sent.result, asked.result) == (result, result)
    assert (sent.amount_fen, asked.amount_fen) == (None, 1_000)
    assert bool(sent.confirm) == (state == "WAIT_USER_CONFIRM")
    assert asked.code == ("FAIL PAYEE_ACCOUNT_ABNORMAL" if state == "FAIL" else state)
    assert double.broken == []


def test_a_number_is_one_bill_however_often_it_is_sent(
    double: WeChatDouble, channel: wechat.WeChatPay
) -> None:
    for _ in range(3):
        assert channel.send(transfer(), at=AT).result is Result.PAID
    assert double.paid == {"P20261122A": 1_000}
    other = channel.send(transfer(amount_fen=2_000), at=AT)
    assert (other.result, other.code) == (Result.REFUSED, "INVALID_REQUEST")
    assert channel.query("P20261122A", at=AT).amount_fen == 1_000


def test_a_name_leaves_the_house_from_2000_yuan_on_and_only_sealed(
    double: WeChatDouble, channel: wechat.WeChatPay
) -> None:
    channel.send(transfer("PA", 199_999), at=AT)
    channel.send(transfer("PB", 200_000), at=AT)
    assert double.names == {"PB": "李小鱼"}
    assert double.paid == {"PA": 199_999, "PB": 200_000}


def test_a_refusal_is_no_result_and_a_system_error_is_none_either(
    double: WeChatDouble, channel: wechat.WeChatPay, monkeypatch: pytest.MonkeyPatch
) -> None:
    double.balance_fen = 0
    answer = channel.send(transfer(), at=AT)
    assert (answer.result, answer.code) == (Result.REFUSED, "NOT_ENOUGH")
    for status, code, result in (
        (429, "FREQUENCY_LIMITED", Result.REFUSED),
        (500, "SYSTEM_ERROR", Result.UNCLEAR),
        (400, "ALREADY_EXISTS", Result.UNCLEAR),
        (418, "SOMETHING_NEW", Result.UNCLEAR),
    ):
        monkeypatch.setattr(double, "_do", lambda *_, s=status, c=code: (s, {"code": c}))
        answer = channel.send(transfer(), at=AT)
        assert (answer.result, answer.code) == (result, code)
        assert channel.query("P20261122A", at=AT).result is Result.UNCLEAR


def test_not_found_is_said_as_not_found(channel: wechat.WeChatPay) -> None:
    assert channel.query("P404", at=AT).result is Result.NOT_FOUND


def test_a_bill_is_taken_back_until_its_payee_confirms_and_an_unknown_number_never(
    double: WeChatDouble, channel: wechat.WeChatPay
) -> None:
    double.becomes = "WAIT_USER_CONFIRM"
    channel.send(transfer("PC"), at=AT)
    assert channel.void("PC", at=AT).result is Result.PROCESSING
    assert channel.query("PC", at=AT).code == "CANCELING"
    double.bills["PC"]["state"] = "CANCELLED"
    assert channel.void("PC", at=AT).result is Result.FAILED
    channel.send(transfer("PD"), at=AT)
    double.confirm("PD")
    assert channel.void("PD", at=AT).result is Result.UNCLEAR
    assert channel.query("PD", at=AT).result is Result.PAID
    unknown = channel.void("P404", at=AT)
    assert (unknown.result, unknown.code) == (Result.UNCLEAR, "CANNOT_VOID NOT_FOUND")


@pytest.mark.parametrize("fault", ["down", "lost", "slow"])
def test_no_answer_is_a_timeout_whatever_had_happened(
    double: WeChatDouble, channel: wechat.WeChatPay, fault: str
) -> None:
    double.faults = [fault]
    with pytest.raises(ChannelTimeout):
        channel.send(transfer(), at=AT)
    assert len(double.calls) == (0 if fault == "down" else 1), "nothing is tried again"
    wanted = Result.NOT_FOUND if fault == "down" else Result.PAID
    assert channel.query("P20261122A", at=AT).result is wanted


@pytest.mark.parametrize("fault", ["500", "moved", "cut", "flipped"])
def test_what_is_not_theirs_to_the_letter_is_unclear(
    double: WeChatDouble, channel: wechat.WeChatPay, fault: str
) -> None:
    double.faults = [fault]
    assert channel.send(transfer(), at=AT).result is Result.UNCLEAR
    assert len(double.calls) == (fault not in ("500", "moved")), "no redirect is followed"


def test_an_answer_signed_by_somebody_else_is_unclear(
    double: WeChatDouble, channel: wechat.WeChatPay
) -> None:
    double.signs_with = "forger"
    sent = channel.send(transfer(), at=AT)
    assert (sent.result, sent.code) == (Result.UNCLEAR, "SIGNATURE")
    assert channel.query("P20261122A", at=AT).result is Result.UNCLEAR


def test_a_signed_answer_to_another_question_is_unclear(
    double: WeChatDouble, channel: wechat.WeChatPay
) -> None:
    channel.send(transfer("PA"), at=AT)
    double.bills["PB"] = double.bills["PA"]
    assert channel.query("PB", at=AT).code == "ANOTHER_NUMBER"
    double.bills["PA"]["transfer_amount"] = 10**30
    assert channel.query("PA", at=AT).code == "UNREADABLE"
    double.bills["PA"] |= {"transfer_amount": 1, "state": "FAIL", "fail_reason": "\x00好\u202e"}
    assert channel.query("PA", at=AT).code == "FAIL 好"
    double.bills["PA"]["mchid"] = "1900000110"
    assert channel.query("PA", at=AT).code == "ANOTHER_MERCHANT"


def test_a_request_of_another_key_is_refused_by_the_double(
    double: WeChatDouble, settings: LazySettings
) -> None:
    """The double has teeth."""
    body = {"out_bill_no": "PA"}
    answer = requests.post(f"{settings.WECHAT_PAY['GATEWAY']}{PATH}", json=body, timeout=2)
    assert answer.status_code == 401
    assert double.broken == [f"signature of {PATH}"]
    assert not double.bills


def test_a_notice_names_its_bill_and_a_forged_or_old_one_nothing(
    double: WeChatDouble, channel: wechat.WeChatPay
) -> None:
    stamp = int(AT.timestamp())
    body = double.notice("PA", "EV-1")
    good = double.headers(body, stamp)
    notice = channel.read_notice(good, body, at=AT)
    assert (notice.notice_id, notice.number) == ("EV-1", "PA")
    old = double.headers(body, stamp - 301)
    nothing = double.notice("P\x00A", "EV-2")
    of_nothing = double.headers(nothing, stamp)
    double.signs_with = "forger"
    for headers, raw in (
        (old, body),
        (double.headers(body, stamp), body),
        (good, body + b" "),
        (of_nothing, nothing),
        (good | {"Wechatpay-Serial": "5157F09E"}, body),
        ({name: text for name, text in good.items() if name != "Wechatpay-Signature"}, body),
        ({}, b"{}"),
    ):
        with pytest.raises(Forged):
            channel.read_notice(headers, raw, at=AT)
    assert double.calls == [], "a stranger's notice makes nobody call anybody"
