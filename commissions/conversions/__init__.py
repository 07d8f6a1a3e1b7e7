"""Conversions 站外转化: orders made on other platforms earn commission by the same rules (K10).

A source tells them as files or postbacks; each row becomes an external order line
(shops.external), and accrual, refunds, settlement and explanation are those of every line
(docs/decisions/0017-orders-made-elsewhere.md).
"""

from commissions.conversions.importing import (
    MAX_BYTES,
    FileTooLarge,
    delete_content,
    find,
    imports_of,
    run_imports,
    upload,
    verdict_csv,
    verdict_lines,
)
from commissions.conversions.postback import (
    MalformedConversion,
    PostbackForged,
    PostbackUnreadable,
    take_postback,
)
from commissions.conversions.reading import HEADER, Row, broken, row_of
from commissions.conversions.sources import (
    SourceClosed,
    SourceNameTaken,
    add_source,
    new_secret,
    own_source,
    reseal,
    set_goods,
    set_open,
    sources_of,
)
from commissions.conversions.verdicts import TAKEN, Verdict

__all__ = [
    "HEADER",
    "MAX_BYTES",
    "TAKEN",
    "FileTooLarge",
    "MalformedConversion",
    "PostbackForged",
    "PostbackUnreadable",
    "Row",
    "SourceClosed",
    "SourceNameTaken",
    "Verdict",
    "add_source",
    "broken",
    "delete_content",
    "find",
    "imports_of",
    "new_secret",
    "own_source",
    "reseal",
    "row_of",
    "run_imports",
    "set_goods",
    "set_open",
    "sources_of",
    "take_postback",
    "upload",
    "verdict_csv",
    "verdict_lines",
]
