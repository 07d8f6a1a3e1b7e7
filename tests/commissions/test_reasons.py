"""Reason codes: one enumeration, held together with the page and with the code that says them."""

import ast
import re
from pathlib import Path

from commissions import attribution, reasons
from commissions.attribution_rules import CONTACTS, Rules
from commissions.conversions import Verdict
from commissions.models import Agency, BountyAward, CommissionOrder, Promoter, RiskCase, WriteOff
from commissions.risk_rules import STATEMENTS
from commissions.settlement import DISPUTE, RISK

PAGE = Path("docs/api/commissions.md")
ATTRIBUTION = Path("commissions/attribution.py")
_WORD = re.compile(r"[a-z]+(_[a-z]+)+")


def _returned(*functions: str) -> set[str]:
    """The words that these functions of the attribution return."""
    found = set()
    for node in ast.walk(ast.parse(ATTRIBUTION.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name in functions:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    found |= {
                        constant.value
                        for constant in ast.walk(inner.value)
                        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
                    }
    return {word for word in found if _WORD.fullmatch(word)}


def test_the_page_prints_the_enumeration() -> None:
    assert reasons.table() in PAGE.read_text(), "print(commissions.reasons.table()) into the page"


def test_no_code_stands_twice_for_one_thing() -> None:
    pairs = [(one.code, one.said_of) for one in reasons.ALL]
    assert len(set(pairs)) == len(pairs)


def test_every_loser_of_the_attribution_is_in_it() -> None:
    said = _returned("_refusal", "decide") | set(attribution._NOT_ACTIVE.values())
    said |= {f"self_{by}" for by in CONTACTS} | {"self_purchase", "earlier_touch", "outranked"}
    assert said == reasons.codes(reasons.LOSER)


def _unfit(role: str, status: str, bits: int = 0, buyer: int = 1, owner: int = 2) -> str | None:
    """Why account 3 beside a winner has no share, as the attribution says it."""
    winner = attribution.Candidate(*[None] * 15, kin=[3 * 8 + bits] if bits else None)
    rules = Rules({}, "none", tuple(CONTACTS))
    return attribution.unfit(winner, attribution.Beside(role, 3, status), buyer, owner, rules)


def test_every_finding_of_the_attribution_is_in_it() -> None:
    said = set(attribution._FOUND)
    statuses = {"inviter": Promoter.Status.values, "inviter2": Promoter.Status.values}
    statuses |= {"agency": Agency.Status.values, "agency2": Agency.Status.values}
    for role, known in statuses.items():
        ways = [_unfit(role, status) for status in known]
        ways += [_unfit(role, "active", bits=bit) for bit in CONTACTS.values()]
        ways += [_unfit(role, "active", buyer=3), _unfit(role, "active", owner=3)]
        assert ways.count(None) == 1, "only who is active and nobody's own shares"
        said |= {way for way in ways if way}
    assert said == reasons.codes(reasons.FINDING)


def test_every_choice_of_the_tables_is_in_it() -> None:
    risks = {RISK + rule for rule in RiskCase.Rule.values}
    assert reasons.codes(reasons.HELD) == risks | {DISPUTE}
    assert set(CommissionOrder.Reason.values) - {""} == reasons.codes(reasons.ENDED)
    assert set(WriteOff.Reason.values) == reasons.codes(reasons.WRITE_OFF)
    assert set(BountyAward.Reason.values) - {""} == reasons.codes(reasons.AWARD)
    assert {str(verdict) for verdict in Verdict} == reasons.codes(reasons.VERDICT)


def test_every_rule_of_risk_has_its_statement() -> None:
    assert set(STATEMENTS) == set(RiskCase.Rule.values)
