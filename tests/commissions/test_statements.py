"""Statements 结算单: screen = export = ledger, closed for ever, one entry once (K15, X9, X12)."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import openpyxl
import pytest
from django.db import IntegrityError, transaction
from rest_framework.test import APIClient

from backend.accounts import tokens
from backend.accounts.models import Account
from backend.core.clock import now
from backend.core.money import yuan
from backend.core.sql import rows
from commissions import accruals, books, calendars, ledger, statements
from commissions.models import (
    SettlementPeriod,
    Statement,
    StatementDue,
    StatementKey,
    StatementLine,
)
from commissions.statements import closing
from tests.cast import Person
from tests.commissions import sales
from tests.commissions.books_world import World, world

END = datetime(2026, 11, 30, 16, tzinfo=UTC)  # of November in Shanghai
CLOSE = END + timedelta(hours=1)
NEXT = datetime(2026, 12, 31, 17, tzinfo=UTC)
pytestmark = pytest.mark.django_db
OTHER_KEY = "OTg3NjU0MzIxMGFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@pytest.fixture
def there() -> World:
    """A market at work whose November is stated."""
    made = world()
    assert statements.state_due(at=CLOSE - timedelta(microseconds=1)) == 0
    assert statements.state_due(at=CLOSE) > 3
    return made


def of(account: Account, label: str = "2026-11") -> Statement:
    found = Statement.objects.select_related("period", "signed_by")
    return found.get(owner_kind="person", owner_id=account.pk, period__label=label)


def client_of(account: Account) -> APIClient:
    client = APIClient()
    token, _ = tokens.issue(account=account, at=now())
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


# ---------------------------------------------------------------- what stands in one
LEDGER = """
SELECT a.kind, e.journal_id::text, e.amount_fen FROM commissions_entry e
JOIN commissions_ledgeraccount a ON a.id = e.account_id
WHERE a.owner_kind = %s AND a.owner_id = %s AND e.at < %s
ORDER BY e.at, e.journal_id, e.account_id
"""


def of_ledger(found: Statement) -> list[tuple[str, str, int]]:
    """The owner's entries, straight out of the ledger."""
    asked = [found.owner_kind, found.owner_id, found.period.to_at]
    return [(row["kind"], row["journal_id"], row["amount_fen"]) for row in rows(LEDGER, asked)]


def of_screen(client: APIClient, number: str) -> list[dict[str, Any]]:
    """All pages of the lines, as the payee reads them."""
    told: list[dict[str, Any]] = []
    query = {"page_size": 7}
    while True:
        answer = client.get(f"/v1/statements/{number}/lines", query)
        told += answer.json()["results"]
        if answer.json()["next"] is None:
            return told
        query["cursor"] = answer.json()["next"]


def test_screen_and_files_and_ledger_are_the_same_lines(there: World) -> None:
    """Row by row and to the fen: JSON, CSV, XLSX, the page, the entries."""
    found, client = of(there.account), client_of(there.account)
    wanted = of_ledger(found)
    assert len(wanted) == found.lines_count > 10
    screen = of_screen(client, found.number)
    assert [(one["account"], one["journal"], one["amount_fen"]) for one in screen] == wanted
    assert [one["n"] for one in screen] == list(range(1, found.lines_count + 1))
    path = f"/v1/statements/{found.number}/statement"
    table = list(csv.DictReader(io.StringIO(body(client.get(f"{path}.csv")).decode())))
    lines = [row for row in table if row["row"] == "line"]
    assert [(r["account"], r["journal"], int(r["amount_fen"])) for r in lines] == wanted
    assert all(row["amount_yuan"] == yuan(int(row["amount_fen"])) for row in table)
    for word, balances in (("opening", found.opening), ("closing", found.closing)):
        told = {r["account"]: int(r["amount_fen"]) for r in table if r["row"] == word}
        assert told == balances
    book = openpyxl.load_workbook(io.BytesIO(body(client.get(f"{path}.xlsx"))))
    cells = [[cell or "" for cell in row] for row in book.active.iter_rows(values_only=True)]
    shown = [[str(cell) for cell in row] for row in cells[1:]]
    plain = [[value if value != "0" else "" for value in row.values()] for row in table]
    assert [[c if c != "0" else "" for c in row] for row in shown] == plain
    page = body(client.get(f"{path}.html")).decode()
    assert page.count("<tr>") == 2 + len(table) + sum(map(len, found.sums.values()))
    assert all(f'<td class="fen">{yuan(fen)}</td>' in page for _, _, fen in wanted)


