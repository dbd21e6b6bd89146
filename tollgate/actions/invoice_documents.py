"""Documents as files: what an invoice says, its PDF, its e-invoice, its mail.

`frozen_parties` is what an invoice keeps of issuer and customer when it is issued; from then on its files are made of
what was kept; only what was issued before migration 0032 shows its template's logo of today. A file that went out is
kept itself (`_kept`), so that no later program gives another one. A draft's are made of what is true now. To let
documents say more, see `core.invoice_document`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, Final

from tollgate.actions import records
from tollgate.actions.acts import act, refuse, warn
from tollgate.actions.country_names import with_country
from tollgate.actions.document_lines import line_of, places_of, sign_of, tax_of
from tollgate.actions.exchange_rates import rate_on
from tollgate.actions.invoice_series import issue_day
from tollgate.actions.mandates import OWED, announcement
from tollgate.actions.notices import invoice_values, notify
from tollgate.actions.postings import income_book
from tollgate.core.invoice_document import (
    BookCurrency,
    Corrected,
    Document,
    Looks,
    Party,
    book_currency_of,
    debit_of,
    file_name,
    party_of,
    template_values,
)
from tollgate.core.number_formats import POINT, decimal_sign
from tollgate.core.templates import render
from tollgate.core.templates_helpers import Manner
from tollgate.core.templates_syntax import TemplateInvalid, parse
from tollgate.gateways import documents, e_invoices
from tollgate.gateways.e_invoices import EInvoiceRefused
from tollgate.store.models import (
    Account,
    Customer,
    Invoice,
    InvoiceFile,
    InvoiceLogo,
    InvoiceTemplate,
    Message,
)

TEXTS: Final = ("title", "header_text", "footer_text")
SHOWN: Final = ("language", "color", *TEXTS, "show_calls", "show_duration")
NOTICE: Final[Mapping[str, str]] = {"credit_note": "credit_note.issued"}
ISSUED: Final = "invoice.issued"
VOIDED: Final = "invoice.voided"


def frozen_parties(invoice: Invoice, on: date) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `issuer` and `buyer` of a document keep when it is issued on a day."""
    books = books_of(invoice, on)
    kept = {
        "books": books.as_json() if books else None,
        "income": income_book(invoice.customer),
        "decimal": decimal_sign(invoice.customer.country),
    }
    looks = looks_of(invoice.template or invoice.customer.document_template, invoice.customer.language)
    language = str(looks.get("language") or "")
    issuer = {**_issuer_now(invoice.account, language), "looks": looks, **kept}
    owed = invoice.kind in OWED and invoice.payment_id is None
    due_on = on + timedelta(days=invoice.customer.payment_terms_days)
    debit = announcement(invoice.account, invoice.customer, on, due_on) if owed else None
    return {**issuer, **({"debit": debit} if debit else {})}, _buyer_now(invoice.customer, language)


def books_of(invoice: Invoice, on: date) -> BookCurrency | None:
    """How the taxes of a document are told in the account's currency too: by the last rate up to its day, a note's by
    that of the document it corrects. None where it is the same currency, nothing is taxed, or no rate is known."""
    if invoice.issuer:
        return book_currency_of(invoice.issuer.get("books"))
    if invoice.corrects is not None:
        return book_currency_of(invoice.corrects.issuer.get("books"))
    quote = invoice.account.currency
    if quote == invoice.currency or not invoice.tax_micros:
        return None
    found = rate_on(invoice.account_id, base=invoice.currency, quote=quote, on=on)
    return (
        BookCurrency(currency=quote, rate_nanos=found.rate_nanos, on=found.on, inverse=found.inverse) if found else None
    )


def needs_rate(invoice: Invoice, on: date) -> bool:
    """Whether a draft cannot be issued on a day, because its taxes are to be told in the account's currency too, and no
    rate is known. A note is told as the document it corrects."""
    foreign = invoice.currency != invoice.account.currency and invoice.tax_micros != 0
    return foreign and invoice.corrects is None and books_of(invoice, on) is None


