"""Payout channels. One Protocol, one registry; the bank's batch file is written, not called."""

from commissions.providers.protocol import Answer, Channel, ChannelTimeout, Result, Transfer
from commissions.providers.sandbox import Sandbox

__all__ = ["CHANNELS", "Answer", "Channel", "ChannelTimeout", "Result", "Transfer"]

# The channels that the worker calls, by PayeeAccount.provider.
CHANNELS: dict[str, Channel] = {"sandbox": Sandbox()}
