"""MP4 uploads: walked box by box, and what talks about the person blanked. ASVS V5.2; D8."""

import struct
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from notes import containers
from notes.models import MediaFile
from seeds.scenarios import clip
from tests.cast import Person

HTML = b"<html><script>alert(1)</script></html>"
PLACE = b"+31.2304+121.4737/"
SIDES = {"width": "60", "height": "40"}
FTYP = b"\0\0\0\x18ftypisom\0\0\2\0isommp41"


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box."""
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def film() -> bytes:
    """The smallest film that decoders open."""
    return clip.still(b"\xff\xd8 no need of a picture here \xff\xd9", 60, 40)


def inside_movie(extra: bytes) -> bytes:
    """The film with another box in its table of contents; its data stand before it."""
    whole = film()
    place = whole.index(b"moov") - 4
    size = int.from_bytes(whole[place : place + 4], "big") + len(extra)
    return whole[:place] + struct.pack(">I", size) + whole[place + 4 :] + extra


def track_of(handler: bytes, data: bytes, beside: bytes = b"") -> bytes:
    """A track that says what it is."""
    hdlr = box(b"hdlr", bytes(8), handler, bytes(12), b"\0")
    return box(b"trak", beside, box(b"mdia", hdlr, box(b"minf", data)))


def upload(person: Person, content: bytes, **fields: str) -> Any:
    """The API's answer to a film."""
    file = SimpleUploadedFile("a.mp4", content)
    return person.client.post("/v1/media", {"file": file, **(fields or SIDES)}, format="multipart")


def stored(settings: Any, answer: Any) -> bytes:
    """The bytes that lie on the disk."""
    assert answer.status_code == 201, answer.content
    return (Path(settings.MEDIA_ROOT) / answer.json()["url"].removeprefix("/media/")).read_bytes()


def test_a_film_without_words_is_kept_byte_for_byte(selena: Person, settings: Any) -> None:
    answer = upload(selena, film(), width="1080", height="1920")
    body = answer.json()
    assert (body["kind"], body["width"], body["height"]) == ("video", 1080, 1920)
    assert stored(settings, answer) == film()


def test_a_film_needs_its_sides(selena: Person) -> None:
    for sides in ({"width": "7"}, {"width": "0", "height": "5"}, {"width": "99999", "height": "5"}):
        answer = upload(selena, film(), **sides)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_dimensions")


@pytest.mark.parametrize(
    "content",
    [
        inside_movie(box(b"udta", box(b"\xa9xyz", struct.pack(">HH", len(PLACE), 0), PLACE))),
        inside_movie(box(b"meta", bytes(4), box(b"ilst", PLACE))),
        inside_movie(box(b"uuid", bytes(16), PLACE)),
        inside_movie(track_of(b"vide", b"", box(b"udta", PLACE))),
        inside_movie(track_of(b"meta", PLACE)),
        inside_movie(track_of(b"sbtl", PLACE)),
        inside_movie(track_of(b"tmcd", PLACE)),
        film() + box(b"free", PLACE),
        film() + box(b"skip", PLACE * 9_000),
        film() + box(b"uuid", PLACE),
        film() + box(b"meta", PLACE),
        film() + box(b"udta", PLACE),
    ],
    ids=["udta", "meta", "uuid", "udta of a track", "a path", "subtitles", "a time code", "free",
         "a long skip", "uuid at the top", "meta at the top", "udta at the top"],
)  # fmt: skip
def test_where_and_with_what_a_film_was_made_is_forgotten(
    selena: Person, settings: Any, content: bytes
) -> None:
    assert PLACE in content
    kept = stored(settings, upload(selena, content))
    assert PLACE not in kept
    assert len(kept) == len(content), "no offset moves"
    data = film().index(b"mdat")
    assert kept[: data + 40] == content[: data + 40], "the picture stays"
    assert MediaFile.objects.get().size_bytes == len(kept)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        HTML,
        FTYP,
        FTYP + HTML,
        film() + HTML,
        HTML + film(),
        film()[:-1],
        film() + b"\0",
        film() + film(),
        film() + box(b"html", HTML),
        film() + b"PK\x03\x04" + bytes(60),
        film().replace(b"isom", b"heic", 1),
        film().replace(b"isom", b"qt  ", 1),
        FTYP + box(b"moov"),
        FTYP + box(b"mdat", HTML),
        box(b"moov") + FTYP + box(b"mdat"),
        FTYP + box(b"moov", b"short") + box(b"mdat"),
        FTYP + struct.pack(">I", 2**31) + b"moov" + box(b"mdat"),
        FTYP + b"\0\0\0\1moov" + struct.pack(">Q", 2**63) + box(b"mdat"),
        FTYP + b"\0\0\0\1moov" + struct.pack(">Q", 3) + box(b"mdat"),
        FTYP + box(b"moov") + b"\0\0\0\0free" + box(b"mdat"),
        FTYP + box(b"moov") + b"\0\0\0\7mdat",
        box(b"ftyp", b"isom", bytes(2_000)) + box(b"moov") + box(b"mdat"),
        b"RIFF\x24\0\0\0AVI LIST" + bytes(60),
        b"\x1aE\xdf\xa3" + bytes(60),
        b"#!/bin/sh\nrm -rf /\n",
    ],
)
def test_what_is_no_film_through_and_through_is_refused(selena: Person, content: bytes) -> None:
    answer = upload(selena, content)
    assert answer.status_code in (415, 422)
    assert MediaFile.objects.count() == 0


def test_an_open_last_box_and_wide_sizes_are_read(selena: Person) -> None:
    movie = film()[film().index(b"moov") - 4 :]
    for data in (b"\0\0\0\0mdat" + HTML, b"\0\0\0\1mdat" + struct.pack(">Q", 16 + 9) + bytes(9)):
        assert upload(selena, FTYP + movie + data).status_code == 201
    pieces = box(b"moof", bytes(8)) + box(b"mdat", bytes(9))
    assert upload(selena, FTYP + movie + pieces * 3 + box(b"mfra", bytes(8))).status_code == 201


def test_endless_boxes_are_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever they stand: the count is of the file, not of a level."""
    monkeypatch.setattr(containers, "BOXES_MAX", 60)
    deep = inside_movie(b"".join(box(b"trak", box(b"abcd") * 9) for _ in range(9)))
    for content in (film() + box(b"free") * 61, deep):
        with pytest.raises(containers.NotMp4, match="too many"):
            containers.bare(SimpleUploadedFile("a.mp4", content))


def test_a_long_table_of_contents_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MOVIE_MAX_BYTES", 500)
    with pytest.raises(containers.NotMp4, match="table of contents"):
        containers.bare(SimpleUploadedFile("a.mp4", inside_movie(box(b"udta", bytes(900)))))
