"""`GET /api/v1/invoices/<id>/<form>`: a document as a file, the same bytes that the panel gives.

To add a form: its line in `FORMS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest, HttpResponse

from tollgate.actions.invoice_documents import factur_x_of, pdf_of, ubl_of
from tollgate.api.access import Caller, door
from tollgate.api.answers import Answer, Refused, error, unfit
from tollgate.api.noun_rows import own_rows
from tollgate.api.nouns import BY_NAME
from tollgate.core.invoice_document import file_name
from tollgate.gateways.e_invoices import EInvoiceRefused
from tollgate.store.models import Invoice

NOUN: Final = "invoices"


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of file: how it is made, its media type, and the end of its name."""

    made: Callable[[Invoice], bytes]
    media: str
    ending: str


FORMS: Final[Mapping[str, Form]] = {
    "pdf": Form(pdf_of, "application/pdf", ".pdf"),
    "factur-x": Form(factur_x_of, "application/pdf", "-factur-x.pdf"),
    "ubl": Form(ubl_of, "application/xml", ".xml"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAnswer(Answer):
    """What goes back is a file."""

    content: bytes
    media: str
    name: str

    def response(self) -> HttpResponse:
        """The file for Django."""
        headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{self.name}"'}
        return HttpResponse(self.content, status=self.status, content_type=self.media, headers=headers)


@door("GET")
def invoice_file(request: HttpRequest, caller: Caller, row_id: int, form: str) -> Answer:
    """The file; 409 with the reasons for a document that has no e-invoice."""
    kind = BY_NAME[NOUN]
    caller.check_reads(kind.area)
    if form not in FORMS:
        raise Refused(404, "There is no such file.", f"There are {', '.join(FORMS)}.")
    if request.GET:
        raise unfit(*(error(name, "This does not exist here.", code="unknown") for name in request.GET))
    found = own_rows(kind, caller).select_related("customer__account", "account", "corrects", "payment")
    invoice = found.filter(pk=row_id).first()
    if invoice is None:
        raise Refused(404, "There is no such record.")
    try:
        content = FORMS[form].made(invoice)
    except EInvoiceRefused as refused:
        raise Refused(409, "This document has no e-invoice.", str(refused)) from None
    name = f"{file_name(invoice.kind, invoice.number)}{FORMS[form].ending}"
    return FileAnswer(200, content=content, media=FORMS[form].media, name=name)
