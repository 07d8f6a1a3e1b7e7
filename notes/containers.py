"""MP4 as a container 视频容器: is it one through and through, and where does it say too much.

A video is not decoded here, but its boxes are walked from the first byte to the last: nothing
stands before, between or behind them, so no second file hides at an end. What tells about the
person instead of the picture (where it was filmed, with what, free text) is blanked where it
stands: its box becomes an empty `free` of the same size, and no offset moves.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

MOVIE_MAX_BYTES = 32 * 2**20
BOXES_MAX = 20_000
_BRANDS = frozenset(
    {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"M4VP"}
)
# What stands at the top of a file: ISO/IEC 14496-12, fragmented and not.
_TOP = frozenset(
    {b"ftyp", b"moov", b"mdat", b"moof", b"mfra", b"sidx", b"ssix", b"styp", b"prft", b"emsg",
     b"pdin", b"free", b"skip", b"wide", b"uuid", b"meta", b"udta"}
)  # fmt: skip
# Descriptions of the maker's choosing: places, devices, names, anything.
_TALKS = frozenset({b"free", b"skip", b"uuid", b"meta", b"udta"})
_BRAND_MAX = 1_016  # bytes of ftyp
_WIDE = 16  # bytes of a header whose size has 64 bits
_PIECE = bytes(65_536)


class NotMp4(Exception):
    """The file is no MP4 from its first byte to its last; the message says where it stops
    being one."""


class Bytes(Protocol):
    """An open file of known size."""

    @property
    def size(self) -> int: ...
    def seek(self, offset: int, /) -> int: ...
    def read(self, size: int, /) -> bytes: ...
    def write(self, data: bytes, /) -> int: ...


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its kind, where it begins, where its contents begin, where it ends."""

    kind: bytes
    start: int
    inner: int
    end: int


def bare(file: Bytes) -> None:
    """Holds the whole file against the rules and blanks, in place, what talks about the person.

    :raises NotMp4: it breaks one.
    """
    walk = _Walk(file)
    top = list(walk.boxes(Box(b"", 0, 0, file.size), last_may_be_open=True))
    kinds = [box.kind for box in top]
    if kinds.count(b"ftyp") != 1 or kinds[0] != b"ftyp" or kinds.count(b"moov") != 1:
        raise NotMp4("it begins with one ftyp and has one moov")
    if not {b"mdat", b"moof"} & set(kinds):
        raise NotMp4("no picture in it")
    if set(kinds) - _TOP:
        raise NotMp4("an unknown box at its top")
    walk.check_brand(top[0])
    movie = next(box for box in top if box.kind == b"moov")
    if movie.end - movie.start > MOVIE_MAX_BYTES:
        raise NotMp4("too long a table of contents")
    talking = [box for box in top if box.kind in _TALKS]
    for box in [*talking, *walk.talking_in(movie)]:
        walk.blank(box)
    file.seek(0)


class _Walk:
    """Through one file, so many boxes at most, wherever they stand."""

    def __init__(self, file: Bytes) -> None:
        self._file = file
        self._left = BOXES_MAX

    def boxes(self, around: Box, *, last_may_be_open: bool = False) -> Iterator[Box]:
        """The boxes inside another one, which they fill exactly."""
        place, end = around.inner, around.end
        while place < end:
            self._left -= 1
            head = self._read(place, min(_WIDE, end - place))
            if len(head) < 8 or self._left < 0:
                raise NotMp4(f"no box at {place}, or too many before it")
            size, kind, inner = int.from_bytes(head[:4], "big"), head[4:8], place + 8
            if size == 1 and len(head) == _WIDE:
                size, inner = int.from_bytes(head[8:], "big"), place + _WIDE
            elif size == 0 and last_may_be_open and kind == b"mdat":
                size = end - place
            if not inner - place <= size <= end - place:
                raise NotMp4(f"the box at {place} does not fit")
            yield Box(kind, place, inner, place + size)
            place += size

    def check_brand(self, box: Box) -> None:
        """Whether the file calls itself an MP4."""
        if box.end - box.inner > _BRAND_MAX or self._read(box.inner, 4) not in _BRANDS:
            raise NotMp4("another brand")

    def talking_in(self, movie: Box) -> Iterator[Box]:
        """What talks within the table of contents; whole tracks that are neither picture nor sound
        (a path of places, second by second) too."""
        for box in self.boxes(movie):
            if box.kind in _TALKS:
                yield box
            elif box.kind == b"trak":
                inside = list(self.boxes(box))
                if any(part.kind == b"mdia" and self._talks(part) for part in inside):
                    yield box
                else:
                    yield from (part for part in inside if part.kind in _TALKS)

    def _talks(self, media: Box) -> bool:
        for box in self.boxes(media):
            if box.kind == b"hdlr":
                return self._read(box.inner + 8, 4) not in (b"vide", b"soun")
        return True

    def blank(self, box: Box) -> None:
        """Makes an empty `free` of a box, of the same size."""
        self._file.seek(box.start + 4)
        self._file.write(b"free")
        self._file.seek(box.inner)
        for start in range(0, box.end - box.inner, len(_PIECE)):
            self._file.write(_PIECE[: box.end - box.inner - start])

    def _read(self, place: int, size: int) -> bytes:
        self._file.seek(place)
        return self._file.read(size)
