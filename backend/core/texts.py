"""What people type: cleaned once, at the door.

Line ends and compatibility forms are normalised (NFC), control, zero-width and direction-
changing characters are refused, because a title that looks like another's is how people are
cheated; emoji (with their joiner) and Chinese pass.
"""

import re
import unicodedata

_JOINER, _SELECTOR = "\u200d", "\ufe0f"
_FORBIDDEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200c\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    # letters and signs that are drawn as nothing: fillers, an empty braille cell, tags
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]"
)
# The flags of England, Scotland, Wales: a black flag and the region's name in tags.
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f")


def problem_of(text: str) -> str | None:
    """Why this text is refused, or None where it is fine."""
    if "\x00" in text:
        return "Null characters are not allowed."
    if _FORBIDDEN.search(_FLAG.sub("", text.replace("\r\n", "\n"))):
        return "Invisible, control and direction-changing characters are not allowed."
    return None


def clean(text: str) -> str:
    """The text as it is stored: NFC, \\n line ends, no white space at its ends."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()


def skeleton(text: str) -> str:
    """The form in which two names are compared: compatibility folding, no case, no spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(
        character
        for character in folded
        if not character.isspace() and character not in (_JOINER, _SELECTOR)
    )


def is_blank(text: str) -> bool:
    """True where nothing visible is left: only spaces, joiners and selectors."""
    return not skeleton(text)
