"""A code once more before money is let go: without it everything stays as it was. K6; ASVS V7.5."""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from backend.accounts.models import Account
from backend.core import fresh
from commissions import chain, payouts
from commissions.models import PayeeAccount, Payout, PayoutBatch, PayoutRule, Reconciliation
from commissions.models.writeoff import WriteOff
from shops.models import Refund
from tests.backend import of_taxes
from tests.commissions import sales
from tests.commissions.disputed import Case
from tests.commissions.money_out import AT, CARD, WRONG, approved, earner, officer
from tests.desk import acts, code_of, signed_in, waited

pytestmark = pytest.mark.django_db
DESK = ["view_payout", "view_payoutbatch", "view_payeeaccount"]
STALE = 400  # seconds; the limit is 300


def page(model: str, verb: str, *row: int) -> str:
    """The address of an act."""
    return reverse(f"admin:{model}_{verb}", args=row)


# ---------------------------------------------------------------- what lets money go
def _approve() -> tuple[Account, str, dict[str, Any], Callable[[], bool]]:
    payout = payouts.request(account=earner(), amount_fen=1_000, at=AT)
    payouts.prepare(number=payout.number, by=officer("prepare_payout"), at=AT)
    by = officer("approve_payout", *DESK)
    return (
        by,
        page("commissions_payout", "approve_one", payout.pk),
        {},
        lambda: Payout.objects.get().status == "approved",
    )


def _resolve(paid: bool) -> tuple[Account, str, dict[str, Any], Callable[[], bool]]:
    payout = approved(earner(number=WRONG))
    payouts.send_payouts(at=AT)
    return (
        officer("approve_payout", *DESK),
        page("commissions_payout", "paid_one" if paid else "not_paid_one", payout.pk),
        {"reason": "statement, line 17"},
        lambda: Payout.objects.get().status == ("paid" if paid else "failed"),
    )


def _build() -> tuple[Account, str, dict[str, Any], Callable[[], bool]]:
    approved(earner(number=CARD, provider="bank_file"))
    by = officer("prepare_payout", *DESK)
    return by, page("commissions_payoutbatch", "build"), {}, PayoutBatch.objects.exists


def _batch() -> PayoutBatch:
    approved(earner(number=CARD, provider="bank_file"))
    return payouts.build_batch(by=officer("prepare_payout"), at=AT)


def _download(kind: str) -> tuple[Account, str, dict[str, Any], Callable[[], bool]]:
    batch = _batch()
    return (
        officer("prepare_payout", *DESK),
        page("commissions_payoutbatch", f"download_{kind}", batch.pk),
        {},
        lambda: "payout_batch.download" in acts(),
    )


def _answer() -> tuple[Account, str, dict[str, Any], Callable[[], bool]]:
    batch = _batch()
    number = Payout.objects.get().number
    text = f"number,amount_yuan,result,reason\n{number},10.00,paid,\nTOTAL,10.00,1,\n"
    return (
        officer("prepare_payout", *DESK),
        page("commissions_payoutbatch", "read_answer", batch.pk),
        {"file": text},
        lambda: Payout.objects.get().status == "paid",
    )


def _unmask() -> tuple[Account, str, dict[str, Any], Callable[[], bool]]:
    earner(number=CARD, provider="bank_file")
    return (
        officer("unmask_payeeaccount", *DESK),
        page("commissions_payeeaccount", "unmask", PayeeAccount.objects.get().pk),
        {"reason": "the bank asks"},
        lambda: "payee.unmask" in acts(),
    )


def _refund(line: bool) -> tuple[Account, str, dict[str, Any], Callable[[], bool]]:
    sold = sales.sale(at=AT)
    fields = {"line": str(sold.pk), "qty": "0", "amount_fen": "100"} if line else {}
    return (
        officer("view_order", "change_order"),
        page("shops_order", "refund_line" if line else "refund_all", sold.order_id),
        {"reason": "goodwill", **fields},
        Refund.objects.exists,
    )


def _override() -> tuple[Account, str, dict[str, Any], Callable[[], bool]]:
    case = Case()
    dispute = case.proposed("promoter", case.mia.account.handle)
    return (
        officer("approve_override", "view_attributiondispute"),
        page("commissions_attributiondispute", "approve_one", dispute.pk),
        {},
        lambda: case.fen() == (0, 0, 1_600),
    )


def _hold(release: bool) -> tuple[Account, str, dict[str, Any], Callable[[], bool]]:
    payout = payouts.request(account=earner(), amount_fen=1_000, at=AT)
    by = officer("hold_payout", *DESK)
    if release:
        payouts.hold(number=payout.number, by=by, reason="name differs", at=AT)
    return (
        by,
        page("commissions_payout", "release_one" if release else "hold_one", payout.pk),
        {"reason": "the bank called"},
        lambda: (Payout.objects.get().held_at is None) is release,
    )


