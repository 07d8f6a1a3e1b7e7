"""What-if 试算 (X2): a version run over the orders of a past period, in the background.

Each line is priced by the functions that accrual calls. A line keeps what history paid it unless
the version outranks what won it then; a line of an earlier version of the same plan is priced by
the new one, or falls to the product's offer. The version's caps and fund are counted from nothing
over the period, in the order in which its lines were accrued; those of other plans stay as history
used them. Without a version the live plans are run: what they paid comes out again, difference 0.

Lines are read page by page along the commission orders' key: bounded memory, no long transaction,
and progress that others see.
"""

import csv
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

from django.conf import settings
from django.db import transaction

from backend.accounts.models import Account
from backend.core.errors import Invalid, NotFound, WrongState
from backend.core.money import yuan
from backend.core.sql import run, tuples, value
from commissions import plans
from commissions.models import WhatIf
from commissions.whatif.trial import COUNT, LINES, Line, Rules, Sums, Winners, add, result
from shops.models import Shop

PAGE = 10_000
LONGEST = timedelta(days=366)
STALE = timedelta(minutes=10)
Status = WhatIf.Status


def ask(
    *,
    owner: Account | None,
    by: Account | None,
    shop_id: int | None,
    version_id: int | None,
    from_at: datetime,
    to_at: datetime,
    at: datetime,
) -> WhatIf:
    """Queues a what-if of a version, or (None) of the live plans, over the orders placed in
    [from_at, to_at): of one shop, or (staff) of the market.

    :raises NotFound: no such shop or version of the owner's.
    :raises Invalid: a period that is empty, longer than 366 days, or not over.
    """
    mine = Shop.objects.filter(pk=shop_id or 0)
    if (owner or shop_id) and not (mine.filter(account=owner) if owner else mine).exists():
        raise NotFound()
    if version_id is not None:
        plans.version_of(owner=owner, version_id=version_id)
    if not (from_at < to_at <= at and to_at - from_at <= LONGEST):
        said = "A past period of at most 366 days."
        raise Invalid(said, fields={"to_at": [said]})
    return WhatIf.objects.create(
        version_id=version_id, shop_id=shop_id, from_at=from_at, to_at=to_at, asked_by=by,
        asked_at=at,
    )  # fmt: skip


def of(*, owner: Account | None, what_if_id: int) -> WhatIf:
    """A what-if of the owner's shop, any for staff (no owner); the promoters of its result are
    kept as ids, and named here.

    :raises NotFound: no such one.
    """
    found = WhatIf.objects.filter(pk=what_if_id)
    job = (found.filter(shop__account=owner) if owner else found).first()
    if job is None:
        raise NotFound()
    if job.result is not None:
        ids = [person["account"] for person in job.result["promoters"]]
        handles = dict(Account.objects.filter(pk__in=ids).values_list("pk", "handle"))
        for person in job.result["promoters"]:
            person["handle"] = handles[person.pop("account")]
    return job


def of_shop(*, owner: Account, shop_id: int) -> Any:
    """The what-ifs of the owner's shop.

    :raises NotFound: no such shop of the owner's.
    """
    if not Shop.objects.filter(pk=shop_id, account=owner).exists():
        raise NotFound()
    return WhatIf.objects.filter(shop=shop_id).defer("result")


def table(*, owner: Account | None, what_if_id: int) -> str:
    """The promoters of a finished what-if as CSV, the largest differences first.

    :raises NotFound: no such what-if of the owner's.
    :raises WrongState: it is not done.
    """
    job = of(owner=owner, what_if_id=what_if_id)
    if job.result is None:
        raise WrongState("The what-if is not done yet.")
    out = StringIO()
    writer = csv.DictWriter(out, ["handle", "before_fen", "after_fen", "difference_fen"])
    writer.writeheader()
    writer.writerows(job.result["promoters"])
    return out.getvalue()


def words(what_if_id: int) -> str:
    """A what-if as lines for people, in yuan."""
    job = of(owner=None, what_if_id=what_if_id)
    if job.result is None:
        return f"{job.seen} of {job.lines} lines"
    found = job.result
    names = ("before_fen", "after_fen", "difference_fen", "margin_before_fen", "margin_after_fen")
    said = [f"{found['lines']} lines, {found['changed_lines']} changed"]
    said += [f"{name.removesuffix('_fen')}: {yuan(found[name])}" for name in names]
    said += [f"cut by {name}: {count} lines" for name, count in found["cut_lines"].items()]
    said.append(f"{found['winners']} would earn more, {found['losers']} less")
    said += [
        f"  {one['handle']}: {yuan(one['before_fen'])} → {yuan(one['after_fen'])}"
        for one in found["promoters"][:50]
    ]
    return "\n".join(said)


def run_queued(*, at: datetime, most: int = 5) -> int:
    """Runs what-ifs that wait, one after another, at most `most`; how many were run. One whose
    worker died is taken up again after ten minutes, from its beginning."""
    done = 0
    while done < most:
        job = _claim(at)
        if job is None:
            break
        _run(job)
        done += 1
    return done


def _claim(at: datetime) -> WhatIf | None:
    with transaction.atomic():
        held = WhatIf.objects.select_for_update(no_key=True, of=("self",), skip_locked=True)
        stale = held.filter(status=Status.RUNNING, started_at__lt=at - STALE)
        job = held.filter(status=Status.QUEUED).order_by("id").first()
        job = job or stale.order_by("id").first()
        if job is not None:
            job.status, job.started_at, job.seen = Status.RUNNING, at, 0
            job.save(update_fields=["status", "started_at", "seen"])
    return job


def _run(job: WhatIf) -> None:
    asked = {"from": job.from_at, "to": job.to_at, "shop": job.shop_id}
    job.lines = int(value(COUNT, asked))
    rules, winners, sums, after = Rules.of(job.version), Winners(), Sums(), 0
    by_tier = rules is not None and rules.by_tier
    asked |= {"version": job.version_id, "by_tier": by_tier, "page": PAGE}
    asked["zone"] = settings.BUSINESS_ZONE
    while page := _page(asked | {"after": after}):
        winners.meet({row[1] for row in page})
        for row in page:
            add(Line._make(row), winners[row[1]], rules, sums)
        after = max(row[0] for row in page)
        job.seen += len(page)
        job.save(update_fields=["seen", "lines"])
    job.status, job.result = Status.DONE, result(sums)
    job.save(update_fields=["status", "result"])


def _page(asked: dict[str, Any]) -> list[tuple[Any, ...]]:
    """One page, planned for where it begins: a plan made for any page joins the whole tables for
    each of them."""
    with transaction.atomic():
        run("SELECT set_config('plan_cache_mode', 'force_custom_plan', true)")
        return tuples(LINES, asked)
