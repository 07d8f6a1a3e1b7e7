"""Tables of accounts."""

from backend.accounts.models.account import Account
from backend.accounts.models.address import Address
from backend.accounts.models.failure import FailedSignIn
from backend.accounts.models.second_factor import Authenticator, RecoveryCode, RecoveryCodes
from backend.accounts.models.token import AccessToken, PasswordReset

__all__ = [
    "AccessToken",
    "Account",
    "Address",
    "Authenticator",
    "FailedSignIn",
    "PasswordReset",
    "RecoveryCode",
    "RecoveryCodes",
]
