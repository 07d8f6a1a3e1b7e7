"""The top level is the product's card; requirements are pinned; no file knows this machine."""

import re
from pathlib import Path

import pytest

from tests.house.source import HOME, files, text

FIXED = {"backend", "commissions", "shops", "notes", "seeds", "tests"}
FIXED_FILES = {"docker-compose.yml", "manage.py", "README.md"}
TOOLS = {
    "docs",
    "requirements",
    "pyproject.toml",
    ".importlinter",
    "Makefile",
    "Dockerfile",
    ".dockerignore",
    ".gitignore",
    ".gitattributes",
    ".ci",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
    "NOTICE",
}


def test_the_top_level_is_the_fixed_one() -> None:
    top = {path.parts[0] for path in files()}
    assert top - FIXED - FIXED_FILES - TOOLS == set()
    assert (FIXED | FIXED_FILES) - top == set()


@pytest.mark.parametrize("room", ["shops", "notes", "commissions"])
def test_a_room_is_one_app_with_its_models_and_doors(room: str) -> None:
    for inner in ("apps.py", "models/__init__.py", "rest/urls.py", "tasks.py", "migrations"):
        assert (HOME / room / inner).exists(), inner
    assert not (HOME / room / "services.py").exists()
    assert not (HOME / room / "utils.py").exists()


def test_no_file_is_named_for_nothing() -> None:
    """A name found once in the house: never the fourteenth services.py."""
    vague = {"services.py", "utils.py", "helpers.py", "misc.py", "common.py", "base.py"}
    found = [str(path) for path in files() if path.name in vague]
    # Django looks for a database backend in a file of this name.
    assert found == ["backend/core/postgres/base.py"]


# Written in two halves, so that this file does not contain what it forbids.
FORBIDDEN = {
    "a package registry's host": re.compile(
        r"(pypi\.|" + r"pythonhosted|" + r"npmjs\.|" + r"registry\.|" + r"conda\.anaconda)"
    ),
    "an index address": re.compile(r"index" + r"-url\s*[= ]\s*\S+://|--find" + r"-links"),
    "an address of a file to download": re.compile(
        r"https?://\S+\.(whl|tar\.gz|tgz|zip|deb|exe|jar|dmg)\b"
    ),
    "an absolute path of somebody's machine": re.compile(
        r"(?<![\w.$}])/(work|home|root|Users)/[A-Za-z0-9_.-]+"
    ),
}
# The image's own folders.
ABSOLUTE_ALLOWED: set[str] = set()
BINARY = {".png", ".jpg", ".jpeg", ".webp", ".ico", ".woff2", ".xlsx", ".mp4"}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what: str) -> None:
    found = [
        f"{path}:{number}: {line.strip()[:100]}"
        for path in files()
        if path.suffix not in BINARY and path != Path("tests/house/test_layout.py")
        for number, line in enumerate(text(path).splitlines(), 1)
        if FORBIDDEN[what].search(line) and str(path) not in ABSOLUTE_ALLOWED
    ]
    assert found == []


_PIN = re.compile(r"^[A-Za-z0-9._-]+==[^\s\\]+( ;[^\\]+)? \\$")
_HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


@pytest.mark.parametrize("name", ["requirements/base.txt", "requirements/dev.txt"])
def test_every_requirement_is_pinned_with_hashes_and_without_addresses(name: str) -> None:
    lines = [line for line in text(Path(name)).splitlines() if not line.lstrip().startswith("#")]
    strange = [line for line in lines if line and not _PIN.match(line) and not _HASH.match(line)]
    assert strange == []
    naked = [
        line
        for line, after in zip(lines, [*lines[1:], ""], strict=True)
        if _PIN.match(line) and not _HASH.match(after)
    ]
    assert naked == []


def test_what_development_pins_agrees_with_what_the_product_pins() -> None:
    def pins(name: str) -> dict[str, str]:
        found = re.findall(r"^([a-z0-9._-]+)==(\S+)", text(Path(name)), re.M)
        return dict(found)

    base, development = pins("requirements/base.txt"), pins("requirements/dev.txt")
    assert {
        name: (pin, development.get(name))
        for name, pin in base.items()
        if development.get(name) != pin
    } == {}


def test_every_requirement_says_why_it_is_here() -> None:
    silent = [
        line
        for name in ("requirements/base.in", "requirements/dev.in")
        for line in text(Path(name)).splitlines()
        if line and not line.startswith(("#", "-")) and " # " not in line
    ]
    assert silent == []
