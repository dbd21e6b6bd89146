"""The lines of a document and its taxes as `core.invoice_document` has them, and as messages about it may say them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final, overload

from tollgate.core.invoice_document import Document, Line, TaxLine, line_values
from tollgate.core.number_formats import POINT
from tollgate.core.templates import Figure, Value
from tollgate.store.models import Invoice, InvoiceLine, InvoiceTax

LINES_MOST: Final = 100
"""Of one document in a message; the document itself, which goes along, has them all."""


def places_of(taxes: Sequence[InvoiceTax]) -> dict[int, int]:
    """The place of each tax by its position."""
    return {tax.position: place for place, tax in enumerate(taxes)}


def sign_of(invoice: Invoice) -> int:
    """What a credit note's amounts are turned by, to stand above zero."""
    return -1 if invoice.kind == "credit_note" and invoice.total_micros < 0 else 1


def line_of(line: InvoiceLine, places: Mapping[int, int], sign: int) -> Line:
    """One line, its taxes by their places."""
    own = line.tax_positions
    return Line(
        position=line.position,
        kind=line.kind,
        description=line.description,
        from_on=line.from_on,
        until_on=line.until_on,
        quantity_milli=line.quantity_milli,
        unit=line.unit,
        unit_price_nanos=sign * line.unit_price_nanos,
        exact_micros=sign * line.exact_micros,
        net_micros=sign * line.net_micros,
        calls_count=line.calls_count,
        billed_s=line.billed_s,
        taxes=None if own is None else tuple(places[position] for position in own),
    )


def tax_of(tax: InvoiceTax, sign: int) -> TaxLine:
    """One tax."""
    return TaxLine(
        name=tax.name,
        label=tax.label,
        category=tax.category,
        rate_ppm=tax.rate_ppm,
        fixed_micros=sign * tax.fixed_micros,
        compound=tax.compound,
        base_micros=sign * tax.base_micros,
        amount_micros=sign * tax.amount_micros,
        exemption_reason=tax.exemption_reason,
        is_vat=tax.is_vat,
    )


class SaidLines(Sequence[Value]):
    """The first lines of a document for a message, read only when its words say them."""

    def __init__(self, invoice: Invoice) -> None:
        self._invoice = invoice

    @cached_property
    def _lines(self) -> list[Value]:
        invoice = self._invoice
        taxes = list(invoice.taxes.order_by("position"))
        places, sign = places_of(taxes), sign_of(invoice)
        document = Document(
            currency=invoice.currency,
            taxes=tuple(tax_of(tax, sign) for tax in taxes),
            decimal=str((invoice.issuer or {}).get("decimal") or POINT),
        )
        found = invoice.lines.order_by("position")[:LINES_MOST]
        return [_as_reader(line_values(document, line_of(line, places, sign))) for line in found]

    @overload
    def __getitem__(self, place: int) -> Value: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Value]: ...

    def __getitem__(self, place: int | slice) -> Value | Sequence[Value]:
        return self._lines[place]

    def __len__(self) -> int:
        return len(self._lines)


def _as_reader(said: Mapping[str, Value]) -> dict[str, Value]:
    """Numbers of a line for their reader to write, not as the document prints them; a duration stays hours."""
    return {
        name: Figure(value) if isinstance(value, Figure) and name != "duration" else value
        for name, value in said.items()
    }
