"""The stream server's entry point: takes the embedded servers' lease, then Django without its
request handling."""

import os

from backend import embedded

embedded.ensure()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")

import django  # noqa: E402

django.setup()

from backend.streams.door import Door  # noqa: E402 - needs the app registry

application = Door()
