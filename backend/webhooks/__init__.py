"""Webhooks out: what happened, told to the servers of those whom it concerns (K16)."""
