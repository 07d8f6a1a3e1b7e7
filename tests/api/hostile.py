"""What nobody should send, by the type of the place where it stands."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

OVER = 2**63


@dataclass(frozen=True)
class Bad:
    """A value. `refused`: there is no reading in which it is fine. `raw` stands in the document as
    it is, for what no encoder writes."""

    name: str
    value: Any = None
    refused: bool = True
    raw: str = ""


# ---------------------------------------------------------------- by type
_INVISIBLE = {
    "a zero-width space": "\u200b",
    "a byte order mark": "\ufeff",
    "a bidi override": "\u202e",
    "a bidi isolate": "\u2066",
    "a line separator": "\u2028",
    "a soft hyphen": "\u00ad",
    "a Mongolian vowel separator": "\u180e",
    "an Arabic letter mark": "\u061c",
    "a word joiner": "\u2060",
    "a Hangul filler": "\u3164",
    "a half-width Hangul filler": "\uffa0",
    "a Hangul jongseong filler": "\u1160",
    "a grapheme joiner": "\u034f",
    "an empty braille cell": "\u2800",
    "an interlinear anchor": "\ufff9",
    "a language tag": "\U000e0001",
    "a tag letter alone": "\U000e0061",
    "an escape": "\x1b[2J",
    "a C1 control": "\x9b",
    "a backspace": "a\b",
}
_WRONG_FOR_TEXT = [
    Bad("a number for text", 12_345_678),
    Bad("a number with a point for text", 1.5),
    Bad("true for text", True),
    Bad("a list for text", ["a"]),
    Bad("an object for text", {"a": "b"}),
    Bad("null for text", None),
]
TEXT = [
    Bad("NUL", "a\x00b"),
    Bad("a lone high surrogate", raw='"\\ud800"'),
    Bad("a lone low surrogate", raw='"a\\udfffb"'),
    Bad("surrogates the wrong way round", raw='"\\udc00\\ud800"'),
    *(Bad(name, f"大{text}衣") for name, text in _INVISIBLE.items()),
    Bad("nothing but a Hangul filler", "\u3164"),
    Bad("100,000 characters", "长" * 100_000),
    *_WRONG_FOR_TEXT,
    Bad("nothing but spaces", " \u3000 ", refused=False),
    Bad("nothing but joiners", "\u200d\u200d", refused=False),
    Bad("empty", "", refused=False),
    Bad("emoji with joiners", "👩‍👩‍👧 🇨🇳👍🏽❤️", refused=False),
    Bad("a flag of tags", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", False),
    Bad("500 accents on a letter", "a" + "\u0301" * 500, refused=False),
    Bad("a quote and a comment", "' OR 1=1; --", refused=False),
    Bad("a format string", "{0.__class__}%s%n{{7*7}}${7*7}", refused=False),
    Bad("a script", "<script>alert(1)</script>", refused=False),
    Bad("a way up", "../../../../etc/passwd", refused=False),
    Bad("line ends", "a\r\nX-Evil: 1\r\n\r\nb", refused=False),
    Bad("a formula", "=HYPERLINK(1)", refused=False),
    Bad("LIKE's own characters", "%_\\%", refused=False),
    Bad("a last code point", "\U0010ffff\uffff", refused=False),
    Bad("full-width digits", "１２３", refused=False),
    Bad("turkish capitals", "İIıi", refused=False),
]
INTEGER = [
    Bad("text for a number", "1"),
    Bad("full-width text for a number", "１"),
    Bad("1.0", 1.0),
    Bad("1e2", raw="1e2"),
    Bad("1e400", raw="1e400"),
    Bad("-1e400", raw="-1e400"),
    Bad("NaN", raw="NaN"),
    Bad("Infinity", raw="Infinity"),
    Bad("5,000 digits", raw="9" * 5_000),
    Bad("20 digits", raw="1" + "0" * 19),
    Bad("2**63", OVER),
    Bad("-2**63 - 1", -OVER - 1),
    Bad("true for a number", True),
    Bad("a list for a number", [1]),
    Bad("an object for a number", {"a": 1}),
    Bad("a half written number", raw="01"),
    Bad("a hexadecimal number", raw="0x10"),
    Bad("null for a number", None),
    Bad("2**63 - 1", OVER - 1, refused=False),
    Bad("0", 0, refused=False),
    Bad("-0", raw="-0", refused=False),
    Bad("-1", -1, refused=False),
]
NUMBER = [
    Bad("text for a share", "0.5"),
    Bad("true for a share", True),
    Bad("NaN", raw="NaN"),
    Bad("Infinity", raw="-Infinity"),
    Bad("1e400", raw="1e400"),
    Bad("below nothing", -0.1),
    Bad("above the whole", 1.1),
    Bad("a list for a share", [0.5]),
    Bad("null for a share", None),
    Bad("400 decimals", raw="0." + "1" * 400, refused=False),
    Bad("1e-400", raw="1e-400", refused=False),
]
BOOLEAN = [
    *(Bad(f"{value!r} for a boolean", value) for value in ("true", "yes", "on", "1", "", 0, 1, 2)),
    Bad("null for a boolean", None),
    Bad("a list for a boolean", [True]),
    Bad("an object for a boolean", {}),
    Bad("1.0 for a boolean", 1.0),
]
ENUM = [
    Bad("a choice nobody knows", "stolen"),
    Bad("a choice in capitals", "IMAGE"),
    Bad("a choice with NUL", "image\x00"),
    Bad("a choice with a surrogate", raw='"\\ud800"'),
    Bad("a number for a choice", 0),
    Bad("true for a choice", True),
    Bad("a list for a choice", ["image"]),
    Bad("an object for a choice", {"image": 1}),
    Bad("100,000 characters", "x" * 100_000),
    Bad("null for a choice", None),
]
DATE = [
    *(
        Bad(f"{day} for a day", day)
        for day in ("2026-02-30", "0000-00-00", "10000-01-01", "２０２６-０１-０１", "2026-W01-1",
                    "20260101", "2026-1-1", "2026-01-01T00:00:00Z", "today", "", "\x00")
    ),
    Bad("a surrogate for a day", raw='"\\ud800"'),
    Bad("a number for a day", 20_260_101),
    Bad("a list for a day", ["2026-01-01"]),
    Bad("true for a day", True),
    Bad("the first day there is", "0001-01-01", refused=False),
    Bad("the last day there is", "9999-12-31", refused=False),
]  # fmt: skip
LIST = [
    Bad("an object for a list", {"0": 1}),
    Bad("text for a list", "x"),
    Bad("a number for a list", 1),
    Bad("true for a list", True),
    Bad("null for a list", None),
    Bad("a list of null", [None]),
    Bad("10,000 times nothing", [None] * 10_000),
    Bad("31 lists deep", raw="[" * 31 + "]" * 31),
    Bad("100,000 lists deep", raw="[" * 100_000 + "]" * 100_000),
    Bad("an empty list", [], refused=False),
]
OBJECT = [
    Bad("a list for an object", [1]),
    Bad("text for an object", "x"),
    Bad("a number for an object", 1),
    Bad("true for an object", True),
    Bad("null for an object", None),
    Bad("a prototype", {"__proto__": {"is_staff": True}, "constructor": {}}),
    Bad("a key that stands twice", raw='{"id": 1, "id": 2}'),
    Bad("a key with NUL", {"a\x00": 1}),
    Bad("a key with a surrogate", raw='{"\\ud800": 1}'),
    Bad("100,000 objects deep", raw='{"a":' * 100_000 + "1" + "}" * 100_000),
]
MAP = [
    *OBJECT[:5],
    *OBJECT[6:],
    Bad("a name without a letter", {"": "x"}),
    Bad("a name of a zero-width space", {"\u200b": "x"}),
    Bad("a name of 1,000 letters", {"a" * 1_000: "x"}),
    Bad("1,000 names", {f"n{number}": "x" for number in range(1_000)}),
    Bad("two names alike", {"cafe\u0301": "x", "caf\u00e9": "y"}),
    Bad("a number for a value", {"a": 1}),
    Bad("null for a value", {"a": None}),
    Bad("an object for a value", {"a": {"b": "c"}}),
    Bad("NUL for a value", {"a": "\x00"}),
]
# Documents that stand in the place of the whole body.
DOCUMENTS = [
    Bad("half a document", raw='{"a": 1'),
    Bad("two documents", raw="{} {}"),
    Bad("a list", raw="[1]"),
    Bad("a text", raw='"x"'),
    Bad("a number", raw="1"),
    Bad("null", raw="null"),
    Bad("a comment", raw='{/* */"a": 1}'),
    Bad("a comma too many", raw='{"a": 1,}'),
    Bad("single quotes", raw="{'a': 1}"),
    Bad("NaN", raw='{"a": NaN}'),
    Bad("a key that stands twice", raw='{"a": 1, "a": 2}'),
    Bad("a key with NUL", raw='{"\\u0000": 1}'),
    Bad("a key with a surrogate", raw='{"\\udfff": 1}'),
    Bad("100,000 brackets", raw='{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"),
    Bad("33 deep", raw='{"a": ' + "[" * 33 + "]" * 33 + "}"),
    Bad("a number of 5,000 digits", raw='{"a": ' + "9" * 5_000 + "}"),
    Bad("an unknown field", raw='{"price_fen_of_my_own": 1}'),
    Bad("10,000 unknown fields", raw=json.dumps({f"f{number}": 1 for number in range(10_000)})),
]
RAW_BYTES = {
    "bytes that are no UTF-8": b'{"a": "\xff\xfe"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-8 with a mark": b"\xef\xbb\xbf{}",
    "an overlong slash": b'{"a": "\xc0\xaf"}',
    "a raw surrogate": b'{"a": "\xed\xa0\x80"}',
    "a raw NUL": b'{"a": "\x00"}',
    "1 MiB and a byte": b'{"a": "' + b"x" * 1_048_576 + b'"}',
}
# In a query or a path, percent-encoded already.
QUERY_TEXT = [
    Bad("NUL", "%00"),
    Bad("a surrogate", "%ED%A0%80", refused=False),
    Bad("no UTF-8", "%FF%FE", refused=False),
    Bad("a zero-width space", quote("\u200b"), refused=False),
    Bad("a bidi override", quote("a\u202eb"), refused=False),
    Bad("5,000 letters", "x" * 5_000),
    Bad("half an escape", "%E5%9", refused=False),
    Bad("line ends", "a%0d%0aX-Evil:%201", refused=False),
    Bad("a quote", quote("' OR 1=1 --"), refused=False),
    Bad("LIKE's own characters", quote("%_\\"), refused=False),
    Bad("emoji", quote("👩‍👩‍👧"), refused=False),
    Bad("a way up", quote("../../etc/passwd", safe=""), refused=False),
]
QUERY_INTEGER = [
    Bad(f"{text[:20]} for a number", quote(text))
    for text in ("abc", "1.0", "1e3", "１", "0x1", " 1", "1_000", "+1", "", "\x00", "true", "١",
                 str(OVER), "-1", "0", "9" * 5_000, "--1", "-")
]  # fmt: skip
QUERY_ENUM = [
    Bad(f"{text[:20]} for a choice", quote(text))
    for text in ("stolen", "\x00", "ALL", "x" * 5_000, "\u200b", "all,image", "' OR 1=1 --")
]
QUERY_DATE = [
    Bad(f"{text} for a day", quote(text))
    for text in ("2026-02-30", "today", "\x00", "20260101", "２０２６-０１-０１", "2026-W01-1", "",
                 "0", "2026-01-01T00:00:00Z", "10000-01-01", "-0001-01-01")
]  # fmt: skip
CURSORS = [
    Bad(f"cursor {text[:16]}", quote(text))
    for text in ("x", "!!!!", "\x00", "bnVsbA", "WzFd" * 200, "WyJhIl0", "W3RydWVd", "e30", "W10",
                 "W05hTl0", "W0luZmluaXR5LDFd", "WzFlNDAwLDFd", "WyJcdWQ4MDAiXQ", "WyJcdTAwMDAiXQ",
                 "WzkyMjMzNzIwMzY4NTQ3NzU4MDhd", "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwx", "😀",
                 "W1tbW1tbW1tbW1tbW1tbW1tbW1tb", "WyJhIiwiYiIsImMiXQ")
]  # fmt: skip
PAGE_SIZES = [
    Bad(f"{text[:16]} rows", quote(text))
    for text in ("0", "-1", "51", "1000000000", "9" * 20, "1e3", "abc", "５", "5\x00", "1.0", "",
                 " 5", "+5", "٥")
]  # fmt: skip
PATH_INTEGER = ["0", "-1", "1.0", "1e3", str(OVER), "9" * 4_000, "abc", "%00", "１", "1%00", "+1",
                "%ED%A0%80", "1%2F..", "1;x=1", "1'"]  # fmt: skip
PATH_TEXT = ["%00", "a%00b", "%ED%A0%80", "%FF", "x" * 5_000, "%F0%9F%98%80", "..%2f..", "{}",
             "'%20OR%201=1", "%E2%80%8B", "%0d%0aX:1", "%25", "%20", "a;b", "\\..\\..", "%EF%BC%A1",
             "%C4%B0"]  # fmt: skip
_VISITOR = "tuike_visitor="
HEADERS: dict[str, list[str]] = {
    "Authorization": [
        "", "Bearer", "Bearer ", "Bearer a\x00b", "Token a\x00b", "\x00", "Negotiate",
        "Bearer " + "x" * 8_000, "Basic YTpi", "Basic \xff", "bearer\ttuike_", 'Digest a="b"',
        "Bearer null",
        "Bearer tuike_" + "é" * 43, "Bearer tuike_" + "A" * 43, "Bearer tuike_" + "A" * 43 + "\n",
        "Bearer tuike_x, Bearer tuike_y", "Bearer \xed\xa0\x80",
    ],
    "Idempotency-Key": [
        "", " ", "k" * 129, "a b", "é", "a\x00b", "a\tb", "\x7f", "键".encode().decode("latin-1"),
    ],
    "X-Request-ID": [
        "", "\x00" * 8, "a" * 5_000, "<script>", "a\r\nX-Evil: 1", "é" * 10, "../../etc",
    ],
    "Accept": [
        "", "text/html", "application/xml", "*/*;q=0", "application/json;q=abc", ";;;", "\x00",
        "a" * 5_000, "application/json; indent=9999999999", "application/json;version=\x00",
    ],
    "Accept-Language": ["", "zh-Hans-CN-" + "x" * 5_000, "\x00", "../../x", "a;q=9e999", "*"],
    "Content-Type": [
        "", "\x00", "application/json; charset=utf-7", "application/json; charset=none",
        "text/plain",
        "application/xml", "multipart/form-data", "multipart/form-data; boundary=", "a/b/c", ";",
        "multipart/form-data; boundary=" + "x" * 300, "application/x-www-form-urlencoded",
        "application/json, text/plain", "application/json; charset=" + "x" * 5_000,
    ],
    "Cookie": [
        _VISITOR, _VISITOR + "\x00", _VISITOR + "x" * 5_000, _VISITOR + "é" * 22, "=;=;=", '"',
        "sessionid=\x00", "csrftoken=é", "a=b; a=c; " * 500, "sessionid=" + "a" * 5_000,
    ],
    "X-Forwarded-For": ["", "\x00", "999.999.999.999", ", , ,", "::1%eth0", "x" * 5_000, "é"],
    "X-Forwarded-Proto": ["https, http", "\x00", "javascript"],
    "X-Forwarded-Host": ["evil.example", "\x00"],
    "Host": ["evil.example:99999", "a b", "\x00", "[::1", "é.example", "x" * 300],
    "Forwarded": ["for=\x00", 'for="[::1]";host=evil'],
    "If-None-Match": ["\x00", '"', "W/", "*", "x" * 5_000, ", , ,"],
    "If-Modified-Since": ["yesterday", "\x00", "Thu, 99 Foo 9999 99:99:99 GMT"],
    "Range": ["bytes=-1", "bytes=9-1", "bytes=\x00", "x" * 5_000],
    "Origin": ["null", "\x00", "https://evil.example"],
    "Referer": ["\x00", "x" * 5_000],
    "Purpose": ["\x00", "prefetch" * 500],
    "User-Agent": ["\x00", "x" * 8_000],
    "Content-Encoding": ["gzip", "\x00"],
    "Transfer-Encoding": ["chunked", "x"],
    "Expect": ["100-continue", "\x00"],
}  # fmt: skip
# What a payment provider signs with; the stamps are written by the test.
WEBHOOK: dict[str, list[str]] = {
    "webhook-id": ["", "\x00", "é", "a b", "x" * 65, "<script>", "a.b\n", "../"],
    "webhook-timestamp": ["", "abc", "1e9", "１", "-1", "9" * 30, "0", "NaN", "1.0",
                          "\x00", " 1", "0x1"],
    "webhook-signature": [
        "", "v1", "v1,", "v1,AAAA", "v2,AAAA", "v1,é", "v1,\x00", "AAAA", "v1,AAAA " * 500, ",",
        "v1a,AAAA",
    ],
}  # fmt: skip
