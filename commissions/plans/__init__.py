"""Plans 分佣方案: who sets what a sale pays, in which order, and which share of it each role gets.

    exclusive > targeted > campaign > product offer > promoter tier > shop > platform

The first step that applies to a line as of the instant its order was placed wins, whole: its
rate, its shares, its caps and its fund (docs/money.md). What won is written on the commission
order once. A published version never changes (the database refuses).
"""

from commissions.plans.applying import PRECEDENCE, Applied, Sold, apply
from commissions.plans.drafting import (
    MOST,
    change,
    create,
    draft,
    draft_for,
    end,
    next_version,
    publish,
    set_fund,
    set_tier,
    would_break,
)
from commissions.plans.exposure import exposure, exposure_words
from commissions.plans.linter import lint, lint_version, paying_levels
from commissions.plans.preview import named_words, preview, preview_words, step_of
from commissions.plans.refusals import (
    FundBelowUse,
    PlanAgencySuspended,
    PlanBeforeLater,
    PlanCapsContradict,
    PlanDefaultEnds,
    PlanEndsBeforeStart,
    PlanNeedsEnd,
    PlanNeedsTargets,
    PlanOverCap,
    PlanOverHundredPercent,
    PlanOverlapsExclusive,
    PlanOverMargin,
    PlanPaysRecruiting,
    PlanRefused,
    PlanStartsInPast,
    PlanTargetUnknown,
    PlanTooManyLevels,
    PlanTwoRates,
    PlanWithoutRate,
)
from commissions.plans.returning import give_back
from commissions.plans.shown import of_shop, plan_of, problems, version_of
from commissions.plans.versions import (
    DEFAULT_NAME,
    DEFAULT_SINCE,
    IN_FORCE,
    OFFERING,
    charity_bps,
    default_version,
    ensure_default,
    shares_of,
)

__all__ = [
    "DEFAULT_NAME",
    "DEFAULT_SINCE",
    "IN_FORCE",
    "MOST",
    "OFFERING",
    "PRECEDENCE",
    "Applied",
    "FundBelowUse",
    "PlanAgencySuspended",
    "PlanBeforeLater",
    "PlanCapsContradict",
    "PlanDefaultEnds",
    "PlanEndsBeforeStart",
    "PlanNeedsEnd",
    "PlanNeedsTargets",
    "PlanOverCap",
    "PlanOverHundredPercent",
    "PlanOverMargin",
    "PlanOverlapsExclusive",
    "PlanPaysRecruiting",
    "PlanRefused",
    "PlanStartsInPast",
    "PlanTargetUnknown",
    "PlanTooManyLevels",
    "PlanTwoRates",
    "PlanWithoutRate",
    "Sold",
    "apply",
    "change",
    "charity_bps",
    "create",
    "default_version",
    "draft",
    "draft_for",
    "end",
    "ensure_default",
    "exposure",
    "exposure_words",
    "give_back",
    "lint",
    "lint_version",
    "named_words",
    "next_version",
    "of_shop",
    "paying_levels",
    "plan_of",
    "preview",
    "preview_words",
    "problems",
    "publish",
    "set_fund",
    "set_tier",
    "shares_of",
    "step_of",
    "version_of",
    "would_break",
]
