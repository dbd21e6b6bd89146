"""One document's page: its lines down to the calls, what it moved and what settles it, its files, and what may be done.

Lines, credit and debit notes have their forms in invoice_forms.py. To show something more, add it to `_page_of` and a
part of `invoice.html`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.allocations import release_allocation
from tollgate.actions.invoice_documents import document_of, factur_x_of, mail_invoice, pdf_of, ubl_of
from tollgate.actions.invoice_issue import DUE, issue_invoice, void_invoice
from tollgate.actions.invoices import delete_invoice_draft, remove_invoice_line
from tollgate.actions.rehearsals import Issuing, issuing
from tollgate.core.call_search import Rule, Rules, write_rules
from tollgate.core.invoice_document import Document, TaxLine, file_name, period_text, quantity_text, rate_text
from tollgate.core.invoice_periods import first_instant
from tollgate.core.invoice_terms import reasons_against
from tollgate.gateways.e_invoices import EInvoiceRefused
from tollgate.panel.access import may, own_account, own_rows, reading, rights, writing
from tollgate.panel.cells import excerpt
from tollgate.panel.fields import words
from tollgate.panel.frame import crumbs
from tollgate.panel.invoices import OF_INVOICE, TONES, today
from tollgate.panel.saving import press
from tollgate.panel.sure import Asked, Facts, amount, moves, shown_version, sure
from tollgate.store.models import Allocation, Invoice, InvoiceLine
from tollgate.store.queries.invoice_lists import allocations_of, entries_of, invoices, mails_of, with_standing
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, sign, worded

FROM_CALLS: Final = ("usage", "correction")
PDF: Final = "application/pdf"


@dataclass(frozen=True, slots=True)
class Line:
    """A line as the page shows it; empty addresses are not offered."""

    row: InvoiceLine
    period: str
    quantity: str
    taxes: str
    of_calls: bool
    cdrs_url: str
    edit_url: str
    remove_url: str


@reading
def invoice(request: HttpRequest, invoice_id: int) -> HttpResponseBase:
    """One document."""
    found = own_invoice(request, invoice_id)
    return render(request, "panel/invoice.html", _page_of(request, found))


@reading
def pdf(request: HttpRequest, invoice_id: int) -> HttpResponseBase:
    """The document as PDF, shown in the browser."""
    found = own_invoice(request, invoice_id)
    return _file(pdf_of(found), PDF, f"{file_name(found.kind, found.number)}.pdf", inline=True)


@reading
def factur_x(request: HttpRequest, invoice_id: int) -> HttpResponseBase:
    """The document as PDF with its e-invoice inside."""
    found = own_invoice(request, invoice_id)
    try:
        return _file(factur_x_of(found), PDF, f"{file_name(found.kind, found.number)}-factur-x.pdf")
    except EInvoiceRefused as refused:
        messages.error(request, str(refused))
        return redirect("panel:invoice", found.pk)


@reading
def ubl(request: HttpRequest, invoice_id: int) -> HttpResponseBase:
    """The document as an e-invoice in UBL."""
    found = own_invoice(request, invoice_id)
    try:
        return _file(ubl_of(found), "application/xml", f"{file_name(found.kind, found.number)}.xml")
    except EInvoiceRefused as refused:
        messages.error(request, str(refused))
        return redirect("panel:invoice", found.pk)


@writing("issue_invoice", shown_to_all=False)
def issue(request: HttpRequest, invoice_id: int) -> HttpResponseBase:
    """Shows what the issue of a draft would do, then gives it its number."""
    found = own_invoice(request, invoice_id)
    page = reverse("panel:invoice", args=[found.pk])
    if request.method == "POST":
        version = shown_version(request)
        press(request, issue_invoice, "The document is issued.", invoice_id=found.pk, version=version)
        return redirect(page)
    title = worded("Draft {pk}", pk=found.pk)
    asked = Asked(
        title=worded("Issue draft {pk}?", pk=found.pk),
        button="Issue",
        back_url=page,
        version=found.version,
        breadcrumbs=crumbs(("Money", ""), ("Invoices", reverse("panel:invoices")), (title, page)),
        warning="An issued document is never changed: only a credit or debit note corrects it.",
    )
    return sure(request, asked, rehearse=lambda: issuing(invoice_id=found.pk), tell=_told)


def _told(seen: Issuing) -> Facts:
    """What the issue of a draft does."""
    money = seen.currency
    facts = [
        ("Document", words(seen.kind)),
        ("Number", f"{seen.number}, the next of its series"),
        ("Date", f"{seen.invoice_on}" + (f", due {seen.due_on}" if seen.due_on else "")),
        ("Lines", str(seen.lines_count)),
        ("Net", amount(seen.net_micros, money)),
        ("Tax", amount(seen.tax_micros, money)),
        ("Total", amount(seen.total_micros, money)),
        ("Settled at once", amount(seen.settled_micros, money)),
        ("Balance", moves(seen.balance_before_micros, seen.balance_after_micros, money)),
        ("Mailed to", as_is(", ".join(seen.mailed_to)) or "nobody"),
    ]
    return facts


@writing("void_invoice", shown_to_all=False)
def void(request: HttpRequest, invoice_id: int) -> HttpResponseBase:
    """Voids an issued document that nothing settles."""
    found = own_invoice(request, invoice_id)
    if request.method == "POST":
        press(request, void_invoice, f"{found} is void.", invoice_id=found.pk, reason=request.POST.get("reason", ""))
    return redirect("panel:invoice", found.pk)


@writing("delete_invoice_draft", shown_to_all=False)
def remove(request: HttpRequest, invoice_id: int) -> HttpResponseBase:
    """Throws a draft away."""
    found = own_invoice(request, invoice_id)
    page = reverse("panel:customer_invoices", args=[found.customer_id])
    sure = request.method == "POST"
    if sure and press(request, delete_invoice_draft, "The draft is thrown away.", invoice_id=found.pk):
        return redirect(page)
    return redirect("panel:invoice", found.pk)


@writing("mail_invoice", shown_to_all=False)
def send(request: HttpRequest, invoice_id: int) -> HttpResponseBase:
    """Mails an issued document once more."""
    found = own_invoice(request, invoice_id)
    if request.method == "POST":
        press(request, mail_invoice, "The document is on its way to its customer.", invoice_id=found.pk)
    return redirect("panel:invoice", found.pk)


@writing("remove_invoice_line", shown_to_all=False)
def remove_line(request: HttpRequest, invoice_id: int, line_id: int) -> HttpResponseBase:
    """Takes a line off a draft."""
    found = own_invoice(request, invoice_id)
    line = get_object_or_404(InvoiceLine, pk=line_id, invoice=found)
    if request.method == "POST":
        press(request, remove_invoice_line, "The line is removed.", line_id=line.pk)
    return redirect("panel:invoice", found.pk)


@writing("release_allocation", shown_to_all=False)
def release(request: HttpRequest, invoice_id: int, allocation_id: int) -> HttpResponseBase:
    """Takes back what a payment or credit note settled."""
    found = own_invoice(request, invoice_id)
    row = get_object_or_404(allocations_of(found), pk=allocation_id)
    if request.method == "POST":
        press(request, release_allocation, "It is free again.", allocation_id=row.pk)
    return redirect("panel:invoice", found.pk)


def own_invoice(request: HttpRequest, invoice_id: int) -> Any:
    """A document of a customer whom this user may see, with its standing."""
    related = ("customer__account", "account", "corrects", "payment")
    found = own_rows(request, invoices(own_account(request), today()).select_related(*related))
    return get_object_or_404(found, pk=invoice_id)


def _page_of(request: HttpRequest, found: Any) -> dict[str, Any]:
    document = document_of(found)
    rows = found.lines.select_related("corrects_line")
    own = {line.position: document.taxes_of(line) for line in document.lines} if document.mixed else {}
    settled = list(allocations_of(found))
    corrections = with_standing(Invoice.objects.filter(corrects=found).select_related("customer"), today())
    return {
        "title": as_is(found.number) if found.number else worded("Draft {pk}", pk=found.pk),
        "breadcrumbs": crumbs(("Money", ""), ("Invoices", reverse("panel:invoices"))),
        "invoice": found,
        "document": document,
        "kind_words": words(found.kind),
        "standing_words": words(found.standing),
        "standing_tone": TONES.get(words(found.standing).lower(), "gray"),
        "parked": found.state == "draft" and found.customer.parked_at is not None,
        "period": period_text(found.from_on, found.until_on),
        "lines": [_line(request, found, row, own.get(row.position, ())) for row in rows.order_by("position")],
        "taxes": [
            {"row": row, "rate": rate_text(row.rate_ppm, decimal=sign())} for row in found.taxes.order_by("position")
        ],
        **_in_books(found, document),
        "allocations": settled,
        "releasable": standing_ones(settled),
        "entries": entries_of(found),
        "corrections": excerpt(OF_INVOICE, QuerysetSource(queryset=corrections)),
        "mails": mails_of(found),
        "reads_messages": rights(request).reads("messages"),
        **_offers(found, document),
    }


def _in_books(found: Any, document: Document) -> dict[str, Any]:
    """The taxes in the account's currency, or that a draft lacks the rate for it."""
    books, own = document.books, found.account.currency
    if books is not None:
        return {
            "books": books,
            "in_books_micros": books.told(found.tax_micros),
            "books_rate": books.rate_text(found.currency, decimal=sign()),
        }
    lacks = found.state == "draft" and found.corrects is None and found.tax_micros and found.currency != own
    return {"rate_missing": own if lacks else ""}