def test_a_statement_adds_up_to_the_ledgers_balances(there: World) -> None:
    found = of(there.account)
    balances = ledger.balances_of("person", there.account.pk)
    assert found.opening == {}
    assert {kind: fen for kind, fen in found.closing.items() if fen} == {
        kind: fen for kind, fen in balances.items() if fen
    }
    told: dict[str, int] = {}
    for fen in found.sums.values():
        for account, amount in fen.items():
            told[account] = told.get(account, 0) + amount
    assert told == found.closing
    assert set(found.sums) == {
        "accrual", "reversal", "settlement", "payout_request", "payout_paid", "payout_back",
    }  # fmt: skip
    paid, failed, _ = there.payouts
    lines = list(statements.lines(found))
    assert {line["reference"] for line in lines if line["cause"] == "payout_paid"} == {paid.number}
    assert {one["reference"] for one in lines if one["cause"] == "payout_back"} == {failed.number}
    order = there.lines[0].order.number
    assert [one["cause"] for one in lines if one["order"] == order] == ["accrual"]
    settled = [line for line in lines if line["cause"] == "settlement"]
    assert {line["reason"] for line in settled} == {"2026-11"}


def test_the_shop_has_its_statement_and_its_owner_alone_reads_it(
    there: World, mallory: Person
) -> None:
    shop = there.lines[0].order.shop
    client = client_of(shop.account)
    (told,) = client.get(f"/v1/shops/{shop.pk}/statements").json()["results"]
    assert told["owner"] == f"shop-{shop.pk}"
    assert told["closing"] == {"payable": ledger.balances_of("shop", shop.pk)["payable"]}
    assert (told["from"], told["to"]) == ("2026-10-31T16:00:00Z", "2026-11-30T16:00:00Z")
    assert client.get(f"/v1/statements/{told['number']}").json() == told
    assert len(of_screen(client, told["number"])) == told["lines_count"]
    mine = of(there.account).number
    for stranger in (mallory.client, client):
        assert stranger.get(f"/v1/statements/{mine}").status_code == 404
        assert stranger.get(f"/v1/statements/{mine}/lines").status_code == 404
        for kind in ("csv", "xlsx", "jsonl", "html"):
            path = f"/v1/statements/{mine}/statement.{kind}"
            assert stranger.get(path).status_code == 404
    assert mallory.client.get(f"/v1/shops/{shop.pk}/statements").status_code == 404
    assert mallory.client.get("/v1/me/statements").json() == {"results": [], "next": None}


def test_the_page_runs_nothing_and_loads_nothing(there: World) -> None:
    answer = client_of(there.account).get(
        f"/v1/statements/{of(there.account).number}/statement.html", HTTP_ACCEPT="text/html"
    )
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "script" not in body(answer).decode()


# ---------------------------------------------------------------- closed for ever
def files(found: Statement) -> list[bytes]:
    """Every file of a statement, as it is given out now."""
    fresh = Statement.objects.select_related("period", "signed_by").get(pk=found.pk)
    return [
        "".join(statements.csv_file(fresh)).encode(),
        b"".join(statements.xlsx_file(fresh)),
        b"".join(statements.jsonl_file(fresh)),
        "".join(statements.html_page(fresh)).encode(),
    ]


def test_a_closed_statement_stays_the_same_bytes_whatever_changes(
    there: World, settings: Any
) -> None:
    """The zone, the signing key, a new rule, a person's name, a refund that comes late (X9)."""
    found = of(there.account)
    before = files(found)
    settings.BUSINESS_ZONE = "America/New_York"
    settings.STATEMENT_SIGNING_KEY = OTHER_KEY
    calendars.set_rule(
        by=None, cadence="daily", settle_days=1, zone="Europe/Berlin",
        starts_on=date(2027, 1, 1), at=CLOSE,
    )  # fmt: skip
    Account.objects.filter(pk=there.account.pk).update(handle="gone", display_name="gone")
    sales.refund(there.lines[0], 1_000)
    accruals.reconcile_orders([there.lines[0].order_id], at=END - timedelta(days=1))
    statements.state_due(at=NEXT)
    assert files(found) == before
    assert StatementKey.objects.count() == 2


def test_what_is_committed_late_stands_on_the_next_statement_and_says_so(there: World) -> None:
    """A back-dated refund: November stays, December tells it, and nothing is told twice."""
    (line, *_), posted_at = there.lines, END - timedelta(days=1)
    sales.refund(line, 1_290)
    accruals.reconcile_orders([line.order_id], at=posted_at)
    assert statements.state_due(at=NEXT) > 0
    november, december = of(there.account), of(there.account, "2026-12")
    assert december.opening == november.closing
    (told,) = statements.lines(december)
    assert (told["late"], told["cause"], told["at"]) == (True, "reversal", posted_at)
    assert (december.lines_count, december.late_count) == (1, 1)
    assert december.closing["available"] == november.closing["available"] + told["amount_fen"]
    assert told["amount_fen"] < 0
    assert books.check(at=CLOSE, rules=_rules()) == []
    stated = StatementLine.objects.count()
    wanted = rows(
        "SELECT count(*) AS n FROM commissions_entry e JOIN commissions_ledgeraccount a"
        " ON a.id = e.account_id WHERE a.owner_kind IN ('person', 'shop')"
    )
    assert stated == wanted[0]["n"], "Σ statements = Σ all"


