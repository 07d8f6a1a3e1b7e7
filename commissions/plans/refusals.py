"""What the linter of plans refuses: a stable code each, and the clause that is broken."""

from typing import Any, ClassVar

from backend.core.errors import Refusal

_LAW = "《禁止传销条例》 Art. 7"


class PlanRefused(Refusal):
    """A plan breaks a rule of the market or of the law; `clause` says which (docs/money.md)."""

    code = "plan_refused"
    status = 422
    title = "The plan breaks a rule"
    clause: ClassVar[str] = "plans"

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail, clause=self.clause, **extra)


class PlanOverHundredPercent(PlanRefused):
    """The shares of a chain, or of the fee, sum to more than the whole."""

    code = "plan_over_hundred_percent"
    title = "The shares sum to more than 100 %"
    clause = "plans 1: the shares of a chain are at most 100 % of the budget"


class PlanTooManyLevels(PlanRefused):
    """More levels are paid than PAYING_LEVELS allows (《禁止传销条例》 Art. 7)."""

    code = "plan_too_many_levels"
    title = "The plan pays more levels than the market allows"
    clause = f"plans 2: the paying levels are capped ({_LAW})"


class PlanPaysRecruiting(PlanRefused):
    """The inviter would earn more than the one who sells: paying for heads, not for sales."""

    code = "plan_pays_recruiting"
    title = "An inviter may not earn more than the promoter"
    clause = f"plans 3: nothing is paid for a head recruited ({_LAW})"


class PlanStartsInPast(PlanRefused):
    """A version would change lines that are already placed."""

    code = "plan_starts_in_past"
    title = "A version cannot start before it is published"
    clause = "plans 4: a version begins when it is published, or later"


class PlanEndsBeforeStart(PlanRefused):
    """A version would end before, or when, it begins."""

    code = "plan_ends_before_start"
    title = "A version ends after it begins"
    clause = "plans 4: a version begins when it is published, or later"


class PlanDefaultEnds(PlanRefused):
    """A default of the market with an end of its own: nothing would be in force after it. Only the
    next default ends one."""

    code = "plan_default_ends"
    title = "A default of the market has no end of its own"
    clause = "plans 12: the market always has a default"


class PlanBeforeLater(PlanRefused):
    """A version that starts later is published already: it would silently be cut off."""

    code = "plan_before_later"
    title = "A later version is published already"
    clause = "plans 4: a version begins when it is published, or later"


class PlanOverCap(PlanRefused):
    """The rate with the highest bonus, or the fixed amount on the cheapest goods, is above the
    platform's cap (COMMISSION_CAP_BPS)."""

    code = "plan_over_cap"
    title = "The plan pays more than the platform's cap"
    clause = "plans 5: rate and bonus together stay within COMMISSION_CAP_BPS"


class PlanOverMargin(PlanRefused):
    """Commission and platform fee together are more than the buyer pays."""

    code = "plan_over_margin"
    title = "The plan pays more than the platform fee leaves"
    clause = "plans 6: commission and platform fee stay within the base"


class PlanTwoRates(PlanRefused):
    """A rate and a fixed amount at once."""

    code = "plan_two_rates"
    title = "A plan has a rate or a fixed amount, not both"
    clause = "plans 7: one way to price a line"


class PlanWithoutRate(PlanRefused):
    """An open plan ranks below the product's offer and needs a rate or amount of its own; a
    bonus needs a rate, not an amount."""

    code = "plan_without_rate"
    title = "The plan needs a rate of its own"
    clause = "plans 7: one way to price a line"


class PlanNeedsTargets(PlanRefused):
    """A targeted or exclusive plan names promoters, agencies or tiers; an open plan and a campaign
    name neither promoters nor agencies."""

    code = "plan_needs_targets"
    title = "The plan's kind and whom it names do not fit"
    clause = "plans 8: who is named follows from the kind"


class PlanNeedsEnd(PlanRefused):
    """A campaign without an end."""

    code = "plan_needs_end"
    title = "A campaign has an end"
    clause = "plans 8: who is named follows from the kind"


class PlanOverlapsExclusive(PlanRefused):
    """Another exclusive plan speaks of the same product and promoter at the same time; `plan`
    and `version_id` name it."""

    code = "plan_overlaps_exclusive"
    title = "Another exclusive plan covers the same product and promoter"
    clause = "plans 9: one exclusive plan for a product and a promoter"


class PlanCapsContradict(PlanRefused):
    """A cap of an order is above that of a day, a day's above a month's, or one above the fund."""

    code = "plan_caps_contradict"
    title = "The caps contradict each other"
    clause = "plans 10: order ≤ day ≤ month ≤ fund"


class PlanTargetUnknown(PlanRefused):
    """A promoter, agency or product that the plan names does not exist, or is not the shop's."""

    code = "plan_target_unknown"
    title = "The plan names somebody or something unknown"
    clause = "plans 11: a plan names what is there"


class PlanAgencySuspended(PlanRefused):
    """An agency that the plan names is suspended: it takes nobody in."""

    code = "plan_agency_suspended"
    title = "The plan names an agency that is suspended"
    clause = "plans 11: a plan names what is there"


class FundBelowUse(Refusal):
    """The fund would be smaller than what lines have taken of it."""

    code = "fund_below_use"
    status = 409
    title = "More of the fund is used already"
