"""Lines of documents as programs of bookkeeping import them. To add a program, add its columns to `PROGRAMS`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from tollgate.core.money import format_micros, minor_digits

DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the beginning of a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleLine:
    """One line of a document with its part of the tax; below zero on a credit note and where one is taken back."""

    number: str
    customer: str
    email: str
    accounting_id: str
    reference: str
    invoice_on: date
    due_on: date
    description: str
    net_micros: int
    tax_micros: int
    tax_name: str
    account_code: str
    currency: str


Cell = Callable[[SaleLine], str]


def _text(name: str) -> Cell:
    def read(line: SaleLine) -> str:
        text = str(getattr(line, name))
        return f"'{text}" if text.startswith(DANGEROUS) else text

    return read


def _day(name: str) -> Cell:
    return lambda line: str(getattr(line, name).isoformat())


def _amount(name: str) -> Cell:
    return lambda line: format_micros(getattr(line, name), minor_digits(line.currency))


PROGRAMS: Final[Mapping[str, Mapping[str, Cell]]] = {
    "xero": {
        "*ContactName": _text("customer"),
        "EmailAddress": _text("email"),
        "*InvoiceNumber": _text("number"),
        "Reference": _text("reference"),
        "*InvoiceDate": _day("invoice_on"),
        "*DueDate": _day("due_on"),
        "*Description": _text("description"),
        "*Quantity": lambda _: "1",
        "*UnitAmount": _amount("net_micros"),
        "*AccountCode": _text("account_code"),
        "*TaxType": _text("tax_name"),
        "TaxAmount": _amount("tax_micros"),
        "Currency": _text("currency"),
        "AccountNumber": _text("accounting_id"),
    },
    "quickbooks": {
        "InvoiceNo": _text("number"),
        "Customer": _text("customer"),
        "InvoiceDate": _day("invoice_on"),
        "DueDate": _day("due_on"),
        "Memo": _text("reference"),
        "Item(Product/Service)": lambda _: "Calls",
        "ItemDescription": _text("description"),
        "ItemQuantity": lambda _: "1",
        "ItemRate": _amount("net_micros"),
        "ItemAmount": _amount("net_micros"),
        "ItemTaxCode": _text("tax_name"),
        "ItemTaxAmount": _amount("tax_micros"),
        "Currency": _text("currency"),
        "CustomerNo": _text("accounting_id"),
    },
}
"""By program: its columns in its order, then the customer's id in the books, by which alike names are told apart."""


def sales_csv(program: str, lines: Iterable[SaleLine]) -> Iterator[str]:
    """The file of a program, the titles first."""
    columns = PROGRAMS[program]
    yield _written(list(columns))
    for line in lines:
        yield _written([read(line) for read in columns.values()])


def shared_out(tax_micros: int, nets: Sequence[int], *, currency: str) -> list[int]:
    """The tax of a document over its lines by their nets, in whole units of the currency; the sum is the tax.

    What takes a document back is shared out as its mirror.
    """
    unit = 10 ** (6 - minor_digits(currency))
    whole = sum(nets)
    if whole < 0:
        return [-share for share in shared_out(-tax_micros, [-net for net in nets], currency=currency)]
    shares: list[int] = []
    passed = given = 0
    for net in nets:
        passed += net
        due = tax_micros if whole == 0 else (tax_micros * passed * 2 + whole * unit) // (2 * whole * unit) * unit
        shares.append(due - given)
        given = due
    if shares:
        shares[-1] += tax_micros - given
    return shares


def _written(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
