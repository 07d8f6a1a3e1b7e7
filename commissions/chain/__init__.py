"""The chain over the journals 凭证链: sealed behind the front, exported, archived, checked by
whoever does not trust us (decision 20, docs/outsiders.md)."""

from commissions.chain.archiving import ArchiveNotInOrder, TooYoungToArchive, archive
from commissions.chain.exporting import NothingToExport, Part, download, lines, packed, part
from commissions.chain.sealing import first_broken, head, seal

__all__ = [
    "ArchiveNotInOrder",
    "NothingToExport",
    "Part",
    "TooYoungToArchive",
    "archive",
    "download",
    "first_broken",
    "head",
    "lines",
    "packed",
    "part",
    "seal",
]
