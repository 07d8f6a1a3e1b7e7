"""A year of the promoter in which tax was withheld, in a market that withholds none now; and the
requests about it."""

from backend.core.clock import business_day, now
from commissions import payees, payout_rules, payouts, tax
from tests.api.call import Call, get
from tests.api.named import World
from tests.commissions import money_out

ID_CARD = "11010519491231002X"
FEN = 300_000
TAXES = [
    get("/v1/me/payout-rules", "promoter"),
    get("/v1/me/tax-certificates", "promoter"),
    get("/v1/me/tax-certificates/{tax_year}", "promoter"),
    get("/v1/me/tax-certificates/{tax_year}/page", "promoter"),
    get("/v1/me/tax-identity", "promoter"),
    Call(
        "PUT",
        "/v1/me/tax-identity",
        "promoter",
        {"real_name": "李小鱼", "number": "110105198001010016"},
    ),
]


def withhold(world: World) -> None:
    """One payout to the promoter's bank card, taxed and paid."""
    account, maker, at = world.people["promoter"], world.people["maker"], now()
    money_out.credit(account, FEN)
    name = "户主promoter"
    payees.add(
        account=account, provider="bank_file", holder_name=name, number=money_out.CARD, at=at
    )
    tax.identify(account=account, real_name=name, number=ID_CARD, at=at)
    payout_rules.publish(by=None, effective_from=at, note="x", at=at, tax_method="labour")
    asked = payouts.request(account=account, amount_fen=FEN, at=at)
    payouts.prepare(number=asked.number, by=maker, at=at)
    payouts.approve(number=asked.number, by=world.people["approver"], at=at)
    batch = payouts.build_batch(by=maker, at=at)
    net = f"{asked.net_fen // 100}.{asked.net_fen % 100:02}"
    lines = ["number,amount_yuan,result,reason", f"{asked.number},{net},paid,", f"TOTAL,{net},1,"]
    payouts.read_answer(number=batch.number, content="\n".join(lines).encode(), by=maker, at=at)
    later = now()
    payout_rules.publish(by=None, effective_from=later, note="x", at=later)
    vars(world)["tax_year"] = business_day(at).year
    world.mark("an identity number", ID_CARD)
