"""Steps that change what holds: who may earn, rates, shares, stock, payees."""

from hypothesis import strategies as st

from backend.core import ids
from commissions import disputes, memberships, offers, payees, promoters, settlement
from commissions.models import CommissionOrder, PayeeAccount
from shops import inventory
from tests.commissions.money_out import CARD, OK
from tests.histories import world
from tests.histories.selling import Selling
from tests.histories.steps import PLACE, act, pick
from tests.histories.things import Line
from tests.histories.world import EARNERS, PLANS, take_in


class Changing(Selling):
    """What staff, shops and promoters change while orders are on their way."""

    @act(
        name=st.sampled_from(["pat", "ivy", "fay", "pam", "olga"]),
        to=st.sampled_from(["freeze", "freeze", "unfreeze", "leave", "return"]),
    )
    def stand(self, name: str, to: str) -> None:
        """Staff freeze a promoter or let them go on; somebody leaves or comes back."""
        who = self.ideas.promoters[name]
        was, becomes = {
            "freeze": ({"active"}, "frozen"),
            "unfreeze": ({"frozen"}, "active"),
            "leave": ({"active", "frozen"}, "left"),
            "return": ({"left"}, "active"),
        }[to]
        account, number = self.world.people[name], self.world.promoter_ids[name]
        refusal = "already_promoter" if to == "return" else "wrong_state"
        refusals = set() if who.status in was else {refusal}
        staff = {"by": self.world.staff["checker"], "reason": "history", "at": self.at}
        if to == "return":
            done = self.ask(refusals, promoters.join, account=account, at=self.at)
        elif to == "leave":
            done = self.ask(refusals, promoters.leave, account=account, at=self.at)
        else:
            verb = promoters.freeze if to == "freeze" else promoters.unfreeze
            done = self.ask(refusals, verb, promoter_id=number, **staff)
        if done:
            who.status = becomes

    def resting(self) -> list[int]:
        """Links of promoters who may not earn."""
        return [n for n, link in enumerate(self.ideas.links) if link.promoter.status != "active"]

    @act(lambda self: self.resting(), which=PLACE, sku=st.integers(0, 5), drained=st.booleans())
    def buy_from_resting(self, which: int, sku: int, drained: bool) -> None:
        """A purchase by the link of somebody who is frozen or has left."""
        click = self.follow(pick(self.resting(), which), "bob")
        placed = self.place("bob", [(sku, 1, None)], click)
        if placed:
            self.notice(placed, ids.code(12), ids.code(12), placed.total)
            if drained:
                self.drain()

    @act(
        name=st.sampled_from(["coat", "scarf", "lamp", "chair"]),
        rate=st.sampled_from([None, 0, 777, 1_250, 2_500, 5_000, 5_001]),
    )
    def offer(self, name: str, rate: int | None) -> None:
        """A shop offers another rate, or none."""
        product = self.world.products[name]
        owner = self.world.people[self.world.owners[product]]
        values = {"account": owner, "product_id": product, "at": self.at}
        if rate is None:
            refusals = set() if product in self.oracle.offered else {"not_found"}
            self.ask(refusals, offers.end_offer, **values)
            self.oracle.offered.discard(product)
        elif self.ask(
            {"over_cap"} if rate > 5_000 else set(), offers.set_offer, rate_bps=rate, **values
        ):
            self.oracle.offered.add(product)
        if rate is None or rate <= 5_000:
            self.oracle.rates[product] = rate or 0

    @act(which=st.integers(0, len(PLANS) - 1))
    def plan(self, which: int) -> None:
        """Staff publish other shares."""
        refusals = {"plan_before_later"} if self.oracle.plans[-1][0] >= self.at else set()
        if PLANS[which].inviter and self.oracle.levels < 2:
            refusals.add("plan_too_many_levels")
        self.ask(
            refusals,
            world.publish,
            plan=PLANS[which],
            by=self.world.staff["checker"],
            at=self.at,
        )
        if not refusals:
            self.oracle.plans.append((self.at, PLANS[which]))

    # ------------------------------------------------------------ holding
    @act(lambda self: self.accrued(), which=PLACE)
    def hold(self, which: int) -> None:
        """Staff stop a commission's clock, or let it go on."""
        line = pick(self.accrued(), which)
        number = CommissionOrder.objects.values_list("pk", flat=True).get(order_line_id=line.id)
        refusals = set() if line.status in ("estimated", "confirmed") else {"wrong_state"}
        verb = settlement.release if line.held else settlement.hold
        staff = {"by": self.world.staff["checker"], "reason": "risk", "at": self.at}
        if self.ask(refusals, verb, commission_id=number, **staff):
            line.held = not line.held
            self.oracle.seen["held"] += line.held

    def accrued(self) -> list[Line]:
        return [line for line in self.oracle.lines if line.owed]

    @act(
        lambda self: self.wide and self.accrued(),
        which=PLACE,
        to=st.sampled_from(["pat", "pat", "pam", "fay", "bob", ""]),
    )
    def decide_anew(self, which: int, to: str) -> None:
        """A line is given to another promoter, to somebody who shows things, or to nobody, by two
        people; where that is refused, the dispute is rejected and nothing has moved."""
        line = pick(self.accrued(), which)
        role = "promoter" if to in self.ideas.promoters else "creator"
        dispute = disputes.open_dispute(
            account=self.world.accounts[line.order.store.owner],
            order_number=line.order.number,
            line_id=line.id,
            claim="history",
            at=self.at,
        )
        disputes.propose(
            dispute_id=dispute.pk,
            by=self.world.staff["proposer"],
            role=role,
            handle=self.world.people[to].handle if to else "",
            reason="history",
            at=self.at,
        )
        promoter = self.ideas.promoters.get(to)
        creator = self.world.people[to].pk if to and promoter is None else None
        judge = {"by": self.world.staff["judge"], "at": self.at}
        refusals = self.oracle.decided_anew(line, promoter, creator)
        if not self.ask(refusals, disputes.approve, dispute_id=dispute.pk, **judge):
            disputes.reject(dispute_id=dispute.pk, reason="history", **judge)
        self.compare()

    @act(
        name=st.sampled_from(["pat", "pat", "pam", "fay", "olga"]),
        sponsor=st.sampled_from([None, "ivy", "olga", "fay"]),
    )
    def adopt(self, name: str, sponsor: str | None) -> None:
        """A promoter comes under another inviter, or under none; lines owed before keep theirs."""
        numbers = self.world.promoter_ids
        number = numbers[sponsor] if sponsor else None
        done = self.ask(
            {"sponsor_impossible"} if number and number >= numbers[name] else set(),
            promoters.change_sponsor,
            promoter_id=numbers[name],
            sponsor_id=number,
            by=self.world.staff["checker"],
            reason="history",
            at=self.at,
        )
        if done:
            who = self.ideas.promoters
            who[name].adopt(who[sponsor] if sponsor else None, self.at)

    @act(name=st.sampled_from(["pat", "pam"]))
    def belong(self, name: str) -> None:
        """A promoter leaves Ivy's agency, or joins it; what was sold before stays divided."""
        who, people = self.ideas.promoters[name], self.world.people
        if who.agencies_at(self.at):
            done = bool(self.ask(set(), memberships.leave, account=people[name], at=self.at))
            now: tuple[int, ...] = ()
        else:
            refusals = set() if who.status == "active" else {"invitee_unknown"}
            owner, member = people["ivy"], people[name]
            done = bool(self.ask(refusals, take_in, owner=owner, member=member, at=self.at))
            now = (people["ivy"].pk, people["nina"].pk)
        if done:
            who.belongs.append((self.at, now))

    @act(which=st.integers(0, 5), delta=st.sampled_from([-1_000, -4, -1, 1, 5]))
    def count_stock(self, which: int, delta: int) -> None:
        """A shop corrects its stock, possibly below what orders hold."""
        good = self.ideas.goods[which]
        left, refusals = good.on_hand + delta, set()
        if left < good.committed:
            refusals = {"insufficient_stock" if left < 0 else "below_committed"}
        done = self.ask(
            refusals,
            inventory.adjust,
            account=self.world.accounts[good.store.owner],
            sku_id=good.id,
            delta=delta,
            reason="counted",
            at=self.at,
        )
        if done:
            good.on_hand = left

    @act(name=st.sampled_from(EARNERS), to=st.sampled_from(["sandbox", "bank_file", None]))
    def pay_elsewhere(self, name: str, to: str | None) -> None:
        """Somebody wants to be paid elsewhere, or nowhere; payouts on their way stay theirs."""
        account = self.world.people[name]
        if to:
            number = OK if to == "sandbox" else CARD
            holder = {"holder_name": "李小鱼", "number": number, "at": self.at}
            self.ask(set(), payees.add, account=account, provider=to, **holder)
        elif self.payees[name]:
            known = PayeeAccount.objects.filter(account=account, is_active=True)
            self.ask(set(), payees.remove, account=account, payee_id=known.get().pk)
        self.payees[name] = to
