"""Staff pages of plans: drafts, the preview before publishing, ends, exposure; and promoters'
tiers. Facts are shown, decisions call the verbs."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from backend.core.clock import now
from backend.core.deciding import Asking, DecidingAdmin, Decision
from backend.core.staff import ReadOnly, ReadOnlyInline, StaffAdmin, fen, in_words
from commissions import plans, whatif
from commissions.admin import drawing
from commissions.models import CommissionPlan, PlanVersion, Promoter, TierChange, WhatIf
from commissions.split import Shares

MAY = ["decide"]
_MOST = 10_000


def _whom(version: PlanVersion) -> str:
    """What the page that asks says before it publishes: whom the version touches."""
    return f"{version.plan} {version}. " + plans.preview_words(version)


PUBLISH = Decision(
    title="Publish 发布",
    done="published; it never changes from now on",
    act=lambda row, by, _, at: plans.publish(version_id=row.pk, by=by, at=at),
    needs_code=True,
    says=_whom,
)
END = Decision(
    title="End 结束",
    done="ended",
    act=lambda row, by, why, at: plans.end(version_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
)


TRY = Decision(
    title="What if? 试算",
    done="queued over the orders of the last 30 days",
    act=lambda row, by, _, at: whatif.ask(
        owner=None,
        by=by,
        shop_id=row.shop_id,
        version_id=row.pk,
        from_at=at - timedelta(days=30),
        to_at=at,
        at=at,
    ),
)


def _tier(tier: str) -> Decision:
    return Decision(
        title=f"Tier {Promoter.Tier(tier).label}",
        done=f"is of tier {tier} now",
        act=lambda row, by, why, at: plans.set_tier(
            promoter_id=row.pk, tier=tier, by=by, reason=why, at=at
        ),
        needs_reason=True,
    )


STANDARD, SILVER, GOLD = (_tier(tier) for tier in Promoter.Tier.values)


class TierActions(Asking):
    """Puts the promoter on a page into a tier, with a reason; for the promoters' page."""

    names = ("standard_one", "silver_one", "gold_one")

    @action(description=STANDARD.title, permissions=MAY)
    def standard_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Puts the promoter on the page into the standard tier."""
        return self.decide_one(request, object_id, STANDARD)

    @action(description=SILVER.title, permissions=MAY)
    def silver_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Puts the promoter on the page into the silver tier."""
        return self.decide_one(request, object_id, SILVER)

    @action(description=GOLD.title, permissions=MAY)
    def gold_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Puts the promoter on the page into the gold tier."""
        return self.decide_one(request, object_id, GOLD)


class TierInline(ReadOnlyInline):
    """Which tier this promoter was in, since when."""

    model = TierChange
    fields = ["tier", "from_at", "reason"]


def _words(text: str) -> list[str]:
    return [word for word in text.replace("，", ",").replace(",", " ").split() if word]


class _Number(forms.IntegerField):
    """A number that may be left out."""

    def __init__(self, *, most: int | None = None, **more: Any) -> None:
        least = more.pop("least", 0)
        widget = UnfoldAdminIntegerFieldWidget
        super().__init__(required=False, min_value=least, max_value=most, widget=widget, **more)


class _Typed(forms.CharField):
    """Words that may be left out."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**{"required": False, "widget": UnfoldAdminTextInputWidget, **more})


class PlanVersionForm(forms.ModelForm):
    """A draft: refused on the page by the same linter that guards publishing."""

    name = _Typed(required=True, max_length=60, initial=plans.DEFAULT_NAME, help_text="of the plan")
    kind = forms.ChoiceField(
        choices=CommissionPlan.Kind.choices, required=False, widget=UnfoldAdminSelectWidget
    )
    shop_id = _Number(least=1, label="Shop", help_text="its number; empty: the platform's")
    products = _Typed(help_text="their numbers; empty: all")
    promoters = _Typed(help_text="their handles; empty: all")
    agencies = _Typed(help_text="their owners' handles: their members are meant; empty: all")
    tiers = forms.MultipleChoiceField(
        choices=Promoter.Tier.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="none ticked: all",
    )
    silver_bonus_bps = _Number(most=_MOST)
    gold_bonus_bps = _Number(most=_MOST)
    funded_fen = _Number(label="Budget in fen", help_text="of the whole plan; empty: unlimited")
    inviter2_bps = _Number(
        most=_MOST, help_text="the inviter's inviter; only where the market pays three levels"
    )

    class Meta:
        model = PlanVersion
        fields = [
            "rate_bps",
            "unit_fen",
            "promoter_bps",
            "inviter_bps",
            "inviter2_bps",
            "creator_bps",
            "charity_bps",
            "cap_order_fen",
            "cap_day_fen",
            "cap_month_fen",
            "starts_at",
            "ends_at",
        ]

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if "charity_bps" in self.fields:
            self.fields["charity_bps"].initial = plans.charity_bps(now())

    def validate_constraints(self) -> None:
        """The linter says it in words; what it does not know the database refuses."""

    def clean_inviter2_bps(self) -> int:
        """Nothing where nothing was typed."""
        return int(self.cleaned_data["inviter2_bps"] or 0)

    def drafted(self) -> dict[str, Any]:
        """What was typed, as the verb takes it.

        :raises ValueError: a product's number that is none.
        """
        typed = self.cleaned_data
        bonuses = {"silver": typed["silver_bonus_bps"], "gold": typed["gold_bonus_bps"]}
        fields = {name: typed[name] for name in self.Meta.fields}
        fields |= {
            "products": [int(word) for word in _words(typed["products"])],
            "promoters": _words(typed["promoters"]),
            "agencies": _words(typed["agencies"]),
            "tiers": sorted(typed["tiers"]),
            "tier_bonuses": {tier: bps for tier, bps in bonuses.items() if bps},
        }
        return {
            "name": typed["name"],
            "kind": typed["kind"] or CommissionPlan.Kind.OPEN,
            "shop_id": typed["shop_id"],
            "funded_fen": typed["funded_fen"],
            "fields": fields,
        }

    def clean(self) -> dict[str, Any] | None:
        """Asks the linter."""
        cleaned = super().clean()
        if self.cleaned_data.get("shop_id") and "charity_bps" in self.changed_data:
            self.add_error("charity_bps", "The same for every shop: the platform's plan says it.")
        if not self.errors:
            try:
                problems = plans.would_break(**self.drafted(), at=now())
            except ValueError:
                problems = []
                self.add_error("products", "Numbers, with commas between them.")
            for problem in problems:
                self.add_error(None, problem.detail)
        return cleaned


