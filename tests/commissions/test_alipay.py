"""Alipay transfers against a double that verifies RSA2 and signs the very bytes of its answers
(K5, K6)."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from commissions.providers import ChannelTimeout, Forged, Result, Transfer, alipay
from tests.commissions.alipay_double import APP_ID, AlipayDouble, configured
from tests.commissions.double import running
from tests.commissions.money_out import AT


@pytest.fixture
def double(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[AlipayDouble]:
    one = AlipayDouble()
    monkeypatch.setattr(alipay, "TIMEOUT", (1, 0.5))
    with running(one) as url:
        settings.ALIPAY = configured(url)
        yield one


@pytest.fixture
def channel(double: AlipayDouble) -> alipay.Alipay:
    return alipay.Alipay()


def transfer(number: str = "P20261122A", amount_fen: int = 1_005) -> Transfer:
    return Transfer(number, amount_fen, "李小鱼", "fish@example.com")


@pytest.mark.parametrize(
    ("status", "result"),
    [
        ("SUCCESS", Result.PAID),
        ("DEALING", Result.PROCESSING),
        ("WAIT_PAY", Result.PROCESSING),
        ("REFUND", Result.FAILED),
        ("FAIL", Result.FAILED),
        ("CLOSED", Result.FAILED),
        ("SOMETHING_NEW", Result.UNCLEAR),
    ],
)
def test_every_status_of_an_order_means_one_result(
    double: AlipayDouble, channel: alipay.Alipay, status: str, result: Result
) -> None:
    double.becomes = status
    sent, asked = channel.send(transfer(), at=AT), channel.query("P20261122A", at=AT)
    assert (sent.result, asked.result) == (result, result)
    assert (sent.amount_fen, asked.amount_fen) == (None, 1_005)
    assert double.broken == []


def test_a_request_is_what_the_documents_show(double: AlipayDouble, channel: alipay.Alipay) -> None:
    channel.send(transfer(), at=AT)
    assert double.fields["timestamp"] == "2026-11-22 12:00:00", "04:00 UTC in their zone"
    assert double.fields["biz_content"] == (
        '{"product_code":"TRANS_ACCOUNT_NO_PWD","biz_scene":"DIRECT_TRANSFER",'
        '"out_biz_no":"P20261122A","trans_amount":"10.05","order_title":"推广佣金",'
        '"payee_info":{"identity":"fish@example.com","identity_type":"ALIPAY_LOGON_ID",'
        '"name":"李小鱼"}}'
    )
    channel.send(Transfer("PB", 7, "李小鱼", "2088123412341234"), at=AT)
    assert '"trans_amount":"0.07"' in double.fields["biz_content"]
    assert '"identity_type":"ALIPAY_USER_ID"' in double.fields["biz_content"]


def test_a_number_is_one_order_however_often_it_is_sent(
    double: AlipayDouble, channel: alipay.Alipay
) -> None:
    for _ in range(3):
        assert channel.send(transfer(), at=AT).result is Result.PAID
    assert double.paid == {"P20261122A": 1_005}
    other = channel.send(transfer(amount_fen=9_900), at=AT)
    assert (other.result, other.code) == (Result.UNCLEAR, "PAYMENT_INFO_INCONSISTENCY")


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("PAYEE_NOT_EXIST", Result.REFUSED),
        ("PAYER_BALANCE_NOT_ENOUGH", Result.REFUSED),
        ("SYSTEM_ERROR", Result.UNCLEAR),
        ("ORDER_NOT_EXIST", Result.UNCLEAR),
    ],
)
def test_a_refusal_is_no_result_and_a_system_error_is_none_either(
    double: AlipayDouble, channel: alipay.Alipay, code: str, result: Result
) -> None:
    double.refuses = code
    answer = channel.send(transfer(), at=AT)
    assert (answer.result, answer.code) == (result, code)
    assert channel.query("P20261122A", at=AT).result is Result.NOT_FOUND
    void = channel.void("P20261122A", at=AT)
    assert (void.result, void.code) == (Result.UNCLEAR, "CANNOT_VOID ORDER_NOT_EXIST")


def test_voiding_what_exists_says_what_became_of_it(
    double: AlipayDouble, channel: alipay.Alipay
) -> None:
    channel.send(transfer(), at=AT)
    assert channel.void("P20261122A", at=AT).result is Result.PAID


@pytest.mark.parametrize("fault", ["down", "lost", "slow"])
def test_no_answer_is_a_timeout_whatever_had_happened(
    double: AlipayDouble, channel: alipay.Alipay, fault: str
) -> None:
    double.faults = [fault]
    with pytest.raises(ChannelTimeout):
        channel.send(transfer(), at=AT)
    assert len(double.calls) == (0 if fault == "down" else 1), "nothing is tried again"
    wanted = Result.NOT_FOUND if fault == "down" else Result.PAID
    assert channel.query("P20261122A", at=AT).result is wanted


@pytest.mark.parametrize("fault", ["500", "moved", "cut", "flipped", "forged"])
def test_what_is_not_theirs_to_the_letter_is_unclear(
    double: AlipayDouble, channel: alipay.Alipay, fault: str
) -> None:
    if fault == "forged":
        double.signs_with = "forger"
    else:
        double.faults = [fault]
    sent = channel.send(transfer(), at=AT)
    assert (sent.result, sent.code) == (Result.UNCLEAR, "SIGNATURE")
    assert len(double.calls) == (fault not in ("500", "moved")), "no redirect is followed"


def test_a_signed_answer_to_another_question_is_unclear(
    double: AlipayDouble, channel: alipay.Alipay
) -> None:
    channel.send(transfer("PA"), at=AT)
    double.bills["PB"] = double.bills["PA"]
    assert channel.query("PB", at=AT).code == "ANOTHER_NUMBER"
    double.bills["PA"]["trans_amount"] = "1e3"
    assert channel.query("PA", at=AT).code == "UNREADABLE"


def test_only_the_first_node_of_a_body_is_read(channel: alipay.Alipay) -> None:
    """A second node of the same name, or one hidden in a text, stands in for nothing."""
    name = "alipay_fund_trans_common_query_response"
    for text in (
        f'{{"x":1,"{name}":{{"code":"10000"}},"sign":"AA=="}}',
        f'["{name}"]',
        f'{{"{name}":7,"sign":"AA=="}}',
        f'{{"{name}":{{"code":"10000"}}}}',
        "",
    ):
        assert channel._verified(alipay.QUERY, text.encode()) == {}


def test_a_notice_names_its_order_and_a_forged_one_nothing(
    double: AlipayDouble, channel: alipay.Alipay
) -> None:
    body = double.notice("PA", "2026112200222000000000000000")
    notice = channel.read_notice({}, body, at=AT)
    assert (notice.notice_id, notice.number) == ("2026112200222000000000000000", "PA")
    for raw in (
        body.replace(b"SUCCESS", b"FAILURE"),
        double.notice("PA", "N1", app_id=APP_ID[:-1] + "9"),
        double.notice("PA", "N1", sign="AAAA"),
        double.notice("PA", "N1", biz_content="[]"),
        b"",
        b"\xff=1",
    ):
        with pytest.raises(Forged):
            channel.read_notice({}, raw, at=AT)
    double.signs_with = "forger"
    with pytest.raises(Forged):
        channel.read_notice({}, double.notice("PA", "N2"), at=AT)
