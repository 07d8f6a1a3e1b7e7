"""Paths of commissions, below /v1/."""

from commissions.rest.attribution_urls import urlpatterns as attribution
from commissions.rest.finance_urls import urlpatterns as finance
from commissions.rest.plan_urls import urlpatterns as plans
from commissions.rest.promoting_urls import urlpatterns as promoting

urlpatterns = [*promoting, *plans, *attribution, *finance]
