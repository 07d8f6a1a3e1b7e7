"""The staff's pages of accounts: people and tokens, the sign-in, its second factor, its locks."""

from backend.accounts.admin import locks, people

__all__ = ["locks", "people"]