def document_of(invoice: Invoice) -> Document:
    """What the document says: as frozen when it was issued, as things are now while it is a draft."""
    issuer, buyer = invoice.issuer, invoice.buyer
    if not issuer:
        issuer, buyer = frozen_parties(invoice, issue_day(invoice.account, records.now()))
    corrected = invoice.corrects
    sign = sign_of(invoice)
    notes = dict.fromkeys(text for text in (invoice.note, str(buyer.get("note") or "")) if text)
    taxes = list(invoice.taxes.order_by("position"))
    places = places_of(taxes)
    said = Document(
        kind=invoice.kind,
        state=invoice.state,
        number=invoice.number or "",
        currency=invoice.currency,
        invoice_on=invoice.invoice_on,
        due_on=invoice.due_on,
        from_on=invoice.from_on,
        until_on=invoice.until_on,
        issuer=party_of(issuer),
        buyer=party_of(buyer),
        lines=tuple([line_of(line, places, sign) for line in invoice.lines.order_by("position")]),
        taxes=tuple([tax_of(tax, sign) for tax in taxes]),
        exact_micros=sign * invoice.exact_micros,
        net_micros=sign * invoice.net_micros,
        rounding_micros=sign * invoice.rounding_micros,
        tax_micros=sign * invoice.tax_micros,
        total_micros=sign * invoice.total_micros,
        prices_include_tax=invoice.prices_include_tax,
        reference=invoice.reference or str(buyer.get("reference") or ""),
        note="\n".join(notes),
        reason=invoice.reason,
        payment_details=str(issuer.get("payment_details") or ""),
        footer=str(issuer.get("footer") or ""),
        corrects=Corrected(number=str(corrected), invoice_on=corrected.invoice_on) if corrected else None,
        paid_by=_paid_by(invoice),
        books=book_currency_of(issuer.get("books")),
        debit=debit_of(issuer.get("debit")),
        decimal=str(issuer.get("decimal") or POINT),
    )
    return replace(said, looks=_looks(issuer.get("looks") or {}, said, invoice.account_id))


def pdf_of(invoice: Invoice) -> bytes:
    """The document as PDF."""
    return _kept(invoice, "pdf", lambda: documents.pdf(document_of(invoice)))


def factur_x_of(invoice: Invoice) -> bytes:
    """The document as PDF/A-3 that bears its e-invoice. Raises EInvoiceRefused."""
    return _kept(invoice, "factur_x", lambda: e_invoices.factur_x(document_of(invoice)))


def ubl_of(invoice: Invoice) -> bytes:
    """The document as an e-invoice in UBL. Raises EInvoiceRefused."""
    return _kept(invoice, "ubl", lambda: e_invoices.ubl(document_of(invoice)))


def file_of(invoice: Invoice) -> tuple[str, bytes]:
    """The name and bytes that go out by mail: with the e-invoice inside where one could be written the first time."""
    name = f"{file_name(invoice.kind, invoice.number)}.pdf"
    if (found := _found(invoice, "mailed")) is not None:
        return name, found
    document = cache(lambda: document_of(invoice))
    try:
        return name, _kept(invoice, "factur_x", lambda: e_invoices.factur_x(document()))
    except EInvoiceRefused:
        return name, _kept(invoice, "mailed", lambda: documents.pdf(document()))


def _kept(invoice: Invoice, form: str, made: Callable[[], bytes]) -> bytes:
    """A file as it first went out, made now if it never did. Of two made at once one is kept, and both get it."""
    if invoice.state == "draft":
        return made()
    found = _found(invoice, form)
    if found is not None:
        return found
    content = made()
    one = InvoiceFile(invoice=invoice, form=form, void=invoice.state == "void", content=content)
    InvoiceFile.objects.bulk_create([one], ignore_conflicts=True)
    return _found(invoice, form) or content


def _found(invoice: Invoice, form: str) -> bytes | None:
    files = InvoiceFile.objects.filter(invoice=invoice, form=form, void=invoice.state == "void")
    found = files.values_list("content", flat=True).first()
    return None if found is None else bytes(found)


def mail_document(invoice: Invoice) -> Message | None:
    """Queues the document to everybody who is to have it, and keeps when; None when nobody is."""
    sent = notify(
        invoice.customer,
        NOTICE.get(invoice.kind, ISSUED),
        invoice_values(invoice),
        attachments=[{"invoice_id": invoice.pk}],
    )
    if not sent:
        return None
    records.change(invoice, {"sent_at": records.now()})
    return sent[0]


def mail_voided(invoice: Invoice) -> None:
    """Tells everybody who was to have a document that it is void, with the page that says so."""
    values = invoice_values(invoice)
    told = {name: values[name] for name in ("number", "total", "currency", "invoice_date")}
    notify(invoice.customer, VOIDED, told, attachments=[{"invoice_id": invoice.pk}])


