"""The visitor's cookie: an opaque random id that joins the clicks and readings of one browser and
says nothing else. The short links set it; other doors only read it."""

from django.conf import settings
from rest_framework.request import Request

VISITOR_COOKIE = f"{settings.COOKIE_PREFIX}tuike_visitor"


def visitor_of(request: Request) -> str:
    """What the cookie says, unchecked; "" where there is none."""
    return str(request.COOKIES.get(VISITOR_COOKIE, ""))
