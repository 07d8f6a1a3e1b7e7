"""What the tests of notes start from: pictures, goods, published notes."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from backend.core.clock import now
from notes import ports, publishing
from notes.models import GoodsNoteApplication, Note
from seeds.factories import MediaFileFactory, ProductFactory, ShopFactory
from shops.models import Product
from tests.cast import Person


@pytest.fixture(autouse=True)
def _own_media_folder(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def picture() -> Callable[..., SimpleUploadedFile]:
    """Makes an upload: picture(900, 1200, "JPEG")."""

    def make(width: int, height: int, kind: str = "PNG", name: str = "", **more: Any) -> Any:
        out = io.BytesIO()
        Image.new("RGB", (width, height), (200, 30, 60)).save(out, format=kind, **more)
        return SimpleUploadedFile(name or f"x.{kind.lower()}", out.getvalue())

    return make


@pytest.fixture
def draft() -> Callable[..., Note]:
    """A publishable draft of a person: draft(selena, title="…")."""

    def make(person: Person, **fields: Any) -> Note:
        kind = fields.setdefault("kind", "image")
        files = [MediaFileFactory.create(owner=person.account)]
        if kind == "video":
            files.insert(0, MediaFileFactory.create(owner=person.account, kind="video"))
        fields.setdefault("title", "羊毛大衣")
        fields.setdefault("topics", ["学院风"])
        fields.setdefault("media", [{"file": file.pk} for file in files])
        return publishing.create(author=person.account, at=fields.pop("at", now()), **fields)

    return make


@pytest.fixture
def published(draft: Callable[..., Note]) -> Callable[..., Note]:
    """A published note of a person: published(selena, title="…", at=…)."""

    def make(person: Person, **fields: Any) -> Note:
        at = fields.setdefault("at", now())
        note = draft(person, **fields)
        return publishing.publish(account=person.account, note_id=note.pk, at=at)

    return make


@pytest.fixture
def own_product(selena: Person) -> Product:
    """A product on sale in Selena's shop; she has 0 followers."""
    return ProductFactory.create(shop=ShopFactory.create(account=selena.account))


@pytest.fixture
def permit() -> Callable[[Person], GoodsNoteApplication]:
    """Gives a person the approved goods-note permission."""

    def make(person: Person) -> GoodsNoteApplication:
        return GoodsNoteApplication.objects.create(
            account=person.account,
            follower_count_at_apply=1000,
            submitted_at=now(),
            status="approved",
        )

    return make


@pytest.fixture
def offers(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Product ids with an offer open to everybody; add to it."""
    open_ids: set[int] = set()
    monkeypatch.setattr(ports, "_offers", [lambda account, products, at: open_ids & set(products)])
    return open_ids
