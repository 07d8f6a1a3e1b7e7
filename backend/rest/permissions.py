"""Who may call; whose row it is stays with the verbs, which answer 404 to strangers."""

from rest_framework.permissions import (
    AllowAny,
    BasePermission,
    IsAuthenticated,
    IsAuthenticatedOrReadOnly,
)
from rest_framework.request import Request

__all__ = ["Anyone", "AnyoneReads", "SignedIn", "Staff"]

Anyone = AllowAny
# GET and HEAD alike: whoever may read a thing may ask whether it is there.
AnyoneReads = IsAuthenticatedOrReadOnly
SignedIn = IsAuthenticated


class Staff(BasePermission):
    """Accounts of the platform's own people."""

    def has_permission(self, request: Request, view: object) -> bool:
        """True for an active staff account."""
        return bool(request.user and request.user.is_authenticated and request.user.is_staff)
