"""E-invoices by EN 16931: CII inside a PDF/A-3 (Factur-X, ZUGFeRD) and UBL. The only place that knows the library.

What they say comes from `core.invoice_terms`. To add a syntax, give it its function here.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from io import BytesIO
from typing import Final

import facturx

from tollgate.core.invoice_document import Document
from tollgate.core.invoice_terms import reasons_against, terms
from tollgate.gateways.documents import EPOCH, pdf

LEVEL: Final = "en16931"
_PDF_DATE: Final = re.compile(rb"(\(D(?:\\072|:))\d{14}(?=\\053|\+)")  # the writer escapes what is no letter
_XMP_DATE: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
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
    data = cii(document)
    page = BytesIO(pdf(document))  # in memory: by way of its temporary file the library takes half as long again
    facturx.generate_from_file(
        page,
        data,
        flavor="factur-x",
        level=LEVEL,
        check_xsd=False,
        check_schematron=False,
        pdf_metadata={
            "author": document.issuer.name,
            "keywords": "Factur-X",
            "title": f"{document.issuer.name}: {document.number}",
            "subject": f"{document.kind} {document.number}",
        },
        lang=document.looks.language,
        afrelationship="alternative",
        xmp_compression=False,
    )
    return _timeless(page.getvalue(), document)


def _written(document: Document, flavor: str) -> bytes:
    if reasons := reasons_against(document):
        raise EInvoiceRefused(" ".join(reasons))
    try:
        made = facturx.generate_xml(terms(document), flavor=flavor, level=LEVEL, check_xsd=True, check_schematron=False)
    except Exception as error:  # the library has none of its own for what the standard does not allow
        log.warning("%s has no e-invoice: %s", document.number, error)
        raise EInvoiceRefused(str(error)) from error
    return bytes(made)


def _timeless(made: bytes, document: Document) -> bytes:
    """The library stamps the moment of its work: the day of the document takes its place, in as many bytes."""
    day = document.invoice_on or EPOCH
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    dated = _PDF_DATE.sub(f"\\g<1>{at:%Y%m%d%H%M%S}".encode(), made)
    return _XMP_DATE.sub(f"{at:%Y-%m-%dT%H:%M:%S}+00:00".encode(), dated)
