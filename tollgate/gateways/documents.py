"""Documents as PDF, printed by Typst from the file `typst/document.typ`: the same document is always the same bytes.

What a page says comes from `core.invoice_paper` as data. To add a kind of page, add its `.typ` file and its function.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Final, Literal

import typst

from tollgate.core.invoice_document import EXAMPLE, Document, Looks
from tollgate.core.invoice_paper import paper
from tollgate.core.statement import Statement, statement_paper

HERE: Final = Path(__file__).parent / "typst"
PICTURE_PPI: Final = 110
EPOCH: Final = date(2000, 1, 1)
"""The date that a PDF without one bears within."""
_ONE_AT_A_TIME: Final = Lock()
PICTURES: Final = {"image/png": "png", "image/svg+xml": "svg"}


class NotPrinted(Exception):
    """The document could not be printed; the sentence says why."""


def pdf(document: Document, e_invoice: bytes = b"") -> bytes:
    """The document as PDF/A-3, with its e-invoice attached if one is given."""
    return _printed(document, "pdf", e_invoice)[0]


def statement_pdf(statement: Statement) -> bytes:
    """A statement of account as PDF."""
    day = statement.until_on
    moment = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    said = {"paper": json.dumps(statement_paper(statement))}
    try:
        with _ONE_AT_A_TIME:
            made = _compiler("statement.typ").compile(format="pdf", sys_inputs=said, timestamp=moment)
    except typst.TypstError as problem:
        raise NotPrinted(f"The statement could not be printed: {problem.message}.") from None
    return b"".join(made) if isinstance(made, list) else made or b""


def picture(document: Document, page: int = 1) -> bytes:
    """One page as PNG, for a preview; the last one where there are fewer."""
    pages = _printed(document, "png")
    return pages[min(page, len(pages)) - 1]


def check_logo(logo: bytes, logo_type: str) -> None:
    """Prints an example with a logo. Raises NotPrinted for a picture that cannot be."""
    picture(replace(EXAMPLE, looks=Looks(logo=logo, logo_type=logo_type)))


def _printed(document: Document, form: Literal["pdf", "png"], e_invoice: bytes = b"") -> list[bytes]:
    day = document.invoice_on or EPOCH
    looks = document.looks
    said = {
        **paper(document),
        "day": [day.year, day.month, day.day],
        "logo": list(looks.logo) if looks.logo else None,
        "logo_format": PICTURES.get(looks.logo_type),
    }
    try:
        with _ONE_AT_A_TIME:
            made = _compiler().compile(
                format=form,
                ppi=PICTURE_PPI,
                sys_inputs={"paper": json.dumps(said), "e_invoice": e_invoice.decode()},
                pdf_standards="a-3b" if form == "pdf" else [],
                timestamp=int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()),
            )
    except typst.TypstError as problem:
        raise NotPrinted(f"The document could not be printed: {problem.message}.") from None
    return made if isinstance(made, list) else [made or b""]


@cache
def _compiler(name: str = "document.typ") -> typst.Compiler:
    """One for the process and file: it keeps its fonts and what it has read."""
    return typst.Compiler(str(HERE / name), root=str(HERE))