def _offers(found: Any, document: Document) -> dict[str, Any]:
    """What may be done with the document as it stands, whoever asks."""
    issued = found.state == "issued"
    mailed = found.kind in DUE and found.sent_at is not None
    against = reasons_against(document) if issued else []
    return {
        "electronic": issued and not against,
        "not_electronic": against,
        "voidable": issued
        and not mailed
        and (found.kind == "receipt" or not found.settled_micros)
        and found.payment_id is None,
        "correctable": issued and found.kind in ("invoice", "debit_note") and found.payment_id is None,
        "debitable": issued and found.kind == "invoice",
    }


def _line(request: HttpRequest, found: Any, row: InvoiceLine, taxes: Sequence[TaxLine]) -> Line:
    draft, args = found.state == "draft", [found.pk, row.pk]
    changeable = draft and row.kind == "manual" and may(request, "change_invoice_line")
    removable = draft and row.kind not in FROM_CALLS and may(request, "remove_invoice_line")
    return Line(
        row=row,
        period=period_text(row.from_on, row.until_on),
        quantity=quantity_text(row.quantity_milli),
        taxes=", ".join(tax.printed_with(sign()) for tax in taxes),
        of_calls=row.kind in FROM_CALLS,
        cdrs_url=_cdrs_url(request, found, row),
        edit_url=reverse("panel:invoice_line", args=args) if changeable else "",
        remove_url=reverse("panel:invoice_line_remove", args=args) if removable else "",
    )