@act
def mail_invoice(*, invoice_id: int) -> Invoice:
    """Sends an issued document to its customer again."""
    invoice = records.locked(Invoice, invoice_id)
    if invoice.state != "issued":
        raise refuse("invoice_id", "Only an issued document is sent.")
    if mail_document(invoice) is None:
        warn("Nobody gets it: the customer has no address for this mail, or wants none.")
    return invoice


def looks_of(template: InvoiceTemplate | None, language: str = "") -> dict[str, Any]:
    """What is kept of a template with a document; the logo by its digest."""
    if template is None:
        return {"language": language} if language else {}
    kept = {name: getattr(template, name) for name in SHOWN}
    return {**kept, "template_id": template.pk, "logo": logo_digest(template)}


def logo_digest(template: InvoiceTemplate) -> str:
    """The SHA-256 of a template's logo; empty without one."""
    return sha256(template.logo).hexdigest() if template.logo else ""


def _issuer_now(account: Account, language: str) -> dict[str, Any]:
    party = Party(
        name=account.company or account.name,
        number=str(account.pk),
        address_line1=account.address_line1,
        address_line2=account.address_line2,
        city=account.city,
        state=account.state,
        postcode=account.postcode,
        country=account.country,
        vat_id=account.vat_id,
        registration_id=account.registration_id,
        email=account.email,
        phone=account.phone,
    )
    return {
        **with_country(party, language).as_json(),
        "payment_details": account.payment_details,
        "footer": account.invoice_footer,
    }


def _buyer_now(customer: Customer, language: str) -> dict[str, Any]:
    contact = customer.contacts.order_by("id").first()
    emails = [*customer.notification_emails, contact.email if contact else ""]
    party = Party(
        name=customer.company or customer.name,
        number=customer.number,
        accounting_id=customer.accounting_id or "",
        address_line1=customer.address_line1,
        address_line2=customer.address_line2,
        city=customer.city,
        state=customer.state,
        postcode=customer.postcode,
        country=customer.country,
        vat_id=customer.tax_number,
        registration_id=customer.registration_id,
        email=emails[0],
        phone=customer.phone,
    )
    return {**with_country(party, language).as_json(), "note": customer.invoice_note, "reference": customer.reference}


def _looks(kept: Mapping[str, Any], document: Document, account_id: int) -> Looks:
    """The kept template with its texts filled in; one that can no longer be filled stands as it was written."""
    picture, picture_type = _logo(kept, account_id)
    given = {name: kept[name] for name in SHOWN if name in kept}
    values = template_values(document)
    manner = manner_of(document, str(given.get("language") or document.looks.language))
    filled = {name: _filled(str(given.get(name) or ""), values, manner) for name in TEXTS}
    return Looks(**{**given, **filled}, logo=picture, logo_type=picture_type)


def _logo(kept: Mapping[str, Any], account_id: int) -> tuple[bytes, str]:
    """The picture and its type: that of the digest; of what was issued before digests were kept, the template's."""
    found: tuple[Any, str] | None = None
    if kept.get("logo"):
        logos = InvoiceLogo.objects.filter(account_id=account_id, digest=kept["logo"])
        found = logos.values_list("content", "content_type").first()
    elif "logo" not in kept and kept.get("template_id"):
        found = InvoiceTemplate.objects.filter(pk=kept["template_id"]).values_list("logo", "logo_type").first()
    picture, picture_type = found or (None, "")
    return bytes(picture or b""), picture_type


def manner_of(document: Document, language: str) -> Manner:
    """How the texts of a document write: numbers as its buyer's country, months and days in its language. It has no
    moments, only days."""
    return Manner(sign=document.decimal, language=language, currency=document.currency)


def _filled(text: str, values: Mapping[str, Any], manner: Manner) -> str:
    try:
        return render(parse(text), values, manner=manner).strip()
    except TemplateInvalid:
        return text


def _paid_by(invoice: Invoice) -> str:
    """What a receipt was paid by."""
    paid = invoice.payment
    if paid is None:
        return ""
    day = paid.completed_at or paid.received_at
    return f"{paid.gateway}, {day:%Y-%m-%d}" + (f", {paid.external_id}" if paid.external_id else "")
