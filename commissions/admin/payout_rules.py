"""Payout rules at the desk: dated rows, published, never edited."""

from functools import partial
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from backend.accounts.models import Account
from backend.core.asking import Question, ask
from backend.core.clock import now
from backend.core.money import MAX_FEN
from backend.core.staff import ReadOnly, StaffAdmin, fen
from commissions import payout_rules
from commissions.models import PayoutRule
from commissions.models.payout_rule import DAY_MINUTES


class Days(forms.Field):
    """Numbers of days with commas between them; nothing is every day."""

    widget = UnfoldAdminTextInputWidget

    def to_python(self, value: Any) -> list[int]:
        """The numbers.

        :raises ValidationError: something else stands between the commas.
        """
        words = [word.strip() for word in str(value or "").split(",") if word.strip()]
        if not all(word.isascii() and word.isdigit() and len(word) < 3 for word in words):
            raise forms.ValidationError("Numbers with commas between them: 1, 2, 5.")
        return sorted({int(word) for word in words})


def _fen(label: str, *, required: bool = False, least: int = 0) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        required=required,
        min_value=least,
        max_value=MAX_FEN,
        widget=UnfoldAdminIntegerFieldWidget,
    )


def _minute(label: str, initial: int) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        initial=initial,
        min_value=0,
        max_value=DAY_MINUTES,
        help_text="minute of the day: 540 is 9:00, 1080 is 18:00",
        widget=UnfoldAdminIntegerFieldWidget,
    )


class PayoutRuleForm(forms.Form):
    """A rule, whole: what is left empty is not limited."""

    effective_from = forms.SplitDateTimeField(
        label="From 生效时间", required=False, widget=UnfoldAdminSplitDateTimeWidget,
        help_text="empty: from now on",
    )  # fmt: skip
    minimum_fen = _fen("Minimum, fen 最低金额（分）", required=True, least=1)
    fee_fen = _fen("Fee, fixed part, fen 固定手续费（分）")
    fee_bps = forms.IntegerField(
        label="Fee, share, basis points 费率（万分之一）", required=False, min_value=0,
        max_value=5_000, widget=UnfoldAdminIntegerFieldWidget,
    )  # fmt: skip
    fee_least_fen = _fen("Fee at least, fen 手续费下限（分）")
    fee_most_fen = _fen("Fee at most, fen 手续费上限（分）")
    request_weekdays = Days(label="Asked for on weekdays 可申请星期", required=False)
    request_month_days = Days(label="Asked for on days 可申请日期", required=False)
    request_from = _minute("Asked for from 申请开始", 0)
    request_to = _minute("Asked for to 申请截止", DAY_MINUTES)
    send_weekdays = Days(label="Sent on weekdays 打款星期", required=False)
    send_month_days = Days(label="Sent on days 打款日期", required=False)
    send_from = _minute("Sent from 打款开始", 0)
    send_to = _minute("Sent to 打款截止", DAY_MINUTES)
    person_daily_count = _fen("A person's payouts a day 每人每日次数", least=1)
    person_daily_fen = _fen("A person's fen a day 每人每日金额（分）", least=1)
    market_daily_count = _fen("All payouts a day 全平台每日次数", least=1)
    market_daily_fen = _fen("All fen a day 全平台每日金额（分）", least=1)
    second_over_fen = _fen("Two checkers above, fen 超过须二次复核（分）")
    tax_method = forms.ChoiceField(
        label="Tax 代扣个人所得税",
        choices=PayoutRule.TaxMethod.choices,
        widget=UnfoldAdminSelectWidget,
    )
    note = forms.CharField(
        max_length=300, label="Why 说明", widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )


PUBLISH = Question(
    title="Publish a rule 发布规则",
    note="It holds from its instant on until a later one begins. Payouts that were asked for keep "
    "the rule they were asked under.",
    form=PayoutRuleForm,
    needs_code=True,
)


@admin.register(PayoutRule)
class PayoutRuleAdmin(ReadOnly, StaffAdmin):
    """Payout rules, the latest first."""

    list_display = [
        "effective_from", "minimum", "fee", "second_over", "tax_method", "made_by", "note",
    ]  # fmt: skip
    list_select_related = ["made_by"]
    ordering = ["-effective_from"]
    actions_list = ["publish"]

    @display(description="minimum 最低金额", ordering="minimum_fen")
    def minimum(self, row: PayoutRule) -> str:
        """In yuan."""
        return fen(row.minimum_fen)

    @display(description="fee 手续费")
    def fee(self, row: PayoutRule) -> str:
        """Fixed part and share."""
        return f"{fen(row.fee_fen)} + {row.fee_bps} bps"

    @display(description="two checkers above 超过须二次复核", ordering="second_over_fen")
    def second_over(self, row: PayoutRule) -> str:
        """In yuan."""
        return fen(row.second_over_fen)

    def has_publish_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who set the rules."""
        return bool(request.user.has_perm(payout_rules.PUBLISH))

    @action(description=PUBLISH.title, permissions=["publish"], url_path="publish")
    def publish(self, request: HttpRequest) -> HttpResponse:
        """Publishes a rule."""
        return ask(self, request, None, PUBLISH, partial(_publish, request))


def _publish(request: HttpRequest, _: None, form: forms.Form) -> HttpResponse:
    at = now()
    given = {name: value for name, value in form.cleaned_data.items() if name != "code"}
    # An empty number is no limit, but a fee of nothing.
    given |= {name: given[name] or 0 for name in ("fee_fen", "fee_bps", "fee_least_fen")}
    given["effective_from"] = given["effective_from"] or at
    rule = payout_rules.publish(**given, by=cast(Account, request.user), at=at)
    return HttpResponseRedirect(reverse("admin:commissions_payoutrule_change", args=[rule.pk]))
