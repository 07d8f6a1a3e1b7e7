"""Bounties 任务奖励: a fixed reward for what one has sold, out of a funded amount (K18).

Evaluated set-based: whoever reached the goal with orders paid within [starts_at, ends_at) is
promised the reward, in the order in which they are found (among those found at once, whose last
order is the earliest), until the funded amount is used up. After the
hold the goal is measured again: what refunds took back is void, the rest is paid by one journal
each. Where it is reached with a line alone that is held, by a dispute or for its risk, the award
waits until that is decided: whoever funds a reward may open a dispute. A reward for recruiting does
not exist, by the linter and by the table.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import NotFound, Refusal
from backend.core.money import MAX_FEN
from backend.core.sql import numbers, rows
from backend.core.states import move_one
from commissions import ledger
from commissions.models import Bounty, BountyAward
from shops.models import Shop

Status = Bounty.Status
AwardStatus = BountyAward.Status
# Goals that somebody may ask for and nobody gets, with the clause that forbids them.
RECRUITING = ("recruits", "invites", "team")


class BountyRefused(Refusal):
    """A bounty breaks a rule of the market or of the law."""

    code = "bounty_refused"
    status = 422
    title = "The bounty breaks a rule"


class BountyPaysRecruiting(BountyRefused):
    """Nobody is ever paid for bringing people: 《禁止传销条例》 Art. 7 (1), paying by the number
    of people recruited."""

    code = "bounty_pays_recruiting"
    title = "A bounty rewards sales, never recruited heads (《禁止传销条例》 Art. 7 (1))"


class BountyUnfunded(BountyRefused):
    """The funded amount does not pay for one reward."""

    code = "bounty_unfunded"
    title = "The funded amount is less than one reward"


class BountyOverSales(BountyRefused):
    """The reward is more than the sales it asks for: money for nothing, or a way to launder it."""

    code = "bounty_over_sales"
    title = "The reward exceeds the sales that it asks for"


class BountyPeriodWrong(BountyRefused):
    """It ends before it begins, begins in the past, or lasts longer than a year."""

    code = "bounty_period_wrong"
    title = "The period is not one of the future, of a year at most"


class BountyTermsWrong(BountyRefused):
    """A goal, target, reward or hold that is none."""

    code = "bounty_terms_wrong"
    title = "A number of the bounty is out of range"


def lint(
    *,
    goal: str,
    target: int,
    reward_fen: int,
    budget_fen: int,
    starts_at: datetime,
    ends_at: datetime,
    hold_days: int,
    at: datetime,
) -> list[BountyRefused]:
    """Everything that forbids publishing these terms; empty where nothing does."""
    found: list[BountyRefused] = []
    if goal in RECRUITING:
        found.append(BountyPaysRecruiting())
    elif goal not in Bounty.Goal.values:
        found.append(BountyTermsWrong("The goal is orders or sales."))
    amounts = (target, reward_fen, budget_fen)
    if min(amounts) < 1 or max(amounts) > MAX_FEN or not 0 <= hold_days <= 365:
        found.append(BountyTermsWrong())
    if budget_fen < reward_fen:
        found.append(BountyUnfunded())
    if goal == Bounty.Goal.SALES and reward_fen > target:
        found.append(BountyOverSales())
    lasts = ends_at - starts_at
    in_time = at <= starts_at and ends_at.year < 3000  # what a calendar can still add days to
    if not (in_time and timedelta(0) < lasts <= timedelta(days=366)):
        found.append(BountyPeriodWrong())
    return found


def draft(
    *,
    title: str,
    goal: str,
    target: int,
    reward_fen: int,
    budget_fen: int,
    starts_at: datetime,
    ends_at: datetime,
    hold_days: int,
    by: Account,
    at: datetime,
    shop_id: int | None = None,
) -> Bounty:
    """A new bounty that nobody sees yet; of a shop, or of the platform.

    :raises BountyRefused: the first thing that `lint` finds.
    """
    terms: dict[str, Any] = {
        "goal": goal,
        "target": target,
        "reward_fen": reward_fen,
        "budget_fen": budget_fen,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "hold_days": hold_days,
    }
    for problem in lint(**terms, at=at):
        raise problem
    return Bounty.objects.create(
        title=title, shop_id=shop_id, created_by=by, created_at=at, **terms
    )


def offer(*, account: Account, shop_id: int, at: datetime, **terms: Any) -> Bounty:
    """A bounty of the account's own shop, published at once.

    :raises NotFound: not the account's shop.
    :raises BountyRefused: the first thing that `lint` finds.
    """
    if not Shop.objects.filter(pk=shop_id, account=account).exists():
        raise NotFound()
    with transaction.atomic():
        made = draft(shop_id=shop_id, by=account, at=at, **terms)
        return publish(bounty_id=made.pk, by=account, at=at)


def publish(*, bounty_id: int, by: Any, at: datetime) -> Bounty:
    """Lets promoters see it; its terms never change from now on.

    :raises NotFound: no such bounty.
    :raises WrongState: it is no draft.
    :raises BountyRefused: the first thing that `lint` finds.
    """
    with transaction.atomic():
        bounty = _locked(bounty_id)
        if bounty.status == Status.DRAFT:
            for problem in lint(**_terms(bounty), at=at):
                raise problem
        move_one(bounty, transitions=Bounty.TRANSITIONS, to=Status.PUBLISHED)
        audit.note(
            actor=by,
            action="bounty.publish",
            target=bounty,
            at=at,
            reward_fen=bounty.reward_fen,
            budget_fen=bounty.budget_fen,
        )
    return bounty


def _terms(bounty: Bounty) -> dict[str, Any]:
    names = ("goal", "target", "reward_fen", "budget_fen", "starts_at", "ends_at", "hold_days")
    return {name: getattr(bounty, name) for name in names}


def _locked(bounty_id: int) -> Bounty:
    rows_of = Bounty.objects.select_for_update(no_key=True, of=("self",))
    bounty = rows_of.filter(pk=bounty_id).first()  # one row
    if bounty is None:
        raise NotFound()
    return bounty


# What each promoter has sold for a bounty `b`: orders paid within its period, at the bounty's shop
# or anywhere, what refunds left of them. Whose a line is, its parts say, also after an override.
# What is held, or was ended by a person, does not count; `_HELD` says what is reached with it.
_FREE, _HELD = "AND c.held_reason = ''", ""
_SOLD = """
SELECT p.account_id, max(o.paid_at) AS last_at,
    CASE b.goal WHEN 'orders' THEN count(DISTINCT o.id)
                ELSE sum(l.paid_fen - l.refunded_fen)::bigint END AS reached
