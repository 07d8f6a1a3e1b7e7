"""manage.py sbom: what the service is made of."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from backend.core import components
from backend.core.clock import now


class Command(BaseCommand):
    """Prints the bill of materials of this environment: CycloneDX 1.6, JSON."""

    help = "Prints the bill of materials of this environment: CycloneDX 1.6, JSON."

    def handle(self, *args: Any, **options: Any) -> None:
        """For a scanner of known vulnerabilities, or for a customer who asks."""
        self.stdout.write(json.dumps(components.bill(at=now()), indent=1))
