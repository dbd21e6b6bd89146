"""Entries: every posting of money, never changed. They are made by calls, top-ups and adjustments."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path, reverse

from tollgate.panel.access import own_account, reach, reading
from tollgate.panel.calls import as_allowed
from tollgate.panel.cells import fixed, link
from tollgate.panel.fields import words
from tollgate.panel.frame import crumbs
from tollgate.panel.suggestions import suggested
from tollgate.store.models import Carrier, Customer, Wallet
from tollgate.store.queries.customers import COMPANY
from tollgate.store.queries.customers import entries as entries_of
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, FilterKind, Grid, respond
from tollgate.ui.sources import QuerysetSource

KIND_WORDS = {
    "call": "Call", "overrun": "Overrun", "correction": "Correction", "topup": "Top-up", "payment": "Payment",
    "refund": "Refund", "reversal": "Reversal", "bonus": "Bonus", "surcharge": "Surcharge", "adjustment": "Adjustment",
    "package": "Package", "fee": "Fee", "invoice": "Invoice", "credit_note": "Credit note", "debit_note": "Debit note",
    "rounding": "Rounding", "tax": "Tax", "platform": "Platform",
}  # fmt: skip
BOOKS = (
    "revenue", "resale", "carrier_cost", "payments", "payment_fees", "in_transit", "adjustments", "tax", "platform",
)  # fmt: skip


def _owner(entry: Any) -> str | None:
    """The page of whose wallet it is."""
    pages = {"customer": "panel:customer", "carrier": "panel:carrier"}
    wallet: Wallet = entry.wallet
    return reverse(pages[wallet.kind], args=[wallet.owner_id]) if wallet.kind in pages else None


class CompanyFilter(Filter):
    """The wallets of the customer or carrier of a name; of all whose name has it, where none is called just so."""

    def read(self, text: str) -> Any:
        """Those wallets, not yet asked for."""
        whole, part = ({f"name__{way}": text} for way in ("iexact", "icontains"))
        wallets = Q(pk__in=())
        for kind, table in (("customer", Customer), ("carrier", Carrier)):
            known = table.objects.filter(**(whole if table.objects.filter(**whole).exists() else part))
            wallets |= Q(kind=kind, owner_id__in=known.values("pk"))
        return Wallet.objects.filter(wallets).values("pk")


COLUMNS = (
    Column("at", "At (UTC)", kind=Kind.INSTANT, sort="at"),
    Column("id", "Entry", value="pk", sort="id"),
    Column("wallet", "Wallet", value=lambda row: words(row.wallet.kind), says=True),
    Column("company", "Company", value="company", link=_owner),
    Column("kind", "Kind", value=lambda row: KIND_WORDS[row.kind], sort="kind", says=True),
    Column("book", "Book", value=lambda row: words(row.book), sort="book", says=True),
    Column("amount", "Amount", value="amount_micros", kind=Kind.MONEY, currency="currency"),
    Column("call", "Call", value="call_id", link=link("panel:call", lambda row: row.call_id)),
    Column("note", "Note"),
)
LIST = Grid(
    name="entries",
    columns=COLUMNS,
    filters=(
        Filter("kind", "Kind", "kind", choices=tuple(KIND_WORDS.items())),
        Filter("book", "Book", "book", choices=tuple((book, words(book)) for book in BOOKS)),
        CompanyFilter("company", "Company", "wallet__in", suggest=suggested("customer")),
        Filter("wallet", "Wallet id", "wallet_id", kind=FilterKind.WHOLE, hidden=True),
        Filter("call", "Call id", "call_id", kind=FilterKind.WHOLE),
    ),
    sort="-id",
    searchable=False,
    empty_text="No entries yet. They appear when money comes in or a call is charged.",
)
OF_WALLET = Grid(
    name="entries",
    columns=fixed(column for column in COLUMNS if column.name not in ("wallet", "company")),
    sort="-id",
    page_size=15,
    compact=True,
    empty_text="No entries yet. A top-up makes the first.",
)


@reading
def entries(request: HttpRequest) -> HttpResponseBase:
    """Every posting of the account."""
    found = entries_of(own_account(request)).annotate(company=COMPANY)
    ids = reach(request)
    if ids is not None:
        found = found.filter(wallet__kind="customer", wallet__owner_id__in=ids)
    source = QuerysetSource(queryset=found)
    return respond(request, as_allowed(request, LIST), source, title="Entries", breadcrumbs=crumbs(("Money", "")))


urlpatterns = [path("entries/", entries, name="entries")]
