"""The seeds room as a Django app."""

from django.apps import AppConfig


class SeedsConfig(AppConfig):
    name = "seeds"
    verbose_name = "Seeds 样例"
