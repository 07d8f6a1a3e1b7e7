"""Settlement at the desk: rules, periods with their progress and re-statements, statements."""

from collections.abc import Iterable
from functools import partial
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from backend.accounts.models import Account
from backend.core.asking import Question, ask
from backend.core.clock import now
from backend.core.deciding import Asking, Decision
from backend.core.staff import ReadOnly, ReadOnlyInline, StaffAdmin, fen
from commissions import calendars, restating, statements
from commissions.models import (
    Restatement,
    SettlementPeriod,
    SettlementRule,
    Statement,
    StatementDue,
)
from commissions.statements.files import POLICY

SHOWN = 100


class RuleForm(forms.Form):
    """By which rule it settles, whose, and from which day on."""

    shop_id = forms.IntegerField(
        min_value=1,
        max_value=2**63 - 1,
        required=False,
        label="Shop's id 店铺",
        help_text="empty: the market",
        widget=UnfoldAdminIntegerFieldWidget,
    )
    cadence = forms.ChoiceField(
        choices=SettlementRule.Cadence.choices, widget=UnfoldAdminSelectWidget
    )
    settle_days = forms.IntegerField(
        min_value=0,
        max_value=90,
        initial=0,
        label="Days after T+n",
        help_text="rolling: after an order matured; else: after the period's end",
        widget=UnfoldAdminIntegerFieldWidget,
    )
    zone = forms.CharField(
        max_length=64, initial="Asia/Shanghai", label="Zone 时区", widget=UnfoldAdminTextInputWidget
    )
    starts_on = forms.DateField(
        label="First day 生效日", help_text="in that zone", widget=UnfoldAdminDateWidget
    )


