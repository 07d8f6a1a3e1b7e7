"""What the running service is made of: a bill of materials (SBOM) of what is really installed."""

from datetime import datetime
from importlib.metadata import Distribution, distributions
from typing import Any


def bill(*, at: datetime) -> dict[str, Any]:
    """The installed Python packages as a CycloneDX 1.6 document, by name. Versions and hashes that
    may be installed stand in requirements/base.txt; this says what was."""
    found = {_name(one): one for one in distributions() if one.metadata["Name"]}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": at.isoformat(),
            "component": {"type": "application", "name": "tuike", "bom-ref": "tuike"},
        },
        "components": [_component(name, found[name]) for name in sorted(found)],
    }


def _name(one: Distribution) -> str:
    return one.metadata["Name"].lower().replace("_", "-").replace(".", "-")


def _component(name: str, one: Distribution) -> dict[str, Any]:
    address = f"pkg:pypi/{name}@{one.version}"
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": address,
        "name": name,
        "version": one.version,
        "purl": address,
    }
    licence = one.metadata.json.get("license_expression")
    if licence:
        component["licenses"] = [{"expression": licence}]
    return component
