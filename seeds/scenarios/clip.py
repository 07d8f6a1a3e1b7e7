"""A video file of one still picture: the smallest MP4 that decoders open (Motion JPEG in ISO
base media boxes), so that video notes have a real file without an encoder."""

import struct

TIMESCALE = 1_000
SECONDS = 3
_MATRIX = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def _full(kind: bytes, *parts: bytes, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", flags), *parts)


def still(jpeg: bytes, width: int, height: int) -> bytes:
    """An MP4 of SECONDS that shows `jpeg`, which is width × height pixels."""
    head = _box(b"ftyp", b"isom", struct.pack(">I", 512), b"isom", b"iso2", b"mp41")
    data = _box(b"mdat", jpeg)
    return head + data + _movie(len(jpeg), len(head) + 8, width, height)


def _movie(size: int, offset: int, width: int, height: int) -> bytes:
    length = TIMESCALE * SECONDS
    header = _full(
        b"mvhd",
        struct.pack(">IIII", 0, 0, TIMESCALE, length),
        struct.pack(">IHH8x", 1 << 16, 1 << 8, 0),
        _MATRIX,
        bytes(24),
        struct.pack(">I", 2),
    )
    track = _full(
        b"tkhd",
        struct.pack(">IIIII8xHHHH", 0, 0, 1, 0, length, 0, 0, 0, 0),
        _MATRIX,
        struct.pack(">II", width << 16, height << 16),
        flags=3,
    )
    media = _box(
        b"mdia",
        _full(b"mdhd", struct.pack(">IIIIHH", 0, 0, TIMESCALE, length, 0x55C4, 0)),
        _full(b"hdlr", struct.pack(">I", 0), b"vide", bytes(12), b"picture\0"),
        _box(
            b"minf",
            _full(b"vmhd", bytes(8), flags=1),
            _box(b"dinf", _full(b"dref", struct.pack(">I", 1), _full(b"url ", flags=1))),
            _samples(size, offset, width, height),
        ),
    )
    return _box(b"moov", header, _box(b"trak", track, media))


def _samples(size: int, offset: int, width: int, height: int) -> bytes:
    entry = _box(
        b"jpeg",
        struct.pack(">6xH16xHHII4xH32sHh", 1, width, height, 72 << 16, 72 << 16, 1, b"", 24, -1),
    )
    return _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1), entry),
        _full(b"stts", struct.pack(">III", 1, 1, TIMESCALE * SECONDS)),
        _full(b"stsc", struct.pack(">IIII", 1, 1, 1, 1)),
        _full(b"stsz", struct.pack(">III", 0, 1, size)),
        _full(b"stco", struct.pack(">II", 1, offset)),
    )