FROM shops_order o JOIN shops_orderline l ON l.order_id = o.id
JOIN commissions_commissionorder c ON c.order_line_id = l.id
JOIN commissions_commissionsplit s ON s.commission_id = c.id AND s.role = 'promoter'
JOIN commissions_promoter p ON p.account_id = s.payee_id
WHERE o.paid_day BETWEEN (b.starts_at AT TIME ZONE 'Asia/Shanghai')::date
                     AND (b.ends_at AT TIME ZONE 'Asia/Shanghai')::date
  AND o.paid_at >= b.starts_at AND o.paid_at < b.ends_at
  AND (b.shop_id IS NULL OR o.shop_id = b.shop_id)
  AND l.refunded_fen < l.paid_fen AND c.status <> 'invalid' {held}
  {who}
GROUP BY p.account_id
"""
_PROMISE = f"""
WITH b AS (SELECT * FROM commissions_bounty WHERE id = %(bounty)s),
sold AS (SELECT s.* FROM b CROSS JOIN LATERAL (
    {_SOLD.format(held=_FREE, who="AND p.status = 'active'")}) s),
new AS (
    SELECT sold.*, row_number() OVER (ORDER BY sold.last_at, sold.account_id) AS place
    FROM sold CROSS JOIN b WHERE sold.reached >= b.target AND NOT EXISTS (
        SELECT 1 FROM commissions_bountyaward w
        WHERE w.bounty_id = b.id AND w.account_id = sold.account_id)
),
used AS (
    SELECT coalesce(sum(reward_fen), 0) AS fen FROM commissions_bountyaward
    WHERE bounty_id = %(bounty)s AND status <> 'void'
)
INSERT INTO commissions_bountyaward
    (bounty_id, account_id, reward_fen, reached, status, reason, promised_at, matures_at)
