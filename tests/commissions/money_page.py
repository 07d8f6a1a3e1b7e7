"""The worked example of docs/money.md, computed by the product's own functions.

`python -m tests.commissions.money_page` writes it into the page; a test compares.
"""

from pathlib import Path

from backend.core.money import yuan
from commissions.split import Shares, Split, Taken, reversal, split

PAGE = Path(__file__).resolve().parents[2] / "docs" / "money.md"
BEGIN, END = "<!-- example: begin -->\n", "<!-- example: end -->\n"
BASE, RATE, FEE = 25_799, 3_000, 500
PLAN = Shares(8_000, 2_000, 10_000, 100)
REFUNDS = (8_600, 17_199)
PASSED = (2_000, 5_000)


def _table(heads: list[str], lines: list[list[str]]) -> str:
    rows = [heads, ["---"] * len(heads), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _made(roles: tuple[str, ...]) -> Split:
    return split(base_fen=BASE, rate_bps=RATE, fee_bps=FEE, shares=PLAN, roles=roles)


def _back(made: Split, refunded: int) -> list[int]:
    return reversal(
        base_fen=BASE,
        refunded_fen=refunded,
        rate_bps=RATE,
        fee_bps=FEE,
        budget_fen=made.budget_fen,
        fee_fen=made.fee_fen,
        parts=[Taken(part.role, part.amount_fen, 0) for part in made.parts],
    )


def example() -> str:
    """The text between the markers."""
    made = _made(("promoter", "inviter"))
    steps = [
        ["base", "paid for the line, without shipping", f"{BASE:,}"],
        ["budget", f"{BASE:,} × 30 % = {BASE * RATE / 10_000:,.2f}", f"{made.budget_fen:,}"],
        ["fee", f"{BASE:,} × 5 % = {BASE * FEE / 10_000:,.2f}", f"{made.fee_fen:,}"],
    ]
    whole = {"promoter": made.budget_fen, "inviter": made.budget_fen}
    for part in made.parts:
        total = whole.get(part.role, made.fee_fen)
        exact = total * part.share_bps / 10_000
        step = f"{total:,} × {part.share_bps / 100:g} % = {exact:,.2f}"
        steps.append([part.role, step, f"{part.amount_fen:,}"])
    owed = made.budget_fen + made.fee_fen
    text = _table(["what", "how", "fen"], steps)
    text += f"\nThe shop owes {owed:,} fen ({yuan(owed)} yuan) and keeps {yuan(BASE - owed)}.\n"
    text += "\nA refund in two pieces, each row what is reversed **so far**:\n\n"
    lines, so_far, before = [], 0, [0] * len(made.parts)
    for fen in REFUNDS:
        so_far += fen
        now = _back(made, so_far)
        posted = sum(now) - sum(before)
        lines.append([f"{so_far:,}", *(f"{back:,}" for back in now), f"{posted:,}"])
        before = now
    heads = ["refunded so far", *(part.role for part in made.parts), "posted by this refund"]
    text += _table(heads, lines)
    alone = _made(("promoter",))
    parts = ", ".join(f"{part.role} {part.amount_fen:,}" for part in alone.parts)
    text += f"\nThe same line without an inviter: {parts}. The shop's part never leaves it.\n"
    creator = _made(("creator",))
    parts = ", ".join(f"{part.role} {part.amount_fen:,}" for part in creator.parts)
    return text + f"Through a note: {parts}.\n" + _books(made) + _chain()


def _chain() -> str:
    """The same line by a member of an agency that is below another, refunded in part."""
    roles = ("promoter", "agency", "agency2", "inviter")
    made = split(base_fen=BASE, rate_bps=RATE, fee_bps=FEE, shares=PLAN, roles=roles, passed=PASSED)
    kept = {part.role: part.amount_fen for part in made.parts}
    back = dict(zip(kept, _back(made, REFUNDS[0]), strict=True))
    lines, inside = [], ["promoter", "agency", "agency2"]
    for place, role in enumerate(inside):
        gross = sum(kept[one] for one in inside[place:])
        on = gross - kept[role]
        share = f"{PASSED[place] / 100:g} %" if place < len(PASSED) else ""
        figures = [gross, on, kept[role], back[role]]
        lines.append([role, share, *(f"{fen:,}" for fen in figures)])
    lines.append(["inviter", "", *(f"{fen:,}" for fen in (kept["inviter"], 0, kept["inviter"]))])
    lines[-1].append(f"{back['inviter']:,}")
    heads = ["payee", "passes on", "gross", "passed on", "kept", "8,600 refunded: taken back"]
    text = "\nThe same line by a member of an agency (20 %) below another agency (50 % of the first"
    return text + " one's part):\n\n" + _table(heads, lines)


def _books(made: Split) -> str:
    """The journals of the line: paid, part refunded, settled, the rest refunded."""
    amounts = [part.amount_fen for part in made.parts]
    first = _back(made, REFUNDS[0])
    net = [amount - back for amount, back in zip(amounts, first, strict=True)]
    steps = [
        ("paid", "pending", 1, amounts),
        ("8,600 refunded", "pending", -1, first),
        ("settled", "pending", -1, net),
        ("settled", "available", 1, net),
        ("17,199 refunded", "available", -1, net),
    ]
    lines = []
    for name, kind, sign, moved in steps:
        shop = 0 if name == "settled" else -sign * sum(moved)
        lines.append([name, f"{shop:+,}" if shop else "", kind, *(f"{sign * m:+,}" for m in moved)])
    heads = ["journal", "shop `payable`", "account", *(part.role for part in made.parts)]
    return "\nIn the books, the rest refunded after settlement:\n\n" + _table(heads, lines)


def main() -> None:
    """Writes the example into the page."""
    text = PAGE.read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(head + BEGIN + example() + END + tail)


if __name__ == "__main__":
    main()
