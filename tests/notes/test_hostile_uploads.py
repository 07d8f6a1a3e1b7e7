"""Files made to harm: no picture, a picture and something else, too much of one. ASVS V5."""

import io
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, PngImagePlugin
from rest_framework.test import APIClient

from notes import media
from notes.models import MediaFile
from tests.cast import Person

HTML = b"<html><script>alert(document.cookie)</script></html>"


def upload(person: Person, name: str, content: bytes, **fields: str) -> Any:
    """The API's answer to a file."""
    file = SimpleUploadedFile(name, content)
    return person.client.post("/v1/media", {"file": file, **fields}, format="multipart")


def stored(settings: Any, answer: Any) -> bytes:
    """The bytes that lie on the disk."""
    assert answer.status_code == 201, answer.content
    return (Path(settings.MEDIA_ROOT) / answer.json()["url"].removeprefix("/media/")).read_bytes()


def encoded(kind: str, size: tuple[int, int] = (60, 40), mode: str = "RGB", **more: Any) -> bytes:
    """A harmless picture."""
    out = io.BytesIO()
    Image.new(mode, size, "teal").save(out, format=kind, **more)
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, data: bytes) -> bytes:
    """A PNG that says it is so large and holds this compressed data."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", data), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def gps() -> Image.Exif:
    """Where a picture was taken."""
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (31.0, 13.0, 49.0), 3: "E", 4: (121.0, 28.0, 25.0)}
    exif[0x0110] = "Phone of Lily"
    return exif


# ---------------------------------------------------------------- a picture and something else
def test_a_picture_that_is_a_web_page_too_loses_the_page(selena: Person, settings: Any) -> None:
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", HTML.decode())
    note.add_itxt("XML:com.adobe.xmp", HTML.decode())
    polyglots = {
        "a.png": encoded("PNG", pnginfo=note) + HTML,
        "b.jpg": encoded("JPEG", comment=HTML) + HTML,
        "c.webp": encoded("WEBP", xmp=HTML) + HTML,
        "d.jpg": encoded("JPEG") + b"PK\x03\x04" + b"\0" * 30 + b"PK\x05\x06" + b"\0" * 18,
    }
    for name, content in polyglots.items():
        kept = stored(settings, upload(selena, name, content))
        for harm in (b"<script", b"<html", b"PK\x03\x04"):
            assert harm not in kept, name


def test_a_web_page_in_the_pixels_cannot_run(
    selena: Person, anyone: APIClient, settings: Any
) -> None:
    """A PNG's pixels can be chosen so that its compressed data reads as HTML, and survive: the
    answer's type, nosniff, its policy and the download keep it from being a page."""
    answer = upload(selena, "a.png", encoded("PNG"))
    path = Path(settings.MEDIA_ROOT) / answer.json()["url"].removeprefix("/media/")
    path.write_bytes(HTML)
    served = anyone.get(answer.json()["url"])
    assert served["Content-Type"] == "image/png"
    assert served["X-Content-Type-Options"] == "nosniff"
    assert served["Content-Disposition"] == "attachment"
    assert "default-src 'none'" in served["Content-Security-Policy"]
    assert "sandbox" in served["Content-Security-Policy"]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_where_a_picture_was_taken_is_forgotten(selena: Person, settings: Any, kind: str) -> None:
    content = encoded(kind, exif=gps())
    assert Image.open(io.BytesIO(content)).getexif().get_ifd(0x8825)
    kept = stored(settings, upload(selena, f"a.{kind.lower()}", content))
    again = Image.open(io.BytesIO(kept))
    assert not again.getexif()
    assert not again.info.get("exif")
    assert b"Phone of Lily" not in kept


def test_a_picture_of_several_is_its_first(selena: Person, settings: Any) -> None:
    """Phones write JPEGs with more pictures behind the first (MPO), GPS and all."""
    out = io.BytesIO()
    first, second = Image.new("RGB", (60, 40), "teal"), Image.new("RGB", (60, 40), "red")
    first.save(out, format="MPO", save_all=True, append_images=[second], exif=gps())
    assert Image.open(io.BytesIO(out.getvalue())).format == "MPO"
    answer = upload(selena, "a.jpg", out.getvalue())
    kept = Image.open(io.BytesIO(stored(settings, answer)))
    assert (kept.format, kept.size, answer.json()["url"][-4:]) == ("JPEG", (60, 40), ".jpg")
    assert not kept.getexif()


def test_a_moving_picture_stands_still(selena: Person, settings: Any) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "teal", "navy")]
    for kind in ("PNG", "WEBP"):
        out = io.BytesIO()
        frames[0].save(out, format=kind, save_all=True, append_images=frames[1:], duration=50)
        kept = Image.open(io.BytesIO(stored(settings, upload(selena, f"a.{kind}", out.getvalue()))))
        assert getattr(kept, "n_frames", 1) == 1


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "LA", "1", "CMYK", "I;16", "RGB"])
def test_every_kind_of_pixels_is_answered(selena: Person, mode: str) -> None:
    out = io.BytesIO()
    kind = "JPEG" if mode == "CMYK" else "PNG"
    Image.new(mode, (9, 7)).save(out, format=kind)
    assert upload(selena, f"a.{kind.lower()}", out.getvalue()).status_code in (201, 415)


