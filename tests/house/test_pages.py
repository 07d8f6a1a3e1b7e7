"""Pages that a reader can follow: links resolve, pictures are there, decisions are numbered."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.source import HOME, files, text

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"")
_PICTURES = {".png", ".jpg", ".jpeg", ".svg", ".webp"}


def _pages() -> list[Path]:
    return [path for path in files() if path.suffix == ".md"]


def _prose(path: Path) -> str:
    """A page without its code blocks."""
    return re.sub(r"^```.*?^```", "", text(path), flags=re.M | re.S)


def _links(path: Path) -> Iterator[str]:
    for match in _LINK.finditer(_prose(path)):
        target = match[1] or match[2]
        if not re.match(r"[a-z]+:", target):
            yield target


def _slug(heading: str) -> str:
    """A heading's anchor as code hosts make it."""
    plain = re.sub(r"[`*_]|\[|\]\([^)]*\)", "", heading).strip().lower()
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", plain))


def _anchors(path: Path) -> set[str]:
    return {_slug(match[1]) for match in re.finditer(r"^#{1,6} (.+)$", _prose(path), re.M)}


def test_every_relative_link_resolves() -> None:
    broken = []
    for page in _pages():
        for link in _links(page):
            target, _, anchor = link.partition("#")
            path = (HOME / page.parent / target).resolve() if target else HOME / page
            if path.suffix in _PICTURES:
                continue
            if not path.exists():
                broken.append(f"{page}: {link}")
            elif anchor and path.suffix == ".md" and anchor not in _anchors(path):
                broken.append(f"{page}: {link} (no such heading)")
    assert broken == []


def test_every_picture_is_there() -> None:
    missing = [
        f"{page}: {link}"
        for page in _pages()
        for link in _links(page)
        if Path(link).suffix in _PICTURES and not (HOME / page.parent / link).exists()
    ]
    assert missing == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    todo = [Path("README.md")]
    while todo:
        page = todo.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        for link in _links(page):
            target = (HOME / page.parent / link.partition("#")[0]).resolve()
            if target.is_file():
                todo.append(target.relative_to(HOME))
            elif target.is_dir():
                todo += [one for one in _pages() if (HOME / one).parent == target]
    lost = [str(page) for page in _pages() if page not in reached and page.parts[0] == "docs"]
    assert lost == []


def test_decisions_are_numbered_without_gaps_and_tell_what_why_and_what_else() -> None:
    decisions = sorted(path for path in files() if path.parts[:2] == ("docs", "decisions"))
    numbered = [path for path in decisions if re.match(r"\d{4}-", path.name)]
    numbers = [int(path.name[:4]) for path in numbered]
    assert numbers == list(range(1, len(numbers) + 1))
    for path in numbered:
        for heading in ("## Context", "## Decision", "## Consequences"):
            assert heading in text(path), f"{path} lacks {heading}"


def test_every_command_of_make_in_a_page_is_a_target() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text(Path("Makefile")), re.M))
    named = {
        (str(page), target)
        for page in _pages()
        for target in re.findall(r"`make ([a-z-]+)", text(page))
    }
    assert {entry for entry in named if entry[1] not in targets} == set()


def test_every_management_command_in_a_page_exists() -> None:
    from django.core.management import get_commands

    known = set(get_commands())
    named = {
        (str(page), command)
        for page in _pages()
        for command in re.findall(r"manage\.py ([a-z_]+)", text(page))
    }
    assert {entry for entry in named if entry[1] not in known} == set()
