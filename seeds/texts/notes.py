"""Notes, topics, comments and live titles: parts put together so that they do not contradict."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from seeds.texts.bank import columns, fill, read, some
from seeds.texts.distributions import pick
from seeds.texts.goods import Leaf, leaves_by_code

TITLE_LENGTH: Final = 20
BODY_LENGTH: Final = 1000
PETITE_CM: Final = 160

_LAYOUTS: Final[Mapping[str, float]] = {"story": 46, "list": 30, "short": 14, "report": 10}
_MARKS: Final = ("✔️ ", "· ", "🌿 ", "①②③④⑤", "- ")
_ANY_COMMENT: Final = 0.45
_ROOT_TITLE: Final = 0.42


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic's name, the root it belongs to, and its leaf when it is about one kind of thing."""

    name: str
    root: str
    leaf: str | None


@dataclass(frozen=True, slots=True)
class NoteText:
    """A note: title (1-20 characters), body (at most 1,000), 1-3 topic names, what it is about."""

    title: str
    body: str
    topics: tuple[str, ...]
    leaf: str
    noun: str


@dataclass(frozen=True, slots=True)
class CommentText:
    """A comment and the answers that fit it; none when nothing needs saying."""

    text: str
    replies: tuple[str, ...]


@cache
def topics() -> tuple[Topic, ...]:
    """The 120 topics, each with the category it fits; names are distinct."""
    bank = read("notes")
    general = [
        Topic(name, root, None) for root, part in bank["root"].items() for name in part["topics"]
    ]
    special = [
        Topic(name, code.partition("-")[0], code)
        for code, part in bank["leaf"].items()
        for name in part["topics"]
    ]
    return tuple(general + special)


def note(rng: random.Random, leaf: Leaf, noun: str | None = None) -> NoteText:
    """A whole note about a thing of ``leaf``.

    :param noun: what the attached product is called (``ProductText.noun``); drawn when None.
    """
    noun = noun or rng.choice(leaf.items).noun
    slots = _slots(rng, leaf, noun)
    return NoteText(
        title=_title(rng, leaf, slots),
        body=_body(rng, leaf, slots),
        topics=tuple(note_topics(rng, leaf)),
        leaf=leaf.code,
        noun=noun,
    )


def note_title(rng: random.Random, leaf: Leaf, noun: str | None = None) -> str:
    """A title of at most 20 characters."""
    return _title(rng, leaf, _slots(rng, leaf, noun or rng.choice(leaf.items).noun))


def note_body(rng: random.Random, leaf: Leaf, noun: str | None = None) -> str:
    """A body of at most 1,000 characters: a story, a list, a report or just two lines."""
    return _body(rng, leaf, _slots(rng, leaf, noun or rng.choice(leaf.items).noun))


def note_topics(rng: random.Random, leaf: Leaf) -> list[str]:
    """1 to 3 different topic names; the first is about this kind of thing, for the search."""
    own = _parts(leaf, "topics")
    general = _voice(leaf)["topics"]
    first = rng.choice(own)
    rest = [name for name in (*own, *general) if name != first]
    return [first, *some(rng, rest, 0, 2)]


def comment(rng: random.Random, leaf: Leaf, noun: str | None = None) -> CommentText:
    """A comment under a note about ``leaf``, and the replies that would fit."""
    if rng.random() < _ANY_COMMENT:
        rows = read("notes")["any"]["comments"]
    else:
        rows = _parts(leaf, "comments")
    slots = _slots(rng, leaf, noun or rng.choice(leaf.items).noun)
    text, *replies = columns(rng.choice(rows))
    text, tail = fill(text, slots), pick(rng, _TAILS)
    text += tail if text[-1] not in "？！～呀" else ""
    return CommentText(text=text, replies=tuple(replies))


def live_title(rng: random.Random, leaf: Leaf) -> str:
    """A live session's title, at most 30 characters."""
    return fill(rng.choice(_parts(leaf, "live")), {"item": rng.choice(leaf.items).noun})


def leaf_of(code: str) -> Leaf:
    """The leaf with this ascii code; the way from a stored category back to its texts."""
    return leaves_by_code()[code]


def _voice(leaf: Leaf) -> dict[str, Any]:
    """The root's parts, or those of another voice where the root's would not fit the thing."""
    bank = read("notes")
    voice = bank["leaf"][leaf.code].get("voice")
    parts: dict[str, Any] = bank["voice"][voice] if voice else bank["root"][leaf.root]
    return parts


