"""A customer's statement of account: what the wallet held, what moved it, what it holds, and what is open.

Amounts are whole micros; above zero is the customer's. To tell of another kind of movement, add its word to
`core.statement_words` and name the kind where the ledger's rows are read (`actions.customer_statements`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Final

from tollgate.core.invoice_document import NO_BREAK, Party, address_lines, amount_text, day_text, period_text
from tollgate.core.money import format_micros, minor_digits
from tollgate.core.number_formats import decimal_sign
from tollgate.core.statement_words import statement_words

COLOR: Final = "#1f6feb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One line: what moved the wallet on a day, and what it held then."""

    on: date
    kind: str
    amount_micros: int
    document: str = ""
    calls_count: int = 0
    invoice_id: int | None = None
    payment_id: int | None = None
    balance_micros: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDocument:
    """A document that is not settled yet."""

    number: str
    kind: str
    invoice_on: date | None
    due_on: date | None
    total_micros: int
    open_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What moved a wallet from `from_on` to the day before `until_on`."""

    currency: str
    language: str
    from_on: date
    until_on: date
    issuer: Party
    customer: Party
    opening_micros: int
    movements: tuple[Movement, ...]
    open_documents: tuple[OpenDocument, ...] = ()

    @property
    def closing_micros(self) -> int:
        """What the wallet held when the last day ended."""
        return self.movements[-1].balance_micros if self.movements else self.opening_micros

    @property
    def last_on(self) -> date:
        """The last day it tells of."""
        return self.until_on - timedelta(days=1)

    @property
    def open_micros(self) -> int:
        """What is still to be paid."""
        return sum(one.open_micros for one in self.open_documents)


def running(opening_micros: int, movements: Iterable[Movement]) -> tuple[Movement, ...]:
    """The movements with what the wallet held after each."""
    held, told = opening_micros, []
    for one in movements:
        held += one.amount_micros
        told.append(replace(one, balance_micros=held))
    return tuple(told)


def words_for(one: Movement, language: str = "en") -> str:
    """What a line says of itself."""
    words = statement_words(language)
    text = " ".join(part for part in (words[one.kind], one.document) if part)
    return f"{text} ({one.calls_count})" if one.calls_count else text


def statement_paper(statement: Statement) -> Mapping[str, object]:
    """What the printed page says: texts, and lists of texts."""
    words, digits = statement_words(statement.language), _decimals(statement)
    written = partial(amount_text, digits=digits, decimal=decimal_sign(statement.customer.country))
    opening = (statement.from_on, words["opening"], "", statement.opening_micros)
    closing = (statement.last_on, words["closing"], "", statement.closing_micros)
    lines = [
        (one.on, words_for(one, statement.language), written(one.amount_micros), one.balance_micros)
        for one in statement.movements
    ]
    return {
        "language": words["language"],
        "color": COLOR,
        "title": words["statement"],
        "issuer": {"name": statement.issuer.name, "lines": address_lines(statement.issuer)},
        "customer": {"name": statement.customer.name, "lines": address_lines(statement.customer)},
        "facts": [
            [words["period"], period_text(statement.from_on, statement.until_on)],
            *([[words["customer_number"], statement.customer.number]] if statement.customer.number else []),
        ],
        "columns": [words["date"], words["description"], words["amount"], f"{words['balance']} {statement.currency}"],
        "rows": [
            [day_text(on), text, amount, written(balance)] for on, text, amount, balance in (opening, *lines, closing)
        ],
        "total": [words["closing"], f"{written(statement.closing_micros)}{NO_BREAK}{statement.currency}"],
        "open_title": words["open_documents"],
        "open_columns": [words["number"], words["date"], words["due"], words["total"], words["open"]],
        "open_rows": [_open_row(one, statement, words) for one in statement.open_documents],
        "page": words["page"],
    }


def _decimals(statement: Statement) -> int:
    """How many decimals all amounts of the account are printed with, so that their points stand below each other."""
    told = [
        statement.opening_micros,
        *(each for one in statement.movements for each in (one.amount_micros, one.balance_micros)),
    ]
    exact = max(len(format_micros(micros).partition(".")[2]) for micros in told)
    return max(exact, minor_digits(statement.currency))


def _open_row(one: OpenDocument, statement: Statement, words: Mapping[str, str]) -> list[str]:
    digits, decimal = minor_digits(statement.currency), decimal_sign(statement.customer.country)
    amounts = [amount_text(micros, digits, decimal=decimal) for micros in (one.total_micros, one.open_micros)]
    return [f"{words[one.kind]} {one.number}", day_text(one.invoice_on), day_text(one.due_on), *amounts]
