"""Tax tables: published from a day to come with their source, withdrawn before it, never changed
once used; the database keeps to it by itself. A5, K6."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from backend.core.errors import Invalid, NotAllowed, NotFound
from backend.core.models import AuditEntry, RowChange
from commissions import payouts, tax
from commissions.admin.tax_tables import Brackets
from commissions.models import TaxTable
from commissions.withholding import STATUTORY, Bracket, problem_of
from tests.commissions.money_out import AT, earner, officer
from tests.commissions.ruled import rule, taxpayer
from tests.desk import signed_in

LABOUR, CUMULATIVE = STATUTORY
LATER = replace(LABOUR, effective_from=date(2027, 1, 1))
LIST = "/admin/commissions/taxtable/"


def publish(table: Any = LATER, at: datetime = AT) -> TaxTable:
    return tax.publish_table(table=table, by=officer("publish_payoutrule"), at=at)


def withhold(at: datetime = AT) -> None:
    """By the labour table that holds."""
    account = earner(500_000)
    taxpayer(account)
    rule(at, tax_method="labour")
    payouts.request(account=account, amount_fen=100_000, at=at)


# ---------------------------------------------------------------- brackets
@pytest.mark.parametrize(
    ("brackets", "fits"),
    [
        ([(None, 0, 0)], True),
        ([(None, 10_000, 0)], True),
        ([(None, 10_001, 0)], False),
        ([(None, -1, 0)], False),
        ([(1, 0, 0), (None, 10_000, 1)], True),
        ([(0, 0, 0), (None, 10_000, 0)], False),
        ([(-1, 0, 0), (None, 10_000, -1)], False),
        ([(10_000, 300, 0), (None, 1_000, 700)], True),
        ([(10_000, 300, 0), (None, 1_000, 699)], False),
        ([(10_000, 300, 0), (None, 300, 0)], False),
        ([(10_000, 300, 0), (10_000, 1_000, 700), (None, 2_000, 1_700)], False),
        ([(10_000, 300, 0), (10_001, 1_000, 700), (None, 11_000, 10_701)], False),
        ([(10_000, 300, 0), (20_000, 1_000, 700)], False),
        ([(None, 300, 0), (None, 1_000, 700)], False),
        ([(None, 300, 1)], False),
        ([], False),
    ],
)
def test_brackets_rise_without_a_gap_or_jump_and_the_database_says_the_same(
    db: None, brackets: list[tuple[int | None, int, int]], fits: bool
) -> None:
    made = tuple(Bracket(*one) for one in brackets)
    assert (problem_of(made) == "") is fits
    said = [{"up_to_fen": end, "rate_bps": rate, "quick_fen": q} for end, rate, q in brackets]
    facts = {"small_fen": 0, "small_deduction_fen": 0, "expense_bps": 0, "monthly_fen": 0}
    row = TaxTable(
        method="labour", effective_from=date(2030, 1, 1), source="x", brackets=said, **facts
    )
    if fits:
        row.save()
    else:
        with pytest.raises(tax.TableNotPossible):
            publish(replace(LATER, brackets=made))
        with pytest.raises(IntegrityError, match="are none"), transaction.atomic():
            row.save()


@pytest.mark.parametrize(
    "change",
    [
        {"small_fen": -1},
        {"small_deduction_fen": 10**12 + 1},
        {"monthly_fen": -1},
        {"expense_bps": 10_001},
        {"expense_bps": -1},
        {"source": " "},
    ],
)
def test_deductions_and_source_are_looked_at(db: None, change: dict[str, Any]) -> None:
    with pytest.raises(tax.TableNotPossible):
        publish(replace(LATER, **change))
    assert not TaxTable.objects.exists()


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("36,000 3 0\n\n- 10.5 2700", (Bracket(3_600_000, 300, 0), Bracket(None, 1_050, 270_000))),
        ("- 0.01 0.01", (Bracket(None, 1, 1),)),
    ],
)
def test_lines_are_yuan_and_percent_exactly(said: str, found: tuple[Bracket, ...]) -> None:
    assert Brackets().clean(said) == found


@pytest.mark.parametrize("said", ["", "3 0", "1 2 3 4", "x 3 0", "- nan 0", "- 3.001 0", "- -3 0"])
def test_other_lines_are_refused(said: str) -> None:
    from django.forms import ValidationError

    with pytest.raises(ValidationError):
        Brackets().clean(said)


# ---------------------------------------------------------------- its day
@pytest.mark.parametrize(
    ("at", "first"),
    [
        (datetime(2026, 11, 22, 15, 59, tzinfo=UTC), date(2026, 11, 23)),
        # In Shanghai the 23rd has begun: what is paid today is taxed by the table before.
        (datetime(2026, 11, 22, 16, 0, tzinfo=UTC), date(2026, 11, 24)),
    ],
)
def test_a_table_begins_on_the_next_business_day_at_the_earliest(
    db: None, at: datetime, first: date
) -> None:
    with pytest.raises(tax.TableNotPossible):
        publish(replace(LATER, effective_from=date(first.year, first.month, first.day - 1)), at)
    assert publish(replace(LATER, effective_from=first), at).effective_from == first


def test_a_day_on_which_the_method_was_used_is_gone(db: None) -> None:
    withhold()
    before = datetime(2026, 11, 1, tzinfo=UTC)
    with pytest.raises(tax.TableNotPossible):
        publish(replace(LATER, effective_from=date(2026, 11, 22)), before)
    wanted = {
        "source": "x", "small_fen": 0, "small_deduction_fen": 0, "expense_bps": 0,
        "monthly_fen": 0, "brackets": [{"up_to_fen": None, "rate_bps": 1, "quick_fen": 0}],
    }  # fmt: skip
    early = date(2026, 11, 21)
    with pytest.raises(IntegrityError, match="tax was withheld"), transaction.atomic():
        TaxTable.objects.create(method="labour", effective_from=early, **wanted)
    TaxTable.objects.create(method="cumulative", effective_from=early, **wanted)
    assert publish(replace(LATER, effective_from=date(2026, 11, 23)), before)


# ---------------------------------------------------------------- taking one back
def test_a_table_whose_day_is_to_come_is_withdrawn_with_a_reason_and_makes_room(db: None) -> None:
    wrong = publish(replace(LATER, source="a slip"))
    by = officer("publish_payoutrule")
    with pytest.raises(tax.TableNotPossible):
        publish()
    with pytest.raises(NotAllowed):
        tax.withdraw_table(table_id=wrong.pk, reason="x", by=officer("file_tax"), at=AT)
    with pytest.raises(Invalid):
        tax.withdraw_table(table_id=wrong.pk, reason=" ", by=by, at=AT)
    begun = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)
    with pytest.raises(tax.TableBegun):
        tax.withdraw_table(table_id=wrong.pk, reason="x", by=by, at=begun)
    tax.withdraw_table(table_id=wrong.pk, reason="a wrong number", by=by, at=AT)
    with pytest.raises(NotFound):
        tax.withdraw_table(table_id=wrong.pk, reason="x", by=by, at=AT)
    publish()
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == [
        "tax_table.publish",
        "tax_table.withdraw",
        "tax_table.publish",
    ]
    taken = RowChange.objects.get(table_name="commissions_taxtable", operation="delete")
    assert (taken.row_id, taken.before["source"]) == (str(wrong.pk), "a slip")


def test_a_table_that_was_used_is_neither_changed_nor_withdrawn(db: None) -> None:
    withhold()
    row = tax.table_at("labour", date(2026, 11, 22))
    with pytest.raises(tax.TableBegun):
        tax.withdraw_table(table_id=row.pk, reason="x", by=officer("publish_payoutrule"), at=AT)
    rows = TaxTable.objects.filter(pk=row.pk)
    with pytest.raises(IntegrityError, match="was used and stays"), transaction.atomic():
        rows._raw_delete(rows.db)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        rows.update(expense_bps=1)
    for _ in range(2):  # the statutory ones are written again, and left alone
        tax.table_at("cumulative", date(2026, 11, 22))


# ---------------------------------------------------------------- the page
def test_a_table_is_typed_in_as_the_announcement_prints_it(db: None) -> None:
    withhold()
    client = signed_in(officer("publish_payoutrule", "view_taxtable"))
    lines = "36000 3 0\n144000 10 2520\n300000 20 16920\n- 25 31920"
    fields = {
        "method": "cumulative", "effective_from": "2999-01-01", "source": "https://example.gov.cn/1",
        "expenses": "20", "monthly": "5000", "brackets": lines,
    }  # fmt: skip
    for wrong, said in (
        ({"source": " "}, "This field is required"),
        ({"expenses": "100.01"}, "a share of expenses between 0 and 100 %"),
        ({"monthly": "5000.001"}, "A number of two places at most"),
        ({"brackets": lines.replace("16920", "16921")}, "the tax jumps at 14400000 fen"),
        ({"brackets": lines.replace("- 25", "420000 25")}, "the last one has no end"),
        ({"brackets": "36000 3"}, "Line 1: three numbers"),
        ({"effective_from": "2020-01-01"}, "must begin on a later day"),
    ):
        page = client.post(f"{LIST}publish/", {**fields, **wrong}).content.decode()
        assert said in page
    assert TaxTable.objects.count() == 2
    assert client.post(f"{LIST}publish/", fields).status_code == 302
    row = TaxTable.objects.get(effective_from=date(2999, 1, 1))
    assert tax.as_table(row) == replace(
        CUMULATIVE,
        effective_from=row.effective_from,
        source=fields["source"],
        brackets=(*CUMULATIVE.brackets[:3], Bracket(None, 2_500, 3_192_000)),
    )
    shown = client.get(f"{LIST}{row.pk}/change/").content.decode()
    for words in ("up to ¥36,000.00: 3.00 % less ¥0.00", "20.00 %", "¥5,000.00"):
        assert words in shown
    listed = client.get(LIST).content.decode()
    assert fields["source"] in listed
    looking = signed_in(officer("view_taxtable"))
    assert looking.get(f"{LIST}publish/").status_code in (302, 403)
    path = f"{LIST}{row.pk}/withdraw/"
    assert client.post(path, {"reason": "a slip"}).status_code == 302
    assert not TaxTable.objects.filter(pk=row.pk).exists()