SET = Question(
    title="Set a rule 新增结算规则",
    note="It holds from its first day on and never changes; a later rule ends it. "
    "Periods that there are stay as they are.",
    form=RuleForm,
    needs_code=True,
)
RESTATE = Decision(
    title="Re-state 重述",
    done="looked at anew; where nothing has changed since, nothing is added",
    act=lambda row, by, why, at: restating.restate(period_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
    needs_code=True,
    says=lambda row: (
        f"{row}: {restating.progress(row).unstated} changes since it was closed or re-stated"
    ),
)


@admin.register(SettlementRule)
class SettlementRuleAdmin(ReadOnly, StaffAdmin):
    """Rules: set for the future, never changed."""

    list_display = ["cadence", "settle_days", "zone", "shop", "starts_at", "made_by"]
    list_filter = ["cadence"]
    list_select_related = ["shop", "made_by"]
    ordering = ["-starts_at"]
    actions_list = ["set_one"]

    def has_set_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may add rules."""
        return bool(request.user.has_perm(calendars.ADD))

    @action(description=SET.title, permissions=["set"], url_path="set")
    def set_one(self, request: HttpRequest) -> HttpResponse:
        """Sets a rule."""
        return ask(self, request, None, SET, partial(_set, request))


def _set(request: HttpRequest, _: None, form: forms.Form) -> HttpResponse:
    calendars.set_rule(**form.cleaned_data, by=cast(Account, request.user), at=now())
    return HttpResponseRedirect(reverse("admin:commissions_settlementrule_changelist"))


class RestatementInline(ReadOnlyInline):
    """What was found when it was re-stated."""

    model = Restatement
    fields = ["number", "at", "by", "reason", "lines_count", "amount"]
    readonly_fields = fields
    ordering = ["-number"]
    max_num = 50

    @display(description="changed by 差额")
    def amount(self, row: Restatement) -> str:
        """In yuan."""
        return fen(row.amount_fen)


@admin.register(SettlementPeriod)
class SettlementPeriodAdmin(ReadOnly, Asking):
    """Periods: how far they have settled, when they were closed, how they were re-stated."""

    list_display = ["label", "zone", "shop", "from_at", "to_at", "state"]
    list_filter = ["zone"]
    list_select_related = ["shop", "rule"]
    search_fields = ["label", "shop__name"]
    ordering = ["-to_at", "-id"]
    fields = [
        "label", "rule", "zone", "shop", "from_at", "to_at", "closed_at", "stated_at",
        "progress", "still_to_state",
    ]  # fmt: skip
    readonly_fields = ["progress", "still_to_state"]
    inlines = [RestatementInline]
    actions_detail = ["restate_one"]

    @display(
        description="state",
        label={"open": "info", "closed": "success", "stating": "warning"},
    )
    def state(self, row: SettlementPeriod) -> str:
        """Open, closed, or its statements are being written."""
        if row.stating_at and not row.stated_at:
            return "stating"
        return "closed" if row.closed_at else "open"

    @display(description="progress 进度")
    def progress(self, row: SettlementPeriod) -> SafeString:
        """Chunks, orders and money settled; orders left; what a re-statement would tell."""
        told = restating.progress(row)
        lines = [
            f"settled 已结算: {told.orders} orders in {told.runs} chunks, {fen(told.amount_fen)}",
            f"of them late 补结: {told.late_runs} chunks",
            f"left 未结算: {told.left} orders, {told.waiting} of them held or under refund",
            f"changed since 待重述: {told.unstated}",
        ]
        return format_html("<pre>{}</pre>", "\n".join(lines))

    @display(description="statements left 待出结算单")
    def still_to_state(self, row: SettlementPeriod) -> int:
        """Owners whose statement is not written."""
        return StatementDue.objects.filter(period=row).count()

    def has_restate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may re-state."""
        return bool(request.user.has_perm(restating.RESTATE))

    @action(description=RESTATE.title, permissions=["restate"])
    def restate_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Records what has changed in the period on the page."""
        return self.decide_one(request, object_id, RESTATE)


@admin.register(Statement)
class StatementAdmin(ReadOnly, StaffAdmin):
    """Statements, with their first lines; each as the payee gets it."""

    list_display = ["number", "owner_kind", "owner_id", "label", "lines_count", "balance"]
    list_filter = ["owner_kind"]
    list_select_related = ["period", "signed_by"]
    search_fields = ["=number", "=owner_id", "=period__label"]
    search_help_text = "a statement's number, an owner's id, or a period such as 2026-11"
    ordering = ["-id"]
    fields = [
        "number", "owner_kind", "owner_id", "period", "closed_at", "opened_with", "closed_with",
        "lines_count", "late_count", "signed_by", "digest", "first_lines",
    ]  # fmt: skip
    readonly_fields = ["opened_with", "closed_with", "first_lines"]
    actions_detail = ["show_page", "download_csv", "download_xlsx", "download_jsonl"]

    @display(description="period")
    def label(self, row: Statement) -> str:
        """2026-11, and whose midnights."""
        return str(row.period)

    @display(description="closing 期末")
    def balance(self, row: Statement) -> str:
        """All accounts of the owner together, in yuan."""
        return fen(sum(row.closing.values()))

    @display(description="opening 期初")
    def opened_with(self, row: Statement) -> str:
        """By kind of account."""
        return _by_account(row.opening)

    @display(description="closing 期末")
    def closed_with(self, row: Statement) -> str:
        """By kind of account."""
        return _by_account(row.closing)

    @display(description="first lines 明细")
    def first_lines(self, row: Statement) -> SafeString:
        """The first hundred; the files have all."""
        return format_html("<pre>{}</pre>", format_html_join("\n", "{}", _shown(row)))

    @action(description="Page to print 打印")
    def show_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page that the payee sees."""
        return self._file(request, object_id, "html")

    @action(description="CSV")
    def download_csv(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The statement as CSV."""
        return self._file(request, object_id, "csv")

    @action(description="XLSX")
    def download_xlsx(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The statement as XLSX."""
        return self._file(request, object_id, "xlsx")

    @action(description="Signed JSONL 签名文件")
    def download_jsonl(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The statement as signed lines."""
        return self._file(request, object_id, "jsonl")

    def _file(self, request: HttpRequest, object_id: str, kind: str) -> Any:
        row = self.get_object(request, object_id)
        if row is None or not self.has_view_permission(request, row):
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        written, media_type = _FILES[kind]
        shown = "inline" if kind == "html" else "attachment"
        answer = StreamingHttpResponse(
            written(row),
            content_type=media_type,
            headers={"Content-Disposition": f'{shown}; filename="{row.number}.{kind}"'},
        )
        if kind == "html":
            answer["Content-Security-Policy"] = POLICY
        return answer


_FILES = {
    "html": (statements.html_page, "text/html; charset=utf-8"),
    "csv": (statements.csv_file, "text/csv; charset=utf-8"),
    "xlsx": (
        statements.xlsx_file,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    "jsonl": (statements.jsonl_file, "application/jsonl"),
}


def _by_account(balances: dict[str, int]) -> str:
    return ", ".join(f"{account} {fen(balances[account])}" for account in sorted(balances)) or "—"


def _shown(row: Statement) -> Iterable[tuple[str]]:
    for line in statements.page_of_lines(row, size=SHOWN):
        what = line["order"] or line["reference"]
        late = " late" if line["late"] else ""
        yield (
            f"{line['n']:>6}  {line['at']:%Y-%m-%d %H:%M:%S}{late}  {line['account']:<10} "
            f"{fen(line['amount_fen']):>14}  {line['cause']} {what} {line['reason']}",
        )
