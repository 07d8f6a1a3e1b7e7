"""Paths of commissions, below /v1/."""

from commissions.rest.agency_urls import urlpatterns as agencies
from commissions.rest.attribution_urls import urlpatterns as attribution
from commissions.rest.contest_urls import urlpatterns as contests
from commissions.rest.conversion_urls import urlpatterns as conversions
from commissions.rest.finance_urls import urlpatterns as finance
from commissions.rest.plan_urls import urlpatterns as plans
from commissions.rest.promoting_urls import urlpatterns as promoting
from commissions.rest.statement_urls import urlpatterns as statements
from commissions.rest.team_urls import urlpatterns as team

urlpatterns = [
    *promoting,
    *plans,
    *attribution,
    *agencies,
    *team,
    *finance,
    *conversions,
    *contests,
    *statements,
]