def _rules() -> list[Any]:
    from commissions.books import settlement_rules, statement_rules

    return [*settlement_rules.RULES, *statement_rules.RULES]


def test_stating_again_does_nothing(there: World) -> None:
    before = list(Statement.objects.values_list("number", "digest"))
    assert statements.state_due(at=CLOSE) == 0
    assert list(Statement.objects.values_list("number", "digest")) == before
    period = SettlementPeriod.objects.get()
    assert (period.stating_at, period.stated_at) == (CLOSE, CLOSE)


def test_a_worker_that_stops_is_gone_on_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """One by one, with a death in between: as if one had done it all."""
    world()
    assert statements.state_due(at=CLOSE, limit=1) == 1
    left = StatementDue.objects.count()
    assert left > 2
    assert SettlementPeriod.objects.get().stated_at is None

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(closing, "_add_up", dies)
        with pytest.raises(KeyboardInterrupt), transaction.atomic():
            statements.state_due(at=CLOSE, limit=1)
    assert StatementDue.objects.count() == left
    assert Statement.objects.count() == 1
    while statements.state_due(at=CLOSE, limit=2):
        pass
    assert not StatementDue.objects.exists()
    assert SettlementPeriod.objects.get().stated_at == CLOSE
    assert books.check(at=CLOSE, rules=_rules()) == []


def test_a_calendar_that_cannot_be_read_keeps_nobody_elses_statements_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world()
    assert statements.state_due(at=CLOSE, limit=1) == 1
    left = StatementDue.objects.count()
    told: list[Any] = []

    def broken(*_: Any, **__: Any) -> None:
        raise OverflowError("date value out of range")

    monkeypatch.setattr(calendars, "ended", broken)
    monkeypatch.setattr(closing.log, "exception", lambda *said: told.append(said))
    assert statements.state_due(at=CLOSE) == left > 2
    assert not StatementDue.objects.exists()
    assert told == [("the calendar of %s cannot be stated", "the market")]


def test_the_database_refuses_every_change_of_a_closed_statement(there: World) -> None:
    found = Statement.objects.filter(pk=of(there.account).pk)
    line = StatementLine.objects.filter(statement_id=found.get().pk)
    for refused in (
        lambda: found.update(closing={}),
        lambda: found.update(signature="x"),
        found.delete,
        lambda: line.update(number=99),
        line.delete,
        lambda: StatementKey.objects.update(public_key="x"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            refused()


def test_an_entry_cannot_be_stated_twice(there: World) -> None:
    line = StatementLine.objects.order_by("statement_id", "number")[0]
    with pytest.raises(IntegrityError), transaction.atomic():
        StatementLine.objects.create(
            statement_id=line.statement_id + 1_000,
            number=1,
            account_id=line.account_id,
            journal_id=line.journal_id,
        )


def test_a_shop_with_a_rule_of_its_own_is_stated_by_it() -> None:
    there = world()
    shop = there.lines[0].order.shop
    calendars.set_rule(
        by=None, cadence="weekly", settle_days=0, zone="Europe/Berlin", shop_id=shop.pk,
        starts_on=date(2026, 12, 7), at=END - timedelta(days=1),
    )  # fmt: skip
    statements.state_due(at=datetime(2026, 12, 21, tzinfo=UTC))
    found = Statement.objects.filter(owner_kind="shop").select_related("period")
    assert [(s.owner_id, s.period.shop_id, s.period.label) for s in found] == [
        (shop.pk, None, "2026-11")
    ]
    sales.refund(there.lines[0], 1_290)
    accruals.reconcile_orders([there.lines[0].order_id], at=datetime(2026, 12, 22, tzinfo=UTC))
    statements.state_due(at=datetime(2026, 12, 28, tzinfo=UTC))
    last = found.latest("id")
    assert (last.owner_id, last.period.shop_id, last.period.label) == (shop.pk, shop.pk, "2026-W52")
    assert (last.period.zone, last.late_count) == ("Europe/Berlin", 0)
    labels = SettlementPeriod.objects.filter(shop=shop).order_by("from_at")
    assert [p.label for p in labels] == ["2026-12", "2026-W50", "2026-W51", "2026-W52"]


def test_lists_cost_the_same_for_few_and_many(there: World, django_assert_num_queries: Any) -> None:
    client = client_of(there.account)
    client.get("/v1/me/statements")
    with django_assert_num_queries(2):
        client.get("/v1/me/statements")
    statements.state_due(at=NEXT)
    with django_assert_num_queries(2):
        client.get("/v1/me/statements")
    number = of(there.account).number
    with django_assert_num_queries(3):
        client.get(f"/v1/statements/{number}/lines", {"page_size": 3})
    with django_assert_num_queries(3):
        client.get(f"/v1/statements/{number}/lines", {"page_size": 50})
