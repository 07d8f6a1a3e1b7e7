"""Paths of commissions, below /v1/."""

from commissions.rest.contest_urls import urlpatterns as contests
from commissions.rest.conversion_urls import urlpatterns as conversions
from commissions.rest.finance_urls import urlpatterns as finance
from commissions.rest.promoting_urls import urlpatterns as promoting

urlpatterns = [*promoting, *finance, *conversions, *contests]
