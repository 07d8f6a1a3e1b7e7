"""The web server's entry point: takes the embedded servers' lease, then Django, and before it the
fast way of the short links."""

import gc
import os

from backend import embedded

embedded.ensure()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402

django_application = get_wsgi_application()

from commissions.rest.short_links import Front  # noqa: E402 - needs the app registry

application = Front(django_application)
# What is loaded stays: the collector need not walk it again and again.
gc.collect()
gc.freeze()
