"""Tax tables at the desk: dated rows with their sources, published as the announcements print them,
withdrawn before their day, never changed."""

import re
from functools import partial
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from backend.accounts.models import Account
from backend.core.asking import Question, ask
from backend.core.clock import now
from backend.core.deciding import Reasoned
from backend.core.staff import ReadOnly, StaffAdmin, fen, in_words
from commissions import tax
from commissions.models import TaxTable, TaxWithholding
from commissions.withholding import Bracket, Table

MOST = 50  # brackets of a table
NUMBER = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,2}))?")
NO_END = "-"
EXAMPLE = "36000 3 0\n144000 10 2520\n- 20 16920"


def _hundredths(said: str) -> int:
    """Fen of yuan, or basis points of percent: at most two places, exactly.

    :raises ValueError: it is no such number.
    """
    found = NUMBER.fullmatch(said.strip().replace(",", ""))
    if found is None:
        raise ValueError(said)
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


class Hundredths(forms.CharField):
    """Fen of yuan, or basis points of percent; nothing is 0."""

    widget = UnfoldAdminTextInputWidget

    def to_python(self, value: Any) -> Any:
        """The whole number.

        :raises ValidationError: it is no number, or of more than two places.
        """
        try:
            return _hundredths(str(value)) if value else 0
        except ValueError as error:
            raise forms.ValidationError("A number of two places at most.") from error


class Brackets(forms.CharField):
    """A bracket a line: its end in yuan (- for the last one), its rate in percent, its quick
    deduction in yuan."""

    def to_python(self, value: Any) -> Any:
        """The brackets.

        :raises ValidationError: a line is none, named by its place.
        """
        lines = [line for line in str(value or "").splitlines() if line.strip()]
        if len(lines) > MOST:
            raise forms.ValidationError(f"At most {MOST} brackets.")
        return tuple(self._bracket(place, line) for place, line in enumerate(lines, start=1))

    def _bracket(self, place: int, line: str) -> Bracket:
        try:
            end, rate, quick = line.split()
            up_to = None if end == NO_END else _hundredths(end)
            return Bracket(up_to, _hundredths(rate), _hundredths(quick))
        except ValueError as error:
            raise forms.ValidationError(
                f"Line {place}: three numbers, such as 36000 3 0; - 45 181920 in the last line."
            ) from error


class TaxTableForm(forms.Form):
    """A table, as its announcement prints it."""

    method = forms.ChoiceField(
        label="Method 方法", choices=TaxTable.Method.choices, widget=UnfoldAdminSelectWidget
    )
    effective_from = forms.DateField(
        label="From 施行日期", help_text="a day to come", widget=UnfoldAdminDateWidget
    )
    source = forms.CharField(
        label="Source 依据",
        max_length=300,
        help_text="the announcement by name and number, and its address",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )
    small = Hundredths(
        label="Small payments up to, yuan 小额",
        required=False,
        help_text="of them a fixed sum is deducted; empty: none",
    )
    small_deduction = Hundredths(
        label="Deducted from a small payment, yuan 小额减除",
        required=False,
        help_text="800 for labour remuneration",
    )
    expenses = Hundredths(
        label="Expenses, percent 费用比例", help_text="deducted from every other payment: 20"
    )
    monthly = Hundredths(
        label="Deducted for each month, yuan 每月减除",
        required=False,
        help_text="5000 for the cumulative method",
    )
    brackets = Brackets(
        label="Brackets 级距",
        help_text="a line each: up to (yuan), rate (percent), quick deduction (yuan); - where "
        "there is no end. Each begins where the one before ends.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8, "placeholder": EXAMPLE}),
    )


PUBLISH = Question(
    title="Publish a table 发布税率表",
    note="What is asked for from its day on is taxed by it. What was withheld keeps its table.",
    form=TaxTableForm,
    needs_code=True,
)
WITHDRAW = Question(
    title="Withdraw 撤回",
    note="The table before it goes on; another one may begin that day. What is taken back stays in "
    "the audit trail.",
    form=Reasoned,
    needs_code=True,
)


@admin.register(TaxTable)
class TaxTableAdmin(ReadOnly, StaffAdmin):
    """The tables by which tax is computed, and where they are written."""

    list_display = ["method", "effective_from", "used", "source"]
    list_filter = ["method"]
    ordering = ["method", "-effective_from"]
    fields = [
        "method", "effective_from", "source", "used", "small", "expenses", "monthly", "in_lines",
    ]  # fmt: skip
    readonly_fields = ["used", "small", "expenses", "monthly", "in_lines"]
    actions_list = ["publish"]
    actions_detail = ["withdraw"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[TaxTable]:
        """Says in the same query whether anything was withheld by each."""
        by_it = TaxWithholding.objects.filter(table=OuterRef("pk"))
        found = cast(QuerySet[TaxTable], super().get_queryset(request))
        return found.annotate(is_used=Exists(by_it))

    @display(description="used 已使用", boolean=True)
    def used(self, row: Any) -> bool:
        """Whether anything was withheld by it."""
        return bool(row.is_used)

    @display(description="small payments 小额")
    def small(self, row: TaxTable) -> str:
        """Up to what, and what is deducted."""
        return f"up to {fen(row.small_fen)} less {fen(row.small_deduction_fen)}"

    @display(description="expenses 费用比例")
    def expenses(self, row: TaxTable) -> str:
        """In percent."""
        return f"{_percent(row.expense_bps)} %"

    @display(description="for each month 每月减除")
    def monthly(self, row: TaxTable) -> str:
        """In yuan."""
        return fen(row.monthly_fen)

    @display(description="brackets 级距")
    def in_lines(self, row: TaxTable) -> str:
        """One a line."""
        return in_words("\n".join(_line(one) for one in tax.as_table(row).brackets))

    def has_publish_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who set the rules."""
        return bool(request.user.has_perm(tax.PUBLISH))

    @action(description=PUBLISH.title, permissions=["publish"], url_path="publish")
    def publish(self, request: HttpRequest) -> HttpResponse:
        """Publishes a table from a day to come."""
        return ask(self, request, None, PUBLISH, partial(_publish, request))

    @action(description=WITHDRAW.title, permissions=["publish"])
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Takes back a table whose day is to come."""
        return ask(self, request, object_id, WITHDRAW, partial(_withdraw, request))


def _percent(bps: int) -> str:
    return f"{bps // 100}.{bps % 100:02d}"


def _line(bracket: Bracket) -> str:
    end = "above 以上" if bracket.up_to_fen is None else f"up to {fen(bracket.up_to_fen)}"
    return f"{end}: {_percent(bracket.rate_bps)} % less {fen(bracket.quick_fen)}"


def _publish(request: HttpRequest, _: None, form: forms.Form) -> HttpResponse:
    given = form.cleaned_data
    table = Table(
        method=given["method"],
        effective_from=given["effective_from"],
        source=given["source"].strip(),
        brackets=given["brackets"],
        expense_bps=given["expenses"],
        small_fen=given["small"],
        small_deduction_fen=given["small_deduction"],
        monthly_fen=given["monthly"],
    )
    row = tax.publish_table(table=table, by=cast(Account, request.user), at=now())
    return HttpResponseRedirect(reverse("admin:commissions_taxtable_change", args=[row.pk]))


def _withdraw(request: HttpRequest, row: TaxTable, form: forms.Form) -> HttpResponse:
    tax.withdraw_table(
        table_id=row.pk,
        reason=form.cleaned_data["reason"],
        by=cast(Account, request.user),
        at=now(),
    )
    return HttpResponseRedirect(reverse("admin:commissions_taxtable_changelist"))