SELECT b.id, new.account_id, b.reward_fen, new.reached, 'promised', '', %(at)s::timestamptz,
    b.ends_at + make_interval(days => b.hold_days)
FROM new CROSS JOIN b CROSS JOIN used
WHERE used.fen + new.place * b.reward_fen <= b.budget_fen
ORDER BY new.place RETURNING id
"""


# Whoever would be promised a reward, had nobody held a line of theirs.
_MAY_YET = f"""
SELECT 1 FROM commissions_bounty b
CROSS JOIN LATERAL ({_SOLD.format(held=_HELD, who="AND p.status = 'active'")}) s
WHERE b.id = %(bounty)s AND s.reached >= b.target
  AND NOT EXISTS (SELECT 1 FROM commissions_bountyaward w
      WHERE w.bounty_id = b.id AND w.account_id = s.account_id)
  AND b.reward_fen + (SELECT coalesce(sum(w.reward_fen), 0) FROM commissions_bountyaward w
      WHERE w.bounty_id = b.id AND w.status <> 'void') <= b.budget_fen
LIMIT 1
"""


def evaluate(*, at: datetime) -> int:
    """Promises the rewards of every published bounty that has begun; returns how many are new. A
    bounty is locked while it is measured, so two who evaluate never promise more than is funded.
    Bounties whose every award has ended, and whose hold is over, end, unless a line that is held
    may yet bring somebody a reward."""
    made = 0
    found = Bounty.objects.filter(status=Status.PUBLISHED, starts_at__lte=at).order_by("id")
    for bounty_id in found.values_list("id", flat=True)[:1_000]:
        with transaction.atomic():
            bounty = _locked(bounty_id)
            made += len(rows(_PROMISE, {"bounty": bounty.pk, "at": at}))
            over = bounty.ends_at + timedelta(days=bounty.hold_days) <= at
            if over and bounty.status == Status.PUBLISHED and not _waits(bounty):
                move_one(bounty, transitions=Bounty.TRANSITIONS, to=Status.ENDED)
    return made


def _waits(bounty: Bounty) -> bool:
    promised = BountyAward.objects.filter(bounty=bounty, status=AwardStatus.PROMISED)
    return promised.exists() or bool(rows(_MAY_YET, {"bounty": bounty.pk}))


# The oldest promises whose hold is over, from a place on: behind those that wait for a decision
# others are due. What another worker pays is skipped.
_DUE = """
SELECT id, matures_at FROM commissions_bountyaward
WHERE status = 'promised' AND matures_at <= %(at)s::timestamptz
  AND (matures_at, id) > (%(from_at)s::timestamptz, %(from_id)s::bigint)
