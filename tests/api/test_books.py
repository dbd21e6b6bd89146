"""Claims about the books by the API: the figures of the panel's pages, to who may read them."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pypdf
import pytest

from tests.api.caller import Api, fields_of
from tests.panel.cast import Cast, with_rita
from tests.panel.conftest import logged_in
from tollgate.actions.acts import Actor, acting
from tollgate.actions.invoice_issue import issue_invoice
from tollgate.actions.invoices import add_invoice_line, draft_invoice
from tollgate.api.books import BOOKS, MOST_DAYS
from tollgate.core.sales import PROGRAMS
from tollgate.store.models import Customer

pytestmark = pytest.mark.django_db
CENT = 10_000


@pytest.fixture
def days(cast: Cast, ann: Api) -> dict[str, str]:
    """Some days in which Acme topped up and Baltic was billed."""
    Customer.objects.filter(pk=cast.baltic.pk).update(billing_type="postpaid", email_invoices=False)
    with acting(Actor("setup", frozenset({"*"}))):
        draft = draft_invoice(customer_id=cast.baltic.pk)
        add_invoice_line(invoice_id=draft.pk, description="Router", unit_price_nanos=4 * 10**9)
        issue_invoice(invoice_id=draft.pk)
    ann.act("top_up", customer_id=cast.acme.pk, amount_micros=500 * CENT)
    on = datetime.now(UTC).date()
    return {"from_on": str(on - timedelta(days=2)), "last_on": str(on + timedelta(days=1))}


def test_a_statement_adds_up_and_is_the_one_of_the_panel(cast: Cast, ann: Api, days: dict[str, str]) -> None:
    asked = {"customer_id": cast.acme.pk, **days}
    told = ann.get("books/statement", asked).json()
    moved = sum(row["amount_micros"] for row in told["movements"])
    assert told["opening_micros"] + moved == told["closing_micros"]
    assert told["closing_micros"] == ann.get(f"customers/{cast.acme.pk}").json()["balance_micros"]
    assert (told["currency"], told["from_on"], told["last_on"]) == ("EUR", days["from_on"], days["last_on"])
    paper = ann.get("books/statement-pdf", asked)
    page = (
        logged_in(cast.ann).get(f"/customers/{cast.acme.pk}/statement/{days['from_on']}/{days['last_on']}/pdf/").content
    )
    assert paper["Content-Type"] == "application/pdf"
    read = [pypdf.PdfReader(io.BytesIO(one)).pages[0].extract_text() for one in (paper.content, page)]
    assert read[0] == read[1]


def test_what_is_owed_is_told_by_its_age(cast: Cast, ann: Api, days: dict[str, str]) -> None:
    (row,) = (row for row in ann.get("books/aged-debt").json()["data"] if row["id"] == cast.baltic.pk)
    billed = ann.get("invoices", {"customer_id": cast.baltic.pk}).json()["data"][0]["total_micros"]
    assert (row["open_micros"], row["not_due_micros"]) == (billed, billed)
    assert billed >= 400 * CENT


def test_the_journal_balances_and_profit_is_of_those_days(cast: Cast, ann: Api, days: dict[str, str]) -> None:
    lines = ann.get("books/journal", days).json()["data"]
    assert sum(line["debit_micros"] - line["credit_micros"] for line in lines) == 0
    assert len(lines) > 1
    by_day = ann.get("books/profit", days).json()["data"]
    by_month = ann.get("books/profit", {**days, "by": "month"}).json()["data"]
    assert sum(row["profit_micros"] for row in by_day) == sum(row["profit_micros"] for row in by_month)
    assert any(row["sold_micros"] for row in by_day)
    for row in by_day:
        costs = row["bought_micros"] + row["packages_micros"] + row["fees_micros"] + row["adjusted_micros"]
        assert row["profit_micros"] == row["sold_micros"] + costs


@pytest.mark.parametrize("program", PROGRAMS)
def test_documents_are_a_file_for_each_program_of_bookkeeping(
    cast: Cast, ann: Api, days: dict[str, str], program: str
) -> None:
    sent = ann.get("books/sales", {**days, "program": program})
    rows = list(csv.reader(io.StringIO(b"".join(sent).decode())))
    assert (rows[0], len(rows) > 1) == (list(PROGRAMS[program]), True)


def test_what_cannot_be_asked_is_named(cast: Cast, ann: Api) -> None:
    days = {"from_on": "2026-01-01", "last_on": "2026-01-31"}
    assert fields_of(ann.get("books/journal")) == {("from_on", "required"), ("last_on", "required")}
    assert fields_of(ann.get("books/journal", {**days, "color": "red"})) == {("color", "unknown")}
    assert fields_of(ann.get("books/journal", {**days, "from_on": "soon"})) == {("from_on", "invalid")}
    assert fields_of(ann.get("books/profit", {**days, "by": "year"})) == {("by", "invalid")}
    assert fields_of(ann.get("books/sales", {**days, "program": "abacus"})) == {("program", "invalid")}
    for last in ("2025-12-31", "2027-01-03"):
        assert fields_of(ann.get("books/journal", {**days, "last_on": last})) == {("last_on", "invalid")}, MOST_DAYS
    assert fields_of(ann.get("books/journal", {"from_on": "1999-01-01", "last_on": "1999-01-02"})) == {
        ("last_on", "invalid")
    }
    assert ann.get("books/statement", {**days, "customer_id": 10**9}).status_code == 404
    assert ann.get("books/weather").status_code == 404


def test_the_books_are_the_operators_and_need_their_area(cast: Cast) -> None:
    for api in (Api.of(cast.ann, "read:customers", "read:invoices"), Api.of(with_rita(cast)[0])):
        for name in BOOKS:
            assert api.get(f"books/{name}").status_code == 403, name
