"""Names of people as banks and tax offices write them."""

import re

from backend.core.errors import Invalid

# Letters of any script, with the dots, spaces, hyphens and apostrophes of names between them. No
# digits and no signs: an account number is no name, nor is a formula.
_NAME = re.compile(r"[^\W\d_]+(?:[ .'\u2019·-]{1,2}[^\W\d_]+)*\.?")
_DOTS = re.compile(r"\s*[·•‧・]\s*")
MOST = 40


class BadHolderName(Invalid):
    """No person's name: digits or signs in it, or too long."""

    code = "bad_holder_name"
    title = "The name is not valid"


def clean_name(text: str, field: str = "holder_name") -> str:
    """The name with its dots and spaces in one form.

    :raises BadHolderName: no person's name.
    """
    name = " ".join(_DOTS.sub("·", text).split())
    if len(name) > MOST or not _NAME.fullmatch(name):
        raise BadHolderName(fields={field: ["The name as the identity card or bank writes it."]})
    return name