def _cdrs_url(request: HttpRequest, found: Any, row: InvoiceLine) -> str:
    """The calls that a line is made of: those of its days within what it bills, in the group it stands for."""
    of_calls = row.corrects_line if row.corrects_line_id else row
    if of_calls is None or of_calls.kind not in FROM_CALLS or not rights(request).reads("calls"):
        return ""
    if of_calls.from_on is None or of_calls.until_on is None:
        return ""
    begin, end = (first_instant(day, found.zone) for day in (of_calls.from_on, of_calls.until_on))
    if of_calls.usage_from_at and of_calls.usage_until_at:
        begin, end = max(begin, of_calls.usage_from_at), min(end, of_calls.usage_until_at)
    wanted = [Rule("state", "one_of", "charged,unresolved"), *_group_of(found, of_calls)]
    if found.recalculation_id is not None:
        wanted.append(Rule("note", "is", found.number or ""))
    page = reverse("panel:customer_cdrs", args=[found.customer_id])
    if found.customer.is_reseller:
        page, wanted = reverse("panel:cdrs"), [*wanted, Rule("reseller", "is", found.customer.name)]
    asked = {"f.from": begin.isoformat(), "f.until": end.isoformat(), "f.rules": write_rules(Rules(tuple(wanted)))}
    return f"{page}?{urlencode(asked)}"


def _group_of(found: Any, row: InvoiceLine) -> list[Rule]:
    """What the calls of a line have in common, by how the document groups them; a correction is of all calls."""
    if row.kind != "usage":
        return []
    if found.grouping == "destination":
        return [Rule("destination", "is", row.destination) if row.destination else Rule("destination", "empty")]
    if found.grouping == "route":
        route = row.ingress_route_id
        return [Rule("route", "is", f"#{route}") if route else Rule("route", "empty")]
    return []


def standing_ones(rows: list[Allocation]) -> set[int]:
    """Those of the allocations, oldest first, that were not taken back whole; what was is counted to the older."""
    left: dict[tuple[int, int | None, int | None], int] = {}
    for row in rows:
        pair = (row.invoice_id, row.payment_id, row.credit_note_id)
        left[pair] = left.get(pair, 0) + row.amount_micros
    found = set()
    for row in reversed(rows):
        pair = (row.invoice_id, row.payment_id, row.credit_note_id)
        if row.amount_micros > 0 and left[pair] > 0:
            found.add(row.pk)
            left[pair] -= row.amount_micros
    return found


def _file(content: bytes, content_type: str, name: str, *, inline: bool = False) -> HttpResponse:
    shown = "inline" if inline else "attachment"
    return HttpResponse(
        content, content_type=content_type, headers={"Content-Disposition": f'{shown}; filename="{name}"'}
    )


urlpatterns = [
    path("invoices/<int:invoice_id>/", invoice, name="invoice"),
    path("invoices/<int:invoice_id>/pdf/", pdf, name="invoice_pdf"),
    path("invoices/<int:invoice_id>/factur-x/", factur_x, name="invoice_factur_x"),
    path("invoices/<int:invoice_id>/ubl/", ubl, name="invoice_ubl"),
    path("invoices/<int:invoice_id>/issue/", issue, name="invoice_issue"),
    path("invoices/<int:invoice_id>/void/", void, name="invoice_void"),
    path("invoices/<int:invoice_id>/delete/", remove, name="invoice_delete"),
    path("invoices/<int:invoice_id>/mail/", send, name="invoice_mail"),
    path("invoices/<int:invoice_id>/lines/<int:line_id>/remove/", remove_line, name="invoice_line_remove"),
    path(
        "invoices/<int:invoice_id>/allocations/<int:allocation_id>/release/",
        release,
        name="invoice_allocation_release",
    ),
]