ORDER BY matures_at, id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
"""
_STILL = """
SELECT w.id FROM commissions_bountyaward w JOIN commissions_bounty b ON b.id = w.bounty_id
CROSS JOIN LATERAL ({sold}) s
WHERE w.id = ANY(%s::bigint[]) AND s.reached >= b.target
"""
_STANDS = _STILL.format(sold=_SOLD.format(held=_FREE, who="AND p.account_id = w.account_id"))
_MAY_STAND = _STILL.format(sold=_SOLD.format(held=_HELD, who="AND p.account_id = w.account_id"))


def pay_due(*, at: datetime, limit: int = 500) -> int:
    """Pays the promises whose hold is over and whose goal still stands, and voids those whose goal
    is lost, `limit` in a transaction; what stands with a held line alone goes on waiting. Returns
    how many were paid. Each is paid once: its journal's id is the award."""
    paid = 0
    place: dict[str, Any] = {"from_at": "-infinity", "from_id": 0}
    while True:
        with transaction.atomic():
            due = rows(_DUE, {"at": at, "limit": limit, **place})
            if due:
                paid += _pay([row["id"] for row in due], at)
        if len(due) < limit:
            return paid
        place = {"from_at": due[-1]["matures_at"], "from_id": due[-1]["id"]}


def _pay(due: list[int], at: datetime) -> int:
    stands = {row["id"] for row in rows(_STANDS, [numbers(due)])}
    lost = set(due) - stands
    if lost:
        lost -= {row["id"] for row in rows(_MAY_STAND, [numbers(sorted(lost))])}
    over = BountyAward.objects.filter(pk__in=stands | lost)
    awards = over.select_related("bounty").order_by("id")
    postings = [_finish(award, is_paid=award.pk in stands, at=at) for award in awards]
    ledger.post([posting for posting in postings if posting], at=at)
    return len(stands)


def _finish(award: BountyAward, *, is_paid: bool, at: datetime) -> ledger.Posting | None:
    """Ends an award; the journal that pays it: funder → the promoter's available."""
    lost = BountyAward.Reason.GOAL_LOST
    move_one(
        award,
        transitions=BountyAward.TRANSITIONS,
        to=AwardStatus.PAID if is_paid else AwardStatus.VOID,
        reason="" if is_paid else lost,
        finished_at=at,
    )
    if not is_paid:
        return None
    shop_id = award.bounty.shop_id
    funder = (
        ledger.AccountKey(ledger.Owner.SHOP, shop_id, ledger.Kind.PAYABLE)
        if shop_id
        else ledger.AccountKey(ledger.Owner.PLATFORM, 0, ledger.Kind.AVAILABLE)
    )
    person = ledger.AccountKey(ledger.Owner.PERSON, award.account_id, ledger.Kind.AVAILABLE)
    legs = [(person, award.reward_fen), (funder, -award.reward_fen)]
    return ledger.Posting(ledger.JournalKind.BOUNTY, award.pk, legs)


_OPEN = f"""
SELECT b.id, b.title, shop.name AS shop, b.goal, b.target, b.reward_fen,
    b.budget_fen, b.starts_at, b.ends_at, b.hold_days, b.status,
    b.budget_fen - coalesce((SELECT sum(w.reward_fen)::bigint FROM commissions_bountyaward w
        WHERE w.bounty_id = b.id AND w.status <> 'void'), 0) AS left_fen,
    coalesce(mine.reached, 0) AS reached, coalesce(award.status, '') AS award
FROM commissions_bounty b LEFT JOIN shops_shop shop ON shop.id = b.shop_id
LEFT JOIN LATERAL (
    {_SOLD.format(held=_FREE, who="AND p.account_id = %(account)s")}) mine ON true
LEFT JOIN commissions_bountyaward award
  ON award.bounty_id = b.id AND award.account_id = %(account)s
WHERE b.status <> 'draft' AND b.id < %(before)s ORDER BY b.id DESC LIMIT %(size)s
"""


def seen_by(account: Account, *, before: int = 2**63 - 1, size: int = 20) -> list[dict[str, Any]]:
    """Published bounties, the newest first, with how far the account has come; one statement."""
    return rows(_OPEN, {"account": account.pk, "before": before, "size": size})


def used_fen(bounty: Bounty) -> int:
    """What of a bounty's funded amount is promised or paid."""
    promised = Q(bounty=bounty) & ~Q(status=AwardStatus.VOID)
    found = BountyAward.objects.filter(promised).values_list("reward_fen", flat=True)
    return sum(found)
