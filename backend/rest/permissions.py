"""Who may call; whose row it is stays with the verbs, which answer 404 to strangers."""

from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request

__all__ = ["Anyone", "SignedIn", "Staff"]

Anyone = AllowAny
SignedIn = IsAuthenticated


class Staff(BasePermission):
    """Accounts of the platform's own people."""

    def has_permission(self, request: Request, view: object) -> bool:
        """True for an active staff account."""
        return bool(request.user and request.user.is_authenticated and request.user.is_staff)
