"""Random histories of a market, and an oracle that knows what everybody must hold (R1, R2).

`machine.Market` is a Hypothesis state machine over the product's own verbs on a real PostgreSQL;
`oracle` and `out` keep in plain integers what docs/money.md and docs/api promise, without a line
of the product; `faults` plants the bugs that the machine must find. By hand, as many as you like:
`python -m tests.histories --examples 1000 --seed 7`.
"""
