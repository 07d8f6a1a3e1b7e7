"""Channels: the sandbox keeps books of its own; the bank's file runs nothing in a spreadsheet."""

import csv
import io

import pytest

from commissions.models import SandboxTransfer
from commissions.providers import CHANNELS, ChannelTimeout, Result, Transfer, bank_file, sandbox
from tests.commissions.money_out import AT


def transfer(number: str, account: str = "62220001", amount_fen: int = 500) -> Transfer:
    """What the sandbox is asked to pay."""
    return Transfer(number, amount_fen, "李小鱼", account)


def test_the_sandbox_pays_a_number_once_however_often_it_is_asked(db: None) -> None:
    channel = CHANNELS["sandbox"]
    for _ in range(3):
        answer = channel.send(transfer("P1"), at=AT)
        assert (answer.result, answer.amount_fen) == (Result.PAID, 500)
    row = SandboxTransfer.objects.get()
    assert (row.amount_fen, row.calls) == (500, 3)
    other = channel.send(transfer("P1", amount_fen=600), at=AT)
    assert other.result is Result.UNCLEAR
    assert SandboxTransfer.objects.get().amount_fen == 500


def test_timeouts_before_and_after_taking_effect_look_the_same_from_outside(db: None) -> None:
    channel = CHANNELS["sandbox"]
    sandbox.force("PT1", sandbox.Mode.TIMEOUT_PAID)
    sandbox.force("PT2", sandbox.Mode.TIMEOUT_LOST)
    for number in ("PT1", "PT2"):
        with pytest.raises(ChannelTimeout):
            channel.send(transfer(number), at=AT)
    assert channel.query("PT1", at=AT).result is Result.PAID
    assert channel.query("PT2", at=AT).result is Result.NOT_FOUND


def test_a_voided_number_is_never_paid_and_a_paid_one_is_not_voided(db: None) -> None:
    channel = CHANNELS["sandbox"]
    assert channel.void("P9", at=AT).result is Result.FAILED
    assert channel.send(transfer("P9"), at=AT).result is Result.FAILED
    channel.send(transfer("P8"), at=AT)
    assert channel.void("P8", at=AT).result is Result.PAID


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\x00=1",
        "＝1+1",
        "＋1",
        "－1",
        "＠x",
        "  =1",
        "\u3000=1",
        "\tx",
    ],
)
def test_no_cell_begins_like_a_formula(text: str) -> None:
    content = bank_file.write_csv([bank_file.Order("P1", text, "62220001", 100)])
    cell = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))[1][1]
    assert cell.startswith("'")
    assert cell[1:] == text


def test_a_plain_name_stays_as_it_is() -> None:
    assert bank_file.safe("李小鱼") == "李小鱼"
    assert bank_file.safe("O'Neill-Li = x") == "O'Neill-Li = x"
