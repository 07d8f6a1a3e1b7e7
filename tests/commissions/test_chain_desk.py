"""The chain at the desk: auditors look and download with a code, others do not (X3, K6)."""

import gzip
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client

from commissions import chain
from tests.commissions.money_out import officer
from tests.commissions.outsider import verdict
from tests.commissions.test_chain import AT, give
from tests.desk import acts, signed_in

pytestmark = pytest.mark.django_db
PAGE = "/admin/commissions/sealedjournal/"
RIGHTS = ("view_sealedjournal", "view_booksarchive", "export_books")


def desk(*rights: str) -> Client:
    for cause in range(1, 7):
        give(cause, at=AT + timedelta(days=cause))
    chain.seal()
    return signed_in(officer(*rights))


def test_an_auditor_downloads_the_books_and_the_checker_reads_them(tmp_path: Path) -> None:
    client = desk(*RIGHTS)
    assert chain.head()[1] in client.get(PAGE).content.decode()
    asked = {"confirmed": "yes", "since": "2026-11-03", "until": "2026-11-05"}
    answer = client.post(f"{PAGE}export/", asked)
    assert answer["Content-Disposition"] == 'attachment; filename="books-2-3.jsonl"'
    file = tmp_path / "books.jsonl"
    file.write_bytes(b"".join(answer.streaming_content))
    assert verdict(file) == 0
    answer = client.post(f"{PAGE}export/", {"confirmed": "yes", "packed": "on"})
    assert answer["Content-Disposition"] == 'attachment; filename="books-1-6.jsonl.gz"'
    file.write_bytes(gzip.decompress(b"".join(answer.streaming_content)))
    assert verdict(file, chain.head()[1]) == 0
    assert acts()[-2:] == ["books.export"] * 2


def test_a_part_that_is_empty_is_said() -> None:
    client = desk(*RIGHTS)
    page = client.post(f"{PAGE}export/", {"confirmed": "yes", "first": "7"}).content.decode()
    assert "Nothing to export" in page
    assert "books.export" not in acts()


def test_who_only_looks_downloads_nothing() -> None:
    client = desk("view_sealedjournal", "view_booksarchive")
    assert client.get(PAGE).status_code == 200
    assert client.get("/admin/commissions/booksarchive/").status_code == 200
    assert client.post(f"{PAGE}export/", {"confirmed": "yes"}).status_code in (302, 403)
    assert "books.export" not in acts()