def _parts(leaf: Leaf, name: str) -> Sequence[str]:
    """The leaf's own parts of this name, or else its voice's."""
    own = read("notes")["leaf"][leaf.code].get(name)
    parts: Sequence[str] = own or _voice(leaf)[name]
    return parts


def _slots(rng: random.Random, leaf: Leaf, noun: str) -> dict[str, str]:
    """One person per note: height and weight belong together (in 斤, half kilograms)."""
    height_cm = min(172, max(150, round(rng.gauss(160, 5))))
    per_bmi = (height_cm / 100) ** 2 * 2
    weight = round(rng.uniform(18.8, 23.5) * per_bmi)
    heavier = round(rng.uniform(23.8, 26.2) * per_bmi)
    height = _spoken_height(height_cm)
    petite = {"petite": height} if height_cm <= PETITE_CM else {}
    return petite | {
        "item": noun,
        "m": read("notes")["leaf"][leaf.code]["measure"],
        "height": height,
        "weight": f"{weight} 斤",
        "heavier": f"{heavier} 斤",
        "days": str(rng.choice((7, 10, 14, 15, 20, 21, 28, 30, 45, 60))),
        "times": rng.choice("二三四五六"),
    }


def _spoken_height(height_cm: int) -> str:
    """165 is said 一米六五, 160 一米六."""
    digits = "零一二三四五六七八九"
    tens, ones = divmod(height_cm - 100, 10)
    return f"一米{digits[tens]}{digits[ones] if ones else ''}"


def _title(rng: random.Random, leaf: Leaf, slots: Mapping[str, str]) -> str:
    own = read("notes")["leaf"][leaf.code]["titles"]
    rows = _voice(leaf)["titles"] if rng.random() < _ROOT_TITLE else own
    # A test holds every template against every noun; the cut is for nouns handed in from outside.
    return fill(rng.choice(_sayable(rows, slots)), slots)[:TITLE_LENGTH]


def _body(rng: random.Random, leaf: Leaf, slots: Mapping[str, str]) -> str:
    who, fit = columns(rng.choice(_sayable(_parts(leaf, "who"), slots)))
    opening, ending = rng.choice(_parts(leaf, "opens")), rng.choice(_parts(leaf, "ends"))
    minus = [rng.choice(_parts(leaf, "minus"))] if rng.random() < 0.6 else []
    layout = pick(rng, _LAYOUTS)
    if layout == "short":
        paragraphs = [opening, "".join(_says(rng, leaf, slots, 2, 2)) + fit]
    elif layout == "list":
        paragraphs = [
            opening,
            who,
            _listed(rng, _says(rng, leaf, slots, 3, 5)),
            fit,
            *minus,
            ending,
        ]
    elif layout == "report":
        says = _says(rng, leaf, slots, 3, 3)
        heads = ("最满意：", "没想到：", "小细节：")
        lines = "\n".join(head + say for head, say in zip(heads, says, strict=True))
        paragraphs = [who, lines, *minus, fit + rng.choice(read("notes")["any"]["asks"])]
    else:
        paragraphs = [opening + who, "".join(_says(rng, leaf, slots, 2, 4)) + fit, *minus, ending]
    return fill("\n\n".join(paragraphs), slots)[:BODY_LENGTH]


def _says(
    rng: random.Random, leaf: Leaf, slots: Mapping[str, str], low: int, high: int
) -> list[str]:
    return some(rng, _sayable(read("notes")["leaf"][leaf.code]["says"], slots), low, high)


def _sayable(rows: Sequence[str], slots: Mapping[str, str]) -> list[str]:
    """The rows that this person can say: somebody tall does not call herself petite."""
    return [row for row in rows if "petite" in slots or "{petite}" not in row]


def _listed(rng: random.Random, says: Sequence[str]) -> str:
    mark = rng.choice(_MARKS)
    numbered = mark.startswith("①")
    return "\n".join(
        (mark[place] if numbered else mark) + say.rstrip("。") for place, say in enumerate(says)
    )


_TAILS: Final[Mapping[str, float]] = {
    "": 74,
    "～": 8,
    " 😂": 4,
    " 🥹": 4,
    " ✨": 4,
    " 💗": 3,
    "！！": 3,
}
"""What people put after a comment; mostly nothing."""
