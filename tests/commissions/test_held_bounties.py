"""K18: a line in dispute neither earns a bounty nor takes one away before it is decided."""

import pytest

from commissions import bounties, disputes, earnings
from commissions.models import AttributionDispute, BountyAward
from shops.models import OrderLine
from tests.cast import Person
from tests.commissions.contests import AT, DAY, Market
from tests.commissions.money_out import officer

pytestmark = pytest.mark.django_db


@pytest.fixture
def market(selena: Person) -> Market:
    return Market(selena.account)


def disputed(market: Market, line: OrderLine) -> AttributionDispute:
    """The shop, who funds the bounty, disputes the line."""
    return disputes.open_dispute(
        account=market.shop.account,
        order_number=line.order.number,
        line_id=line.pk,
        claim="It came by itself",
        at=AT + DAY,
    )


def state() -> tuple[str, str]:
    award = BountyAward.objects.get()
    return award.status, award.reason


@pytest.mark.parametrize("decided", ["withdrawn", "for another"])
def test_a_goal_with_a_line_in_dispute_waits_for_the_decision(market: Market, decided: str) -> None:
    """Who funds a reward cannot take it away by a dispute, nor is it paid before the decision."""
    market.bounty()
    lines = [market.sell("a") for _ in range(2)]
    bounties.evaluate(at=AT + DAY)
    dispute = disputed(market, lines[0])
    due = BountyAward.objects.get().matures_at
    assert bounties.pay_due(at=due) == 0
    assert state() == ("promised", "")
    if decided == "withdrawn":
        disputes.withdraw(account=market.shop.account, dispute_id=dispute.pk, at=due)
    else:
        words = {"role": "promoter", "handle": market.account("b").handle, "reason": "b's click"}
        disputes.propose(dispute_id=dispute.pk, by=officer("propose_override"), at=due, **words)
        disputes.approve(dispute_id=dispute.pk, by=officer("approve_override"), at=due)
    paid = decided == "withdrawn"
    assert [bounties.pay_due(at=due), bounties.pay_due(at=due)] == [int(paid), 0]
    assert state() == (("paid", "") if paid else ("void", "goal_lost"))
    assert earnings.summary(market.account("a")).bounties_fen == 500 * paid


def test_what_waits_for_a_decision_holds_no_other_up(market: Market) -> None:
    market.bounty(target=1)
    line = market.sell("a")
    market.sell("b")
    bounties.evaluate(at=AT + DAY)
    disputed(market, line)
    assert bounties.pay_due(at=AT + 99 * DAY, limit=1) == 1
    assert earnings.summary(market.account("b")).bounties_fen == 500


def test_a_goal_in_dispute_until_after_the_hold_is_promised_when_it_is_released(
    market: Market,
) -> None:
    """The bounty does not end before the decision, unless its funds are used up."""
    made = market.bounty(target=1, budget_fen=500)
    dispute = disputed(market, market.sell("a"))
    late = AT + 30 * DAY
    assert bounties.evaluate(at=late) == 0
    made.refresh_from_db()
    assert made.status == "published"
    disputes.withdraw(account=market.shop.account, dispute_id=dispute.pk, at=late)
    assert (bounties.evaluate(at=late), bounties.pay_due(at=late)) == (1, 1)
    disputed(market, market.sell("b"))
    bounties.evaluate(at=late)
    made.refresh_from_db()
    assert made.status == "ended"
