"""Log lines: JSON with the request's id in production, one readable line elsewhere.

Whatever a line is made of, three things hold for it (docs/operations/hardening.md, "Logs"): one
record is one line, nothing that opens a door stands in it, and no row of ours is quoted in it.
"""

import logging
import re

import structlog
from structlog.contextvars import merge_contextvars

# What `log.info("…", extra={…})` may add to a line; anything else is dropped.
FIELDS = ["status", "code", "method", "path", "address", "account", "token", "seconds"]

# A token, a sealed value, a password in an address, an identity or bank card, a phone number.
_SECRETS = [
    (re.compile(r"tuike_[A-Za-z0-9_-]{43}"), "tuike_[hidden]"),
    (re.compile(r"(?i)\b(bearer|basic) [A-Za-z0-9._~+/=-]{8,}"), r"\1 [hidden]"),
    (re.compile(r"gAAAAA[A-Za-z0-9_-]{20,}={0,2}"), "[sealed]"),
    (re.compile(r"://[^/\s:@\"']*:[^/\s@\"']+@"), "://[hidden]@"),
    (
        re.compile(
            r"(?i)([\"']?\b(?:password|passwd|secret|secret_key|field_keys|token|otp)[\"']?\s*[=:]\s*)"
            r"(\"[^\"]*\"|'[^']*'|[^\s,;&)}\]]+)"
        ),
        r"\1[hidden]",
    ),
    (re.compile(r"(?<![0-9A-Za-z.])[0-9]{13,18}(?:[0-9]|X|x)(?![0-9A-Za-z])"), "[number]"),
    (re.compile(r"(?<![0-9A-Za-z.])(?:\+?86)?1[3-9][0-9]{9}(?![0-9A-Za-z])"), "[phone]"),
]
# PostgreSQL quotes the row that it refuses: "DETAIL:  Failing row contains (…)".
_ROW = re.compile(r"DETAIL:.*?(?=\n[A-Z]+:|\n\n(?:The above|During handling)|\Z)", re.S)
# What would begin a new line, or steer a terminal.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def scrub(text: str) -> str:
    """The text without what must not stand in a log."""
    text = _ROW.sub("DETAIL: [row left out]", text)
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def one_line(text: str) -> str:
    """The text with every control character spelled out: a caller's line break is no new record."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _clean(_: object, __: str, record: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """structlog's processor: every text of a record cleaned; only a stack trace keeps its lines."""
    for name, value in record.items():
        if isinstance(value, str):
            clean = scrub(value)
            record[name] = clean if name in {"exception", "stack"} else one_line(clean)
    return record


class Formatter(structlog.stdlib.ProcessorFormatter):
    """Formats records of the standard library and of structlog alike.

    `style_name` is 'json' or 'console'.
    """

    def __init__(self, style_name: str = "console") -> None:
        renderer: structlog.typing.Processor = (
            structlog.processors.JSONRenderer(ensure_ascii=False)
            if style_name == "json"
            else structlog.dev.ConsoleRenderer(colors=False)
        )
        super().__init__(
            foreign_pre_chain=[
                merge_contextvars,
                structlog.stdlib.ExtraAdder(allow=FIELDS),
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _clean,
                renderer,
            ],
        )


def get(name: str) -> logging.Logger:
    """The logger of a module."""
    return logging.getLogger(name)
