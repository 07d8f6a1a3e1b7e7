"""Uploads: pictures are decoded and written again, videos are walked box by box.

Writing a picture again drops EXIF (where the picture was taken), comments, and whatever a second
program could find behind the picture's end; in a video such boxes are blanked
(notes/containers.py). Width and height stay as they are: horizontal, vertical and long pictures
keep their own ratio (D8).

A file that no note and no product shows after a day goes again, the row and the file.
"""

import io
import secrets
import threading
import warnings
from datetime import datetime
from pathlib import PurePath
from typing import Any

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage

from backend.accounts.models import Account
from backend.core.errors import Invalid, Refusal
from notes import containers
from notes.models import MediaFile

IMAGE_MAX_BYTES = 12 * 2**20
VIDEO_MAX_BYTES = 100 * 2**20
MAX_SIDE = 12_000
MAX_PIXELS = 40_000_000
IMAGE_EXTENSIONS = frozenset({"jpg", "jpeg", "png", "webp"})
VIDEO_EXTENSIONS = frozenset({"mp4", "m4v"})
_FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
# A JPEG with further pictures behind the first, as many phones make them; the first is taken.
_SAME = {"MPO": "JPEG"}
# 40 million pixels are 160 MB while they are decoded: one at a time in a process.
_decoding = threading.BoundedSemaphore(1)


class TooLarge(Refusal):
    """The file has more bytes than its kind may have."""

    code = "file_too_large"
    status = 413
    title = "The file is too large"


class UnsupportedMedia(Refusal):
    """The file is no JPEG, PNG, WebP or MP4, whatever its name says."""

    code = "unsupported_media"
    status = 415
    title = "Upload a JPEG, PNG or WebP picture or an MP4 video"


class BadDimensions(Invalid):
    """Width and height are missing, zero or beyond the limits."""

    code = "bad_dimensions"
    title = "Width and height are missing or beyond the limits"


def store(
    *,
    owner: Account,
    upload: File,
    at: datetime,
    width: int | None = None,
    height: int | None = None,
) -> MediaFile:
    """Keeps an uploaded picture or video under a random name.

    Pictures (JPEG, PNG, WebP; 12 MiB, 40 million pixels, 12,000 a side) tell their size
    themselves; of a video (MP4, 100 MiB) the client gives it.

    :raises TooLarge: more bytes than allowed.
    :raises UnsupportedMedia: another kind of file, or one that cannot be decoded.
    :raises BadDimensions: sides missing or beyond the limits.
    """
    extension = PurePath(str(upload.name or "")).suffix.lower().lstrip(".")
    content: File
    if extension in IMAGE_EXTENSIONS:
        _check_bytes(upload, IMAGE_MAX_BYTES)
        content, extension, width, height = _picture(upload)
        kind = MediaFile.Kind.IMAGE
    elif extension in VIDEO_EXTENSIONS:
        _check_bytes(upload, VIDEO_MAX_BYTES)
        content, extension, kind = _video(upload), "mp4", MediaFile.Kind.VIDEO
        _check_sides(width or 0, height or 0)
    else:
        raise UnsupportedMedia()
    assert width is not None
    assert height is not None
    name = default_storage.save(f"{at:%Y%m}/{secrets.token_hex(16)}.{extension}", content)
    return MediaFile.objects.create(
        owner=owner, kind=kind, file=name, width=width, height=height,
        size_bytes=content.size, created_at=at,
    )  # fmt: skip


def _check_bytes(upload: File, most: int) -> None:
    if not 0 < upload.size <= most:
        raise TooLarge(f"1 to {most} bytes", limit_bytes=most)


def _check_sides(width: int, height: int) -> None:
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise BadDimensions(width=width, height=height, max_side=MAX_SIDE, max_pixels=MAX_PIXELS)


def _picture(upload: File) -> tuple[ContentFile, str, int, int]:
    """The picture written again, its extension, width and height as a viewer shows them."""
    from PIL import Image  # 45 ms of every start, for an upload now and then

    upload.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(upload, formats=list(_FORMATS))  # reads the header alone
        _check_sides(*picture.size)
        kind = _SAME.get(str(picture.format), str(picture.format))
        out = io.BytesIO()
        with _decoding:
            pixels = _bare(picture, alpha_fits=kind != "JPEG")
            pixels.save(out, format=kind, **_options(kind))
    except (BadDimensions, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise BadDimensions(max_side=MAX_SIDE, max_pixels=MAX_PIXELS) from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:  # OSError: also of no known kind
        raise UnsupportedMedia("This picture cannot be decoded") from error
    return ContentFile(out.getvalue()), _FORMATS[kind], pixels.width, pixels.height


def _bare(picture: Any, *, alpha_fits: bool) -> Any:
    """The pixels alone, turned the way the camera was held; everything else is dropped."""
    from PIL import ImageOps

    picture.load()
    turned = ImageOps.exif_transpose(picture)
    alpha = "A" in turned.getbands() or "transparency" in turned.info
    wanted = "RGBA" if alpha and alpha_fits else "RGB"
    plain = turned if turned.mode == wanted else turned.convert(wanted)
    plain.info = {}
    return plain


def _options(kind: str) -> dict[str, Any]:
    return {"JPEG": {"quality": 90}, "WEBP": {"quality": 90}}.get(kind, {})


def _video(upload: File) -> File:
    """The file, where it is an MP4 from the first byte to the last, without what talks about the
    person who filmed it."""
    try:
        containers.bare(upload)
    except containers.NotMp4 as error:
        raise UnsupportedMedia(f"This is no MP4 video: {error}") from error
    return upload
