"""The journal of a period for bookkeeping: each movement of the ledger as a debit and a credit, which sum to zero.

An entry says what a wallet gains and its book gives. A wallet's gain is a credit to its account (we owe more, or are
owed less), a book's giving a debit to its own. `PLACES` are the accounts of both with the codes in stock; to add a
book, add its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

PLACES: Final[Mapping[str, tuple[str, str]]] = {
    "customers": ("Customers", "1100"),
    "resellers_customers": ("Customers of resellers", "1190"),
    "payments": ("Payments received and made", "1000"),
    "in_transit": ("Payouts on their way", "1010"),
    "payment_fees": ("Fees of payment gateways", "6800"),
    "carriers": ("Carriers", "2000"),
    "account": ("The installation's own account", "2100"),
    "tax": ("Taxes collected", "2200"),
    "revenue": ("Sales", "4000"),
    "resale": ("Sold to customers of resellers", "4090"),
    "adjustments": ("Adjustments and rounding", "4900"),
    "carrier_cost": ("Calls bought", "5000"),
    "platform": ("Platform charges", "6000"),
}
"""Account of the journal: its words, its code in stock. A book has its own name, the others are kinds of wallets."""
COLUMNS: Final = (
    "Journal",
    "Date",
    "Account code",
    "Account",
    "Document",
    "Text",
    "Debit",
    "Credit",
    "Currency",
    "Party",
    "Accounting id",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What moved between a wallet and a book: above zero is the wallet's gain."""

    on: date
    wallet: str
    book: str
    amount_micros: int
    currency: str
    document: str = ""
    text: str = ""
    party: str = ""
    accounting_id: str = ""
    """The party's own id in the operator's bookkeeping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One line: either a debit or a credit, never below zero. Both lines of a movement have one `number`."""

    number: int
    on: date
    code: str
    place: str
    document: str
    text: str
    debit_micros: int
    credit_micros: int
    currency: str
    party: str
    accounting_id: str


def journal(movements: Iterable[Moved], codes: Mapping[str, str]) -> Iterator[JournalLine]:
    """Both lines of each movement, the debit first; `codes` go before those in stock."""
    for number, one in enumerate(movements, start=1):
        debited, credited = (one.book, one.wallet) if one.amount_micros > 0 else (one.wallet, one.book)
        yield _line(number, one, debited, codes, debit_micros=abs(one.amount_micros))
        yield _line(number, one, credited, codes, credit_micros=abs(one.amount_micros))


def code_of(place: str, codes: Mapping[str, str]) -> str:
    """The code of an account of the journal."""
    return codes.get(place) or PLACES[place][1]


def wallet_place(kind: str, *, of_reseller: bool) -> str:
    """The account that a kind of wallet belongs to."""
    if kind == "customer":
        return "resellers_customers" if of_reseller else "customers"
    return {"carrier": "carriers", "account": "account"}[kind]


def _line(
    number: int, one: Moved, place: str, codes: Mapping[str, str], *, debit_micros: int = 0, credit_micros: int = 0
) -> JournalLine:
    return JournalLine(
        number=number,
        on=one.on,
        code=code_of(place, codes),
        place=PLACES[place][0],
        document=one.document,
        text=one.text,
        debit_micros=debit_micros,
        credit_micros=credit_micros,
        currency=one.currency,
        party=one.party,
        accounting_id=one.accounting_id,
    )