_TYPED = [
    "name", "kind", "shop_id", *PlanVersionForm.Meta.fields, "products", "promoters", "agencies",
    "tiers", "silver_bonus_bps", "gold_bonus_bps", "funded_fen",
]  # fmt: skip


@admin.register(PlanVersion)
class PlanVersionAdmin(DecidingAdmin):
    """Plans: a version is drafted, then published for ever; a mistake is a new draft."""

    form = PlanVersionForm
    list_display = [
        "plan",
        "number",
        "kind",
        "shop",
        "pays",
        "starts_at",
        "ends_at",
        "published_at",
    ]
    list_select_related = ["plan", "shop"]
    list_filter = ["plan__kind"]
    search_fields = ["plan__name", "shop__name"]
    ordering = ["-id"]
    actions_detail = ["publish_one", "end_one", "try_one"]
    readonly_fields = ["named", "affected", "exposed"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may decide may draft."""
        return self.has_decide_permission(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A draft that is being typed touches nobody yet."""
        return super().get_readonly_fields(request, obj) if obj is not None else []

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """A draft is typed by its plan's name; a stored version shows everything."""
        if obj is None:
            return list(_TYPED)
        numbers = [*PlanVersionForm.Meta.fields, "all_products", "all_promoters"]
        named = ["named", "tier_bonuses", "is_default", "published_at", "affected", "exposed"]
        return ["plan", "number", *numbers, *named]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Publishing is offered while it is a draft, ending once it is published."""
        row = self.get_object(request, str(object_id))
        allowed: list[Any] = StaffAdmin.get_actions_detail(self, request, object_id)
        if row is None or row.is_default:
            return []
        fits = ("publish_one" if row.published_at is None else "end_one", "try_one")
        return [one for one in allowed if one.action_name.endswith(fits)]

    def save_model(
        self, request: HttpRequest, obj: PlanVersion, form: forms.ModelForm, change: bool
    ) -> None:
        """Drafts it through the verb, which numbers it."""
        assert isinstance(form, PlanVersionForm)
        made = plans.draft_for(**form.drafted(), by=request.user, at=now())
        obj.pk, obj.plan, obj.number = made.pk, made.plan, made.number

    @display(description="kind")
    def kind(self, row: PlanVersion) -> str:
        """The kind of its plan."""
        return row.plan.get_kind_display()

    @display(description="pays")
    def pays(self, row: PlanVersion) -> str:
        """Its rate or amount, and how it is shared."""
        rate = "the product's offer" if row.rate_bps is None else f"{row.rate_bps} bps"
        if row.unit_fen is not None:
            rate = f"{fen(row.unit_fen)} a unit"
        shares = Shares(**{name: getattr(row, name) for name in Shares._fields})
        return f"{rate}: {shares.promoter_bps} + {shares.inviter_bps} | {shares.creator_bps}"

    @display(description="whom it names")
    def named(self, row: PlanVersion) -> SafeString:
        """Promoters, agencies and tiers by name."""
        return in_words(plans.named_words(row))

    @display(description="who is affected")
    def affected(self, row: PlanVersion) -> SafeString:
        """The preview, in words."""
        return in_words(plans.preview_words(row))

    @display(description="exposure")
    def exposed(self, row: PlanVersion) -> SafeString:
        """What the plan stands for, against its budget."""
        return in_words(plans.exposure_words(row.plan))

    @action(description=PUBLISH.title, permissions=MAY)
    def publish_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Publishes the draft on the page."""
        return self.decide_one(request, object_id, PUBLISH)

    @action(description=TRY.title, permissions=MAY)
    def try_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Queues a what-if of the version over the last 30 days."""
        return self.decide_one(request, object_id, TRY)

    @action(description=END.title, permissions=MAY)
    def end_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ends the published version on the page, with a reason."""
        return self.decide_one(request, object_id, END)


@admin.register(WhatIf)
class WhatIfAdmin(ReadOnly, StaffAdmin):
    """What-ifs, with their results in words."""

    list_display = ["id", "version", "shop", "from_at", "to_at", "status", "seen", "lines"]
    list_select_related = ["version", "shop"]
    list_filter = ["status"]
    ordering = ["-id"]
    fields = ["told", *list_display[1:], "asked_by", "asked_at"]
    readonly_fields = ["told"]

    @display(description="result")
    def told(self, row: WhatIf) -> SafeString:
        """Cost, margin, winners, losers and caps as bars; the same in words below."""
        text = whatif.words(row.pk)
        found = whatif.of(owner=None, what_if_id=row.pk).result
        if found is None:
            return drawing.said([text])
        folded = drawing.words(text, "The same in words 文字说明")
        return format_html("{}{}", drawing.what_if(found), folded)
