"""The commissions room as a Django app."""

from django.apps import AppConfig


class CommissionsConfig(AppConfig):
    name = "commissions"
    verbose_name = "Commissions 佣金"
