"""How an account comes to have a shop 开店: apply, be decided, open, be suspended.

No rule here reads a follower count, and none may: 0 fans can open the store (B1).
"""

from shops.onboarding.applications import (
    applications_of,
    apply,
    approve,
    change,
    own_application,
    reject,
    submit,
)
from shops.onboarding.documents import UNMASK, add_document, reseal, unmask
from shops.onboarding.refusals import (
    ApplicationOpen,
    DocumentExists,
    DocumentExpired,
    LicenceInvalid,
    LicenceRequired,
    ReasonRequired,
    ShopExists,
    ShopNameTaken,
    TooManyDocuments,
    need_reason,
)
from shops.onboarding.storefront import (
    capabilities,
    change_intro,
    open_shops,
    own_shop,
    reopen,
    seen_shop,
    suspend,
)

__all__ = [
    "UNMASK",
    "ApplicationOpen",
    "DocumentExists",
    "DocumentExpired",
    "LicenceInvalid",
    "LicenceRequired",
    "ReasonRequired",
    "ShopExists",
    "ShopNameTaken",
    "TooManyDocuments",
    "add_document",
    "applications_of",
    "apply",
    "approve",
    "capabilities",
    "change",
    "change_intro",
    "need_reason",
    "open_shops",
    "own_application",
    "own_shop",
    "reject",
    "reopen",
    "reseal",
    "seen_shop",
    "submit",
    "suspend",
    "unmask",
]
