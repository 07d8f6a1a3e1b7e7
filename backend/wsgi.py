"""The web server's entry point: takes the embedded servers' lease, then Django."""

import os

from backend import embedded

embedded.ensure()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402

application = get_wsgi_application()
