"""Paths of commissions, below /v1/."""

from commissions.rest.agency_urls import urlpatterns as agencies
from commissions.rest.finance_urls import urlpatterns as finance
from commissions.rest.promoting_urls import urlpatterns as promoting
from commissions.rest.team_urls import urlpatterns as team

urlpatterns = [*promoting, *agencies, *team, *finance]
