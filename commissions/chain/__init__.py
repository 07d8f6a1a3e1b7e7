"""The chain over the journals 凭证链: sealed behind the front, exported, archived, checked by
whoever does not trust us (decision 20, docs/outsiders.md)."""

from commissions.chain.sealing import first_broken, head, seal

__all__ = ["first_broken", "head", "seal"]
