"""What-if: a draft over past orders, and the live plans over their own history: X2."""

from datetime import timedelta
from typing import Any

import pytest

from backend.core.errors import Invalid, NotFound, WrongState
from commissions import plans, whatif
from commissions.models import WhatIf
from seeds.factories import PromoterFactory, PromotionLinkFactory
from tests.commissions.plan_world import AT, DAY, FEN, Stall

pytestmark = pytest.mark.django_db
LATER = AT + 30 * DAY


@pytest.fixture
def stall() -> Stall:
    return Stall()


def ran(stall: Stall, version: Any = None, **fields: Any) -> dict[str, Any]:
    """A what-if of the stall's days, run; its result."""
    asked = {"from_at": AT - DAY, "to_at": AT + 2 * DAY} | fields
    job = whatif.ask(
        owner=stall.shop.account, by=stall.shop.account, shop_id=stall.shop.pk,
        version_id=version.pk if version else None, at=LATER, **asked,
    )  # fmt: skip
    assert whatif.run_queued(at=LATER) == 1
    job = whatif.of(owner=stall.shop.account, what_if_id=job.pk)
    assert (job.status, job.seen) == ("done", job.lines)
    return dict(job.result or {})


def test_the_live_plans_over_history_differ_by_nothing(stall: Stall, monkeypatch: Any) -> None:
    """Plain lines, capped ones, fixed amounts, fallen ones: all come out again."""
    monkeypatch.setattr(whatif, "PAGE", 2)
    plans.ensure_default(at=AT)
    for _ in range(2):
        stall.sell(offer=1_234)
    stall.sell(offer=2_000, fee_bps=9_000)  # the fee leaves 1,000
    stall.plan(rate_bps=900, cap_day_fen=1_300)
    funded = stall.plan("campaign", unit_fen=333, ends_at=AT + DAY)
    stall.fund(funded, 900)
    stall.sell(price_fen=400)  # of 333 the cap leaves 200
    for _ in range(4):
        stall.sell(price_fen=7_777)
    stall.sell(referral_code="")
    found = ran(stall)
    assert (found["lines"], found["changed_lines"], found["differs_from_history"]) == (8, 0, 0)
    assert found["difference_fen"] == 0
    paid = [1_234, 1_234, 1_000, 200, 333, 333, 700, 600]
    assert found["before_fen"] == found["after_fen"] == sum(paid)
    assert (found["winners"], found["losers"]) == (0, 0)


def test_a_draft_shows_what_it_would_have_cost_and_who_would_have_won(stall: Stall) -> None:
    nana = PromoterFactory.create()
    link = PromotionLinkFactory.create(promoter=nana, target_id=stall.product.pk)
    for code in (stall.link.code, stall.link.code, link.code):
        stall.sell(offer=1_000, referral_code=code)
    draft = stall.draft("targeted", rate_bps=1_500, promoters=[stall.linda.account.handle])
    found = ran(stall, draft)
    assert (found["before_fen"], found["after_fen"], found["changed_lines"]) == (3_000, 4_000, 2)
    assert (found["winners"], found["losers"], found["cut_lines"]) == (1, 0, {})
    assert found["margin_before_fen"] - found["margin_after_fen"] == 1_000
    assert found["promoters"][0] == {
        "handle": stall.linda.account.handle, "before_fen": 1_600, "after_fen": 3_000,
        "difference_fen": 1_400,
    }  # fmt: skip
    assert found["base_fen"] == 3 * FEN


def test_caps_and_fund_of_the_draft_are_counted_over_the_period(stall: Stall) -> None:
    for at in (AT, AT, AT, AT + DAY):
        stall.sell(offer=500, at=at)
    draft = stall.draft("campaign", rate_bps=1_000, cap_day_fen=1_500, ends_at=AT + DAY)
    found = ran(stall, draft)
    assert (found["after_fen"], found["cut_lines"]) == (1_000 + 500 + 0 + 1_000, {"day": 2})
    stall.fund(draft, 1_600)
    found = ran(stall, draft)
    assert found["after_fen"] == 1_000 + 500 + 0 + 500, "the last falls to the offer"
    assert found["cut_lines"] == {"day": 2, "fund": 1}


def test_a_draft_that_ranks_below_changes_nothing(stall: Stall) -> None:
    stall.sell(offer=500)
    assert ran(stall, stall.draft(rate_bps=2_000))["changed_lines"] == 0


def test_a_new_version_replaces_the_old_one_of_its_plan(stall: Stall) -> None:
    first = stall.plan(rate_bps=1_000)
    stall.sell()
    worse = plans.next_version(
        owner=stall.shop.account, plan_id=first.plan_id, at=AT,
        fields={"promoter_bps": 10_000, "rate_bps": 400},
    )  # fmt: skip
    found = ran(stall, worse)
    assert (found["before_fen"], found["after_fen"], found["losers"]) == (1_000, 400, 1)


def test_lines_of_a_replaced_version_fall_to_the_offer_where_the_fund_ends(stall: Stall) -> None:
    first = stall.plan("campaign", rate_bps=1_000, ends_at=AT + DAY)
    for _ in range(2):
        stall.sell(offer=300)
    version = plans.next_version(
        owner=stall.shop.account, plan_id=first.plan_id, at=AT,
        fields={"promoter_bps": 10_000, "rate_bps": 1_000, "ends_at": AT + DAY},
    )  # fmt: skip
    stall.fund(version, 1_500)
    found = ran(stall, version)
    assert (found["before_fen"], found["after_fen"]) == (2_000, 1_300)
    assert found["cut_lines"] == {"fund": 1}


def test_what_is_not_over_or_not_yours_is_refused(stall: Stall) -> None:
    other = Stall()
    asked: dict[str, Any] = {
        "owner": stall.shop.account, "by": None, "shop_id": stall.shop.pk, "version_id": None,
        "from_at": AT, "to_at": AT + DAY, "at": LATER,
    }  # fmt: skip
    for wrong in ({"to_at": AT}, {"to_at": LATER + DAY}, {"from_at": AT - 400 * DAY}):
        with pytest.raises(Invalid):
            whatif.ask(**asked | wrong)
    for foreign in ({"shop_id": other.shop.pk}, {"version_id": other.draft(rate_bps=1).pk}):
        with pytest.raises(NotFound):
            whatif.ask(**asked | foreign)
    assert not WhatIf.objects.exists()
    mine = whatif.ask(**asked)
    with pytest.raises(NotFound):
        whatif.of(owner=other.shop.account, what_if_id=mine.pk)
    with pytest.raises(WrongState):
        whatif.table(owner=stall.shop.account, what_if_id=mine.pk)


def test_one_whose_worker_died_is_taken_up_again(stall: Stall) -> None:
    stall.sell(offer=1_000)
    job = whatif.ask(
        owner=stall.shop.account, by=None, shop_id=stall.shop.pk, version_id=None,
        from_at=AT - DAY, to_at=AT + DAY, at=LATER,
    )  # fmt: skip
    WhatIf.objects.filter(pk=job.pk).update(status="running", started_at=LATER)
    assert whatif.run_queued(at=LATER + timedelta(minutes=9)) == 0
    assert whatif.run_queued(at=LATER + timedelta(minutes=11)) == 1
    job.refresh_from_db()
    assert job.result is not None
    assert (job.status, job.result["before_fen"]) == ("done", 1_000)
    table = whatif.table(owner=stall.shop.account, what_if_id=job.pk)
    assert table.splitlines()[0] == "handle,before_fen,after_fen,difference_fen"
    assert table.splitlines()[1] == f"{stall.linda.account.handle},800,800,0"