def _rule() -> tuple[Account, str, dict[str, Any], Callable[[], bool]]:
    fields = {
        "minimum_fen": "500", "request_from": "0", "request_to": "1440", "send_from": "540",
        "send_to": "1080", "send_weekdays": "1, 2", "tax_method": "labour", "note": "as agreed",
    }  # fmt: skip
    by = officer("publish_payoutrule", "view_payoutrule")
    return by, page("commissions_payoutrule", "publish"), fields, PayoutRule.objects.exists


def _write_off() -> tuple[Account, str, dict[str, Any], Callable[[], bool]]:
    """A form whose verb takes its fields by name: the code is none of them."""
    fields = {"account_id": str(earner(-500).pk), "reason": "goodwill", "note": "x"}
    by = officer("request_writeoff", "view_writeoff")
    return by, "/admin/commissions/writeoff/ask/", fields, WriteOff.objects.exists


def _export_books() -> tuple[Account, str, dict[str, Any], Callable[[], bool]]:
    approved(earner())
    chain.seal()
    return (
        officer("view_sealedjournal", "export_books"),
        page("commissions_sealedjournal", "export"),
        {},
        lambda: "books.export" in acts(),
    )


def _sign() -> tuple[Account, str, dict[str, Any], Callable[[], bool]]:
    _answer_read()
    return (
        officer("sign_reconciliation", "view_reconciliation"),
        page("commissions_reconciliation", "sign_one", Reconciliation.objects.get().pk),
        {},
        lambda: Reconciliation.objects.get().status == "signed",
    )


def _answer_read() -> None:
    batch = _batch()
    text = f"number,amount_yuan,result,reason\n{Payout.objects.get().number},10.00,paid,\nTOTAL"
    payouts.read_answer(
        number=batch.number,
        content=f"{text},10.00,1,\n".encode(),
        by=officer("prepare_payout"),
        at=AT,
    )


ACTS = {
    "ask for a write-off": _write_off,
    "export the books": _export_books,
    "hold": lambda: _hold(False),
    "release": lambda: _hold(True),
    "publish a rule": _rule,
    "export the tax": lambda: of_taxes.export("csv"),
    "file the tax": of_taxes.file,
    "record a remittance": of_taxes.remit,
    "approve a remittance": of_taxes.approve_remittance,
    "publish a tax table": of_taxes.publish_table,
    "withdraw a tax table": of_taxes.withdraw_table,
    "unmask a taxpayer": lambda: of_taxes.identity("unmask"),
    "retire a taxpayer": lambda: of_taxes.identity("retire"),
    "approve": _approve,
    "sign a report": _sign,
    "override": _override,
    "resolve as paid": lambda: _resolve(True),
    "resolve as not paid": lambda: _resolve(False),
    "build a batch": _build,
    "download csv": lambda: _download("csv"),
    "download xlsx": lambda: _download("xlsx"),
    "read the answer": _answer,
    "unmask": _unmask,
    "refund an order": lambda: _refund(False),
    "refund a line": lambda: _refund(True),
}


def press(client: Client, path: str, fields: dict[str, Any], **more: str) -> Any:
    """Answers the page that asks."""
    data = {**fields, "confirmed": "yes", **more}
    if "file" in data:
        data["file"] = SimpleUploadedFile("answer.csv", data["file"].encode())
    return client.post(path, data)


@pytest.mark.parametrize("act", ACTS)
def test_letting_money_go_needs_a_code_of_the_last_five_minutes(act: str) -> None:
    by, path, fields, done = ACTS[act]()
    client = signed_in(by, seconds_ago=STALE)
    before = acts()
    assert 'name="code"' in client.get(path).content.decode()
    for code in ("", "000000"):
        answer = press(client, path, fields, code=code)
        assert (answer.status_code, 'name="code"' in answer.content.decode()) == (200, True)
        assert not done()
    assert acts() == [*before, "second_factor.wrong_code"]
    waited()
    press(client, path, fields, code=code_of(by))
    assert done()


@pytest.mark.parametrize("act", ACTS)
def test_a_code_of_the_last_five_minutes_is_enough(act: str) -> None:
    by, path, fields, done = ACTS[act]()
    client = signed_in(by, seconds_ago=290)
    assert 'name="code"' not in client.get(path).content.decode()
    press(client, path, fields)
    assert done()


