"""What the demo's override of a whole chain of roles looks like."""

from commissions import explain
from commissions.models import AttributionOverride


def must_pay_the_whole_chain(made: AttributionOverride) -> None:
    """Nana, her agency, the one above it and her inviter are paid; each part's passed-on is the
    next one's gross."""
    trace = explain.for_staff(made.commission_id)
    parts = {part["role"]: part for part in trace["splits"]}
    assert {role: part["payee"] for role, part in parts.items()} == {
        "promoter": "nana", "agency": "ella", "agency2": "buyer", "inviter": "linda",
        "platform": None, "charity": None,
    }  # fmt: skip
    promoter, agency, upper = (parts[role] for role in ("promoter", "agency", "agency2"))
    assert promoter["passed_on_fen"] == agency["gross_fen"] > agency["passed_on_fen"]
    assert agency["passed_on_fen"] == upper["gross_fen"] == upper["amount_fen"] > 0
    edges = [edge["edge"] for edge in trace["tree"]["agencies"]]
    assert edges == [made.membership_id, made.affiliation_id]