# ---------------------------------------------------------------- no picture
_GIF = b"GIF89a" + struct.pack("<HH", 60_000, 60_000) + b"\xf7\0\0" + b"\0" * 768 + b";"
_SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", _SVG),
        ("a.svg", _SVG),
        ("a.png", b"<?xml version='1.0'?>" + _SVG),
        ("a.svgz", zlib.compress(_SVG)),
        ("a.gif", encoded("GIF")),
        ("bomb.gif", _GIF),
        ("a.png", _GIF),
        ("a.jpg", encoded("TIFF")),
        ("a.png", encoded("BMP")),
        ("a.jpg", encoded("ICO", (32, 32))),
        ("a.jpg", b"%PDF-1.7 " + b"0" * 400),
        ("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
        ("a.jpg", encoded("JPEG")[:200]),
        ("a.png", encoded("PNG", (400, 400))[:-40]),
        ("a.webp", encoded("WEBP", (300, 300))[:60]),
        ("a.png", b"\x89PNG\r\n\x1a\n"),
        ("a.png", encoded("PNG").replace(b"IDAT", b"IDAX")),
        ("a.jpg", b"\xff\xd8\xff" + b"\xff" * 4_000),
        ("a.heic", b"\0\0\0\x18ftypheic" + b"\0" * 64),
        ("a.html", HTML),
        ("a.png.html", encoded("PNG")),
        ("a.php", encoded("PNG")),
        ("a.jpg.exe", encoded("JPEG")),
        ("a", encoded("PNG")),
        (".png", encoded("PNG")),
        ("a.png ", encoded("PNG")),
        ("gnp.\u202ea.exe", encoded("PNG")),
    ],
)
def test_what_is_no_picture_is_refused(
    selena: Person, settings: Any, name: str, content: bytes
) -> None:
    answer = upload(selena, name, content)
    assert answer.status_code in (415, 422), answer.content
    assert MediaFile.objects.count() == 0
    root = Path(settings.MEDIA_ROOT)
    assert not root.exists() or not list(root.rglob("*.*"))


def test_an_empty_file_is_refused(selena: Person) -> None:
    answer = upload(selena, "a.png", b"")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


# ---------------------------------------------------------------- too much
def test_a_picture_that_says_it_is_huge_is_refused_unread(selena: Person) -> None:
    """30,000 × 30,000 are 2.7 GB of pixels; the file has 33 KB."""
    blank = zlib.compress(bytes(30_000_000), 9)
    tracemalloc.start()
    answer = upload(selena, "a.png", png_of(30_000, 30_000, blank))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_dimensions")
    assert peak < 20 * 2**20, f"{peak} bytes"


@pytest.mark.parametrize(
    ("width", "height"),
    [(30_000, 30_000), (12_001, 1), (1, 12_001), (8_000, 8_000), (2**31 - 1, 2**31 - 1), (0, 5)],
)
def test_sides_and_pixels_have_limits(selena: Person, width: int, height: int) -> None:
    answer = upload(selena, "a.png", png_of(width, height, zlib.compress(bytes(9))))
    assert answer.status_code in (415, 422)
    assert MediaFile.objects.count() == 0


def test_compressed_text_is_not_unpacked_for_ever(selena: Person) -> None:
    """A zTXt chunk of 64 MB in 64 KB."""
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(64 * 2**20), 9))
    whole = encoded("PNG")
    answer = upload(selena, "a.png", whole[:33] + bomb + whole[33:])
    assert answer.status_code in (201, 415)


def test_pictures_are_decoded_one_at_a_time() -> None:
    assert media._decoding._initial_value == 1  # type: ignore[attr-defined]


def test_uploads_are_counted(selena: Person, settings: Any) -> None:
    settings.THROTTLE_PER_MINUTE = {**settings.THROTTLE_PER_MINUTE, "upload": 2}
    statuses = [upload(selena, "a.png", encoded("PNG", (1, 1))).status_code for _ in range(3)]
    assert statuses == [201, 201, 429]


# ---------------------------------------------------------------- names
@pytest.mark.parametrize(
    "name",
    [
        "../../../etc/cron.d/x.png",
        "..\\..\\windows\\x.png",
        "/etc/passwd.png",
        "a.php.png",
        "a.png;b.png",
        "a%00.png",
        "\u202egnp.a.png",
        "a.pn\u202eg",
        "照片 (1).PNG",
        "CON.png",
        "-rf.png",
        "a'b\"c.png",
        f"{'x' * 200}.png",
        "a\n.png",
    ],
)
def test_the_name_of_the_uploader_is_never_used(selena: Person, settings: Any, name: str) -> None:
    answer = upload(selena, name, encoded("PNG"))
    assert answer.status_code in (201, 415, 422), answer.content
    for path in Path(settings.MEDIA_ROOT).rglob("*"):
        assert path.is_dir() or path.name.removesuffix(".png").isalnum()
    found = [str(file) for file in MediaFile.objects.values_list("file", flat=True)]
    for stored_name in found:
        assert len(stored_name) == len("202611/") + 32 + len(".png")


@pytest.mark.parametrize(
    "path",
    [
        "/media/",
        "/media/seed/",
        "/media/..%2f..%2fmanage.py",
        "/media/%2e%2e/manage.py",
        "/media/a%00.png",
        "/media//etc/passwd.png",
        "/media/x.svg",
        "/media/x.html",
        "/media/x.png.html",
        "/media/.htaccess",
        "/media/202611/x.png%0d%0aX-A:%20b",
    ],
)
def test_nothing_but_our_own_files_is_served(
    anyone: APIClient, settings: Any, path: str, db: None
) -> None:
    root = Path(settings.MEDIA_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    for name in ("x.svg", "x.html", "x.png.html", ".htaccess"):
        (root / name).write_bytes(HTML)
    answer = anyone.get(path)
    assert answer.status_code in (400, 404)
    assert HTML not in answer.content


def test_only_reading_is_served(anyone: APIClient, db: None) -> None:
    assert anyone.post("/media/202611/x.png", {}, format="json").status_code == 405
