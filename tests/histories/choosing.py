"""Which step comes next: by weight, among those that can be taken.

Hypothesis alone would switch random steps off for a whole history. That suits small machines; of
thirty steps of which most need an earlier one it leaves histories that never get anywhere.
"""

from typing import Any

from hypothesis.stateful import RuleStrategy

# Steps that carry a history on are taken more often than those that only disturb it.
WEIGHTS = {
    "buy": 4,
    "buy_and_receive": 3,
    "ship": 4,
    "pay": 3,
    "pay_late": 2,
    "stand": 2,
    "buy_from_resting": 2,
    "cross": 2,
    "ask_at_the_last_moment": 2,
    "arrives": 3,
    "deliver": 5,
    "deliver_again": 3,
    "ask_back": 4,
    "agree": 5,
    "answer": 2,
    "return_goods": 4,
    "refund_by_staff": 3,
    "refund_in_pieces": 3,
    "edge": 4,
    "ripen": 4,
    "job": 2,
    "pay_out": 8,
    "review": 4,
    "request": 3,
    "ask_the_bank": 6,
    "batch": 2,
    "read": 8,
}


class ByWeight(RuleStrategy):
    """Draws a step that can be taken now, then its arguments."""

    def do_draw(self, data: Any) -> Any:
        weighted = [
            rule
            for rule in self.rules
            if all(holds(self.machine) for holds in rule.preconditions)
            for _ in range(WEIGHTS.get(rule.function.__name__, 1))
        ]
        rule = weighted[data.draw_integer(0, len(weighted) - 1)]
        drawn = rule.arguments_strategies.items()
        return rule, {name: data.draw(strategy) for name, strategy in drawn}