def test_the_code_is_good_for_what_follows_and_only_as_long_as_the_setting_says(
    settings: Settings,
) -> None:
    by, path, fields, done = _approve()
    client = signed_in(by, seconds_ago=STALE)
    press(client, path, fields, code=code_of(by))
    assert done()
    assert 'name="code"' not in client.get(path).content.decode()
    settings.STAFF_CODE_SECONDS = -1
    assert 'name="code"' in client.get(path).content.decode()


def test_a_code_is_taken_only_when_all_else_is_right() -> None:
    """A reason left out does not use the code up."""
    by, path, _, done = _resolve(True)
    client = signed_in(by, seconds_ago=STALE)
    code = code_of(by)
    press(client, path, {"reason": ""}, code=code)
    assert not done()
    press(client, path, {"reason": "statement, line 17"}, code=code)
    assert done()


def test_many_at_once_take_one_code() -> None:
    account = earner()
    maker, checker = officer("prepare_payout"), officer("approve_payout", *DESK)
    rows = [payouts.request(account=account, amount_fen=1_000, at=AT) for _ in range(3)]
    for row in rows:
        payouts.prepare(number=row.number, by=maker, at=AT)
    client = signed_in(checker, seconds_ago=STALE)
    wanted = {"action": "approve_selected", "_selected_action": [row.pk for row in rows]}
    path = "/admin/commissions/payout/"
    client.post(path, {**wanted, "index": "0", "confirmed": "yes"})
    assert set(Payout.objects.values_list("status", flat=True)) == {"prepared"}
    client.post(path, {**wanted, "index": "0", "confirmed": "yes", "code": code_of(checker)})
    assert set(Payout.objects.values_list("status", flat=True)) == {"approved"}


def test_the_page_that_asks_says_how_much_goes_to_whom() -> None:
    by, path, _, _ = _approve()
    shown = signed_in(by).get(path).content.decode()
    payout = Payout.objects.get()
    for word in (payout.number, "¥10.00", payout.account.handle, payout.payee.number_masked):
        assert word in shown


def test_wrong_codes_before_a_decision_lock_too() -> None:
    by, path, fields, done = _approve()
    client = signed_in(by, seconds_ago=STALE)
    for _ in range(5):
        press(client, path, fields, code="000000")
        waited()
    answer = press(client, path, fields, code=code_of(by))
    assert "Too many failed sign-ins" in answer.content.decode()
    assert not done()


def test_every_page_that_lets_money_go_is_among_these() -> None:
    """A new decision that moves money is held against this list by its reader; what asks for a code
    and is not tried above fails here."""
    from commissions import admin as of_commissions
    from notes import admin as of_notes
    from shops import admin as of_shops

    pages = [
        import_module(one.name)
        for room in (of_commissions, of_shops)
        for one in iter_modules(room.__path__, f"{room.__name__}.")
    ]

    asking = {
        f"{module.__name__}.{name}"
        for module in [*pages, of_notes]
        for name, value in vars(module).items()
        if getattr(value, "needs_code", False) is True
    }
    assert asking == {
        "commissions.admin.batches.BUILD",
        "commissions.admin.batches.ANSWER",
        "commissions.admin.finance.APPROVE",
        "commissions.admin.finance.PAID",
        "commissions.admin.finance.NOT_PAID",
        "commissions.admin.finance.HOLD",
        "commissions.admin.finance.RELEASE",
        "commissions.admin.payout_rules.PUBLISH",
        "commissions.admin.taxes.CLEAR",
        "commissions.admin.taxes.RETIRE",
        "commissions.admin.taxes.EXPORT",
        "commissions.admin.taxes.FILE",
        "commissions.admin.tax_tables.PUBLISH",
        "commissions.admin.tax_tables.WITHDRAW",
        "commissions.admin.attribution.APPROVE",
        "commissions.admin.bounties.PUBLISH",
        "commissions.admin.chain.EXPORT",
        "commissions.admin.conversions.ADD",
        "commissions.admin.conversions.SECRET",
        "commissions.admin.risk.INVALIDATE",
        "commissions.admin.settlements.RESTATE",
        "commissions.admin.settlements.SET",
        "commissions.admin.reconciliation.SIGN",
        "commissions.admin.reconciliation.EXPLAIN",
        "commissions.admin.remittances.APPROVE",
        "commissions.admin.remittances.RECORD",
        "commissions.admin.writeoffs.APPROVE",
        "commissions.admin.writeoffs.ASK",
        "commissions.admin.plans.PUBLISH",
        "shops.admin.goods.CLEAR",
        "shops.admin.orders.REFUND_ALL",
    }


def test_without_a_registered_second_factor_nothing_is_due(rf: Any) -> None:
    request = rf.get("/")
    assert not fresh._Nobody().is_due(request)
    assert fresh._Nobody().problem_of(request, "x") == ""
