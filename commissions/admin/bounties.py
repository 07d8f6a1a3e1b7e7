"""Bounties at the desk: drafted through the linter, published for ever, with their awards."""

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display

from backend.accounts.models import Account
from backend.core.clock import now
from backend.core.deciding import DecidingAdmin, Decision
from backend.core.staff import ReadOnlyInline, fen
from commissions import bounties
from commissions.models import Bounty, BountyAward

MAY = ["decide"]
PUBLISH = Decision(
    title="Publish 发布",
    done="published; its terms never change from now on",
    act=lambda row, by, _, at: bounties.publish(bounty_id=row.pk, by=by, at=at),
    needs_code=True,
)
TERMS = ["goal", "target", "reward_fen", "budget_fen", "starts_at", "ends_at", "hold_days"]


class BountyForm(forms.ModelForm):
    """A draft of the platform's own: refused on the page by the linter that guards publishing."""

    class Meta:
        model = Bounty
        fields = ["title", "shop", *TERMS]

    def clean(self) -> dict[str, Any] | None:
        """Asks the linter."""
        cleaned = super().clean()
        if not self.errors:
            terms = {name: self.cleaned_data[name] for name in TERMS}
            for problem in bounties.lint(**terms, at=now()):
                self.add_error(None, f"{problem.title}. {problem.detail}")
        return cleaned


class AwardInline(ReadOnlyInline):
    """Who is promised, or was paid, the reward."""

    model = BountyAward
    fields = ["account", "amount", "reached", "status", "reason", "matures_at", "finished_at"]
    readonly_fields = ["amount"]
    ordering = ["id"]
    per_page = 50

    def get_queryset(self, request: HttpRequest) -> Any:
        """The person comes along."""
        return super().get_queryset(request).select_related("account")

    @display(description="reward 奖励")
    def amount(self, row: BountyAward) -> str:
        """In yuan."""
        return fen(row.reward_fen)


@admin.register(Bounty)
class BountyAdmin(DecidingAdmin):
    """Bounties: drafted, published for ever, ended when every award has."""

    form = BountyForm
    list_display = ["title", "shop", "goal", "target", "reward", "funded", "state", "ends_at"]
    list_filter = ["status", "goal"]
    list_select_related = ["shop"]
    search_fields = ["title", "shop__name"]
    ordering = ["-id"]
    autocomplete_fields = ["shop"]
    inlines = [AwardInline]
    actions_detail = ["publish_one"]
    offered = {"publish_one": frozenset({Bounty.Status.DRAFT})}

    @display(description="reward 奖励", ordering="reward_fen")
    def reward(self, row: Bounty) -> str:
        """In yuan."""
        return fen(row.reward_fen)

    @display(description="funded 预算", ordering="budget_fen")
    def funded(self, row: Bounty) -> str:
        """In yuan."""
        return fen(row.budget_fen)

    @display(
        description="status",
        ordering="status",
        label={"draft": "info", "published": "success", "ended": "default"},
    )
    def state(self, row: Bounty) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may decide may draft."""
        return self.has_decide_permission(request)

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        """A bounty that is being typed has no awards."""
        return [] if obj is None else list(self.inlines)

    def save_model(
        self, request: HttpRequest, obj: Bounty, form: forms.ModelForm, change: bool
    ) -> None:
        """Drafts it through the verb."""
        typed = cast(BountyForm, form).cleaned_data
        shop = typed["shop"]
        made = bounties.draft(
            title=typed["title"],
            shop_id=shop.pk if shop else None,
            **{name: typed[name] for name in TERMS},
            by=cast(Account, request.user),
            at=now(),
        )
        obj.pk, obj.status = made.pk, made.status
        obj.created_by, obj.created_at = made.created_by, made.created_at

    @action(description=PUBLISH.title, permissions=MAY)
    def publish_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Publishes the draft on the page."""
        return self.decide_one(request, object_id, PUBLISH)
