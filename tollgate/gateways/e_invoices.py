"""E-invoices by EN 16931: CII inside a PDF/A-3 (Factur-X, ZUGFeRD) and UBL. The only place that knows the library.

What they say comes from `core.invoice_terms`. To add a syntax, give it its function here.
"""

from __future__ import annotations

import logging
from typing import Final

import facturx

from tollgate.core.invoice_document import Document
from tollgate.core.invoice_terms import reasons_against, terms
from tollgate.gateways import hybrid_pdf
from tollgate.gateways.documents import pdf

LEVEL: Final = "en16931"
logging.getLogger("factur-x").setLevel(logging.WARNING)
log = logging.getLogger(__name__)


class EInvoiceRefused(Exception):
    """The document cannot be written by the standard; the sentences say why."""


def cii(document: Document) -> bytes:
    """The document in the Cross Industry Invoice syntax. Raises EInvoiceRefused."""
    return _written(document, "factur-x")


def ubl(document: Document) -> bytes:
    """The document in the UBL 2.1 syntax. Raises EInvoiceRefused."""
    return _written(document, "ubl-2.1")


def factur_x(document: Document) -> bytes:
    """The document as a page that bears its own data: PDF/A-3 with the CII inside. Raises EInvoiceRefused."""
    return hybrid_pdf.factur_x(pdf(document, cii(document)))


def _written(document: Document, flavor: str) -> bytes:
    if reasons := reasons_against(document):
        raise EInvoiceRefused(" ".join(reasons))
    try:
        made = facturx.generate_xml(terms(document), flavor=flavor, level=LEVEL, check_xsd=True, check_schematron=False)
    except Exception as error:  # the library has none of its own for what the standard does not allow
        log.warning("%s has no e-invoice: %s", document.number, error)
        raise EInvoiceRefused(str(error)) from error
    return bytes(made)
