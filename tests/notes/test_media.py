"""Uploads: D8 (every ratio is kept), limits, and what is refused."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from rest_framework.test import APIClient

from notes import media
from notes.models import MediaFile
from tests.cast import Person

Picture = Callable[..., SimpleUploadedFile]


def _upload(person: Person, file: Any, **fields: Any) -> Any:
    return person.client.post("/v1/media", {"file": file, **fields}, format="multipart")


@pytest.mark.parametrize(("width", "height"), [(90, 120), (160, 90), (100, 300), (1, 1)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_every_picture_keeps_its_width_and_height(
    selena: Person, picture: Picture, settings: Any, width: int, height: int, kind: str
) -> None:
    """D8."""
    answer = _upload(selena, picture(width, height, kind))
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["width"], body["height"], body["kind"]) == (width, height, "image")
    stored = Path(settings.MEDIA_ROOT) / body["url"].removeprefix("/media/")
    with Image.open(stored) as again:
        assert (again.size, again.format) == ((width, height), kind)


def test_a_picture_loses_its_exif_its_comment_and_what_stood_behind_its_end(
    selena: Person, settings: Any
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # held sideways: shown as 60 by 80
    exif[0x010F] = "SecretCamera"
    out = io.BytesIO()
    Image.new("RGB", (80, 60), "red").save(
        out, format="JPEG", exif=exif, comment=b"secret comment", icc_profile=b"secret profile"
    )
    raw = out.getvalue() + b"<script>alert(1)</script>PK\x03\x04"
    body = _upload(selena, SimpleUploadedFile("a.jpg", raw)).json()
    assert (body["width"], body["height"]) == (60, 80)
    stored = (Path(settings.MEDIA_ROOT) / body["url"].removeprefix("/media/")).read_bytes()
    for secret in (b"SecretCamera", b"secret", b"<script>", b"PK\x03\x04", b"Exif"):
        assert secret not in stored
    assert MediaFile.objects.get().size_bytes == len(stored)


def test_the_name_is_ours_and_the_file_is_served_without_guessing(
    selena: Person, anyone: APIClient, picture: Picture
) -> None:
    url = _upload(selena, picture(3, 4, name="../../我的照片.png")).json()["url"]
    assert "照片" not in url
    assert ".." not in url
    answer = anyone.get(url)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"] == "attachment"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert anyone.get("/media/../backend/settings.py").status_code in (400, 404)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("a.jpg", b"GIF89a" + b"\x00" * 40),
        ("a.jpg", b"\xff\xd8\xff\xe0 no picture at all"),
        ("a.html", b"<html></html>"),
        ("a", b"x"),
        ("a.mp4", b"<html><script>alert(1)</script></html>"),
    ],
)
def test_other_kinds_of_files_are_refused(selena: Person, name: str, content: bytes) -> None:
    answer = _upload(selena, SimpleUploadedFile(name, content), width="10", height="10")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media")
    assert MediaFile.objects.count() == 0


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(
    selena: Person, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "_bare", lambda *_, **__: pytest.fail("decoded"))
    answer = _upload(selena, picture(1, 12_001))
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_dimensions")
    monkeypatch.setattr(media, "MAX_PIXELS", 99)
    assert _upload(selena, picture(10, 10)).status_code == 422
    assert MediaFile.objects.count() == 0


def test_a_file_of_too_many_bytes_is_refused(
    selena: Person, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "IMAGE_MAX_BYTES", 50)
    answer = _upload(selena, picture(30, 30))
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
    monkeypatch.setattr(media, "VIDEO_MAX_BYTES", -60_000)
    answer = _upload(selena, picture(300, 300, "PNG", name="x.webp", pnginfo=None))
    assert answer.status_code == 413


def test_the_form_itself_is_checked(selena: Person, anyone: APIClient, picture: Picture) -> None:
    answer = selena.client.post("/v1/media", {"file": "x"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert selena.client.post("/v1/media", {}, format="multipart").status_code == 422
    assert _upload(selena, picture(1, 1), colour="red").status_code == 422
    assert anyone.post("/v1/media", {"file": picture(1, 1)}, format="multipart").status_code == 401
    raw = selena.client.post(
        "/v1/media", b"--x\r\nbroken", content_type="multipart/form-data; boundary=y"
    )
    assert raw.status_code in (400, 422)
