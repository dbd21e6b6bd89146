"""What an invoice, receipt, credit or debit note says: the one source of its PDF, its e-invoice and its mail.

Amounts are whole micros, prices nanos, rates parts per million. A credit note's amounts stand above zero here, as they
are printed. To let documents say more, add the field here, fill it in `actions.invoice_documents.document_of`, and show
it in `core.invoice_paper` or `core.invoice_terms`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from typing import Final

from tollgate.core.money import NANOS, Method, divide, format_micros, format_nanos, minor_digits
from tollgate.core.number_formats import POINT
from tollgate.core.templates import Figure, Value

NO_BREAK: Final = "\u00a0"
REVERSE_CHARGE: Final = "AE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Issuer or buyer, as frozen into the document when it is issued. `country` is an ISO 3166 code.

    `country_name` is what the page prints for it; what was issued before names were kept prints the code.
    `accounting_id` is the buyer's key in the issuer's books: for programs, never printed.
    """

    name: str = ""
    number: str = ""
    accounting_id: str = ""
    address_line1: str = ""
    address_line2: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    country_name: str = ""
    vat_id: str = ""
    registration_id: str = ""
    email: str = ""
    phone: str = ""

    def as_json(self) -> dict[str, str]:
        """What is kept with the document."""
        return asdict(self)


def party_of(kept: Mapping[str, object]) -> Party:
    """The party that was kept with a document; what was not kept is empty."""
    return Party(**{found.name: str(kept.get(found.name) or "") for found in fields(Party)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line; `until_on` is the first day after its period. `taxes` are the places, from 0, of the document's taxes
    that it bears; None is all of them."""

    position: int
    kind: str
    description: str
    from_on: date | None = None
    until_on: date | None = None
    quantity_milli: int = 1000
    unit: str = "C62"
    unit_price_nanos: int = 0
    exact_micros: int = 0
    net_micros: int = 0
    calls_count: int = 0
    billed_s: int = 0
    taxes: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxLine:
    """One tax of the document: rounded once, with the category of EN 16931."""

    name: str
    label: str = "VAT"
    category: str = "S"
    rate_ppm: int = 0
    fixed_micros: int = 0
    compound: bool = False
    base_micros: int = 0
    amount_micros: int = 0
    exemption_reason: str = ""
    is_vat: bool | None = None
    """None where nobody said: then its label does."""

    @property
    def printed(self) -> str:
        """The words it is printed with, for programs: with a decimal point."""
        return self.printed_with(POINT)

    def printed_with(self, decimal: str) -> str:
        """The words it is printed with: its label and rate; the name of one that takes nothing."""
        taken = self.rate_ppm or self.fixed_micros
        return f"{self.label} {rate_text(self.rate_ppm, decimal=decimal)}" if taken else self.name

    def brief_with(self, decimal: str) -> str:
        """The same in a column: the category of one that takes nothing."""
        return self.printed_with(decimal) if self.rate_ppm or self.fixed_micros else self.category


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """How the document looks: the chosen template. Header, footer and title are filled in already."""

    language: str = "en"
    color: str = ""
    logo: bytes = b""
    logo_type: str = ""
    title: str = ""
    header_text: str = ""
    footer_text: str = ""
    show_calls: bool = True
    show_duration: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """The document that a credit or debit note changes (Directive 2006/112, Art. 219)."""

    number: str
    invoice_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookCurrency:
    """The currency of the issuer's books, in which the tax is told too (Directive 2006/112, Art. 230): what one unit of
    the document's currency was worth in it by the rate of a day; `inverse`, what one of it was worth in that."""

    currency: str
    rate_nanos: int
    on: date
    inverse: bool = False

    def told(self, micros: int) -> int:
        """An amount of the document in it, rounded half up to its smallest unit."""
        unit: int = 10 ** (6 - minor_digits(self.currency))
        over, under = (NANOS, self.rate_nanos) if self.inverse else (self.rate_nanos, NANOS)
        return divide(micros * over, under * unit, Method.half_up) * unit

    def rate_text(self, currency: str, *, decimal: str = POINT) -> str:
        """The rate to a document's currency as it was entered."""
        one, other = (self.currency, currency) if self.inverse else (currency, self.currency)
        return f"1{NO_BREAK}{one} = {price_text(self.rate_nanos, 0, decimal=decimal)}{NO_BREAK}{other}"

    def as_json(self) -> dict[str, str | int]:
        """What is kept with the document."""
        return {**asdict(self), "on": self.on.isoformat()}


def book_currency_of(kept: object) -> BookCurrency | None:
    """What was kept with a document; None where nothing was."""
    if not isinstance(kept, Mapping):
        return None
    on = date.fromisoformat(str(kept["on"]))
    inverse = bool(kept["inverse"])
    return BookCurrency(currency=str(kept["currency"]), rate_nanos=int(kept["rate_nanos"]), on=on, inverse=inverse)


@dataclass(frozen=True, slots=True, kw_only=True)
class Debit:
    """That what is due is collected: on which day, from which account (masked), by which mandate, by whom."""

    on: date
    account: str
    mandate: str
    creditor_id: str


def debit_of(kept: object) -> Debit | None:
    """What was kept with a document; None where nothing was."""
    if not isinstance(kept, Mapping):
        return None
    said = {name: str(kept[name]) for name in ("account", "mandate", "creditor_id")}
    return Debit(on=date.fromisoformat(str(kept["on"])), **said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document. `until_on` is the first day after the period, `paid_by` is the payment that
    it tells of: a receipt's, or what was given back on a note on one."""

    kind: str = "invoice"
    state: str = "issued"
    number: str = ""
    currency: str = "EUR"
    invoice_on: date | None = None
    due_on: date | None = None
    from_on: date | None = None
    until_on: date | None = None
    issuer: Party = Party()
    buyer: Party = Party()
    lines: tuple[Line, ...] = ()
    taxes: tuple[TaxLine, ...] = ()
    exact_micros: int = 0
    net_micros: int = 0
    rounding_micros: int = 0
    tax_micros: int = 0
    total_micros: int = 0
    prices_include_tax: bool = False
    reference: str = ""
    note: str = ""
    reason: str = ""
    payment_details: str = ""
    footer: str = ""
    corrects: Corrected | None = None
    paid_by: str = ""
    books: BookCurrency | None = None
    debit: Debit | None = None
    looks: Looks = Looks()
    decimal: str = POINT
    """What stands before decimals, as the buyer's country writes it."""

    @property
    def digits(self) -> int:
        """Decimals of the currency."""
        return minor_digits(self.currency)

    @property
    def reverse_charge(self) -> bool:
        """Whether the customer owes the tax (Directive 2006/112, Art. 226 (11a) wants the words)."""
        return any(tax.category == REVERSE_CHARGE for tax in self.taxes)

    @property
    def mixed(self) -> bool:
        """Whether not all lines bear the same taxes."""
        return any(line.taxes is not None for line in self.lines)

    def taxes_of(self, line: Line) -> tuple[TaxLine, ...]:
        """The taxes that a line bears, in their order."""
        return self.taxes if line.taxes is None else tuple(self.taxes[place] for place in line.taxes)


def file_name(kind: str, number: str | None) -> str:
    """The name of a document's files, without what no file system takes and without an ending."""
    kept = "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in number or "draft")
    return f"{kind.replace('_', '-')}-{kept}"


def amount_text(micros: int, digits: int, *, decimal: str = POINT) -> str:
    """An amount as it is printed: thousands apart by a space that does not break, at least the currency's decimals."""
    sign, text = ("-", format_micros(-micros, digits)) if micros < 0 else ("", format_micros(micros, digits))
    whole, point, decimals = text.partition(".")
    parts = [whole[max(0, end - 3) : end] for end in range(len(whole), 0, -3)]
    return sign + NO_BREAK.join(reversed(parts)) + (decimal if point else "") + decimals


def money_text(micros: int, currency: str, *, decimal: str = POINT) -> str:
    """An amount with its ISO code."""
    return f"{amount_text(micros, minor_digits(currency), decimal=decimal)}{NO_BREAK}{currency}"


def price_text(nanos: int, digits: int, *, decimal: str = POINT) -> str:
    """A unit price: all its decimals, at least the currency's."""
    whole, _, decimals = format_nanos(nanos).partition(".")
    decimals = decimals.ljust(digits, "0")
    return f"{whole}{decimal}{decimals}" if decimals else whole


def quantity_text(milli: int, *, decimal: str = POINT) -> str:
    """A quantity without idle decimals."""
    return format_micros(milli * 1000).replace(POINT, decimal)


def rate_text(ppm: int, *, decimal: str = POINT) -> str:
    """A rate in percent."""
    return f"{format_micros(ppm * 100)}{NO_BREAK}%".replace(POINT, decimal)


def duration_text(seconds: int) -> str:
    """Hours, minutes and seconds."""
    return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"


def day_text(day: date | None) -> str:
    """A day; nothing for none."""
    return day.isoformat() if day else ""


def period_text(from_on: date | None, until_on: date | None) -> str:
    """The days of a period, both counted in; one day once."""
    if from_on is None or until_on is None:
        return day_text(from_on)
    last = until_on - timedelta(days=1)
    return day_text(from_on) if last <= from_on else f"{day_text(from_on)} – {day_text(last)}"


def address_lines(party: Party) -> list[str]:
    """An address as it is written on a letter, without the name."""
    town = " ".join(part for part in (party.postcode, party.city) if part)
    whole = (party.address_line1, party.address_line2, town, party.state, party.country_name or party.country)
    return [line for line in whole if line]


def template_values(document: Document) -> dict[str, Value]:
    """What the texts of an invoice template may say; `EXAMPLE` gives one of each."""
    issuer, buyer = document.issuer, document.buyer
    return {
        "account": {
            "id": issuer.number,
            "name": issuer.name,
            "address": ", ".join(part for part in (issuer.address_line1, issuer.address_line2) if part),
            "city": issuer.city,
            "county": issuer.state,
            "postcode": issuer.postcode,
            "phone": issuer.phone,
            "email": issuer.email,
            "vat_id": issuer.vat_id,
            "registration_id": issuer.registration_id,
            "config": {"payment_details": document.payment_details},
        },
        "company": {
            "name": buyer.name,
            "number": buyer.number,
            "address": ", ".join(part for part in (buyer.address_line1, buyer.address_line2) if part),
            "city": buyer.city,
            "postcode": buyer.postcode,
            "currency": document.currency,
            "vat_id": buyer.vat_id,
            "registration_id": buyer.registration_id,
        },
        "invoice": {"id": document.number, "reference": document.reference, "note": document.note},
        "date": day_text(document.invoice_on),
        "invoice_date": day_text(document.invoice_on),
        "date_due": day_text(document.due_on),
        "lines": [line_values(document, line) for line in document.lines],
        "sub_total": _amount(document.net_micros, document),
        "tax": _amount(document.tax_micros, document),
        "total": _amount(document.total_micros, document),
        "email": buyer.email,
        "account_name": issuer.name,
    }


def _amount(micros: int, document: Document) -> Figure:
    """An amount that helpers can reckon with, as the document prints it."""
    digits = document.digits
    return Figure(format_micros(micros, digits), amount_text(micros, digits, decimal=document.decimal))


def line_values(document: Document, line: Line) -> dict[str, Value]:
    """What texts may say of one line of a document; of the document it needs currency, taxes and sign."""
    digits, decimal = document.digits, document.decimal
    last = line.until_on - timedelta(days=1) if line.until_on else None
    return {
        "description": line.description,
        "start_date": day_text(line.from_on),
        "end_date": day_text(last),
        "duration": Figure(str(line.billed_s), duration_text(line.billed_s)),
        "connected": Figure(str(line.calls_count), str(line.calls_count)),
        "quantity": Figure(
            format_micros(line.quantity_milli * 1000), quantity_text(line.quantity_milli, decimal=decimal)
        ),
        "unit_price": Figure(
            price_text(line.unit_price_nanos, digits), price_text(line.unit_price_nanos, digits, decimal=decimal)
        ),
        "net": _amount(line.net_micros, document),
        "tax": ", ".join(tax.printed_with(decimal) for tax in document.taxes_of(line)),
        "sub_total": _amount(line.net_micros, document),
    }


def _example() -> Document:
    lines: Sequence[Line] = (
        Line(
            position=1,
            kind="usage",
            description="Calls on 2026-01-01",
            from_on=date(2026, 1, 1),
            until_on=date(2026, 1, 2),
            unit_price_nanos=41_250_000_000,
            exact_micros=41_249_630,
            net_micros=41_250_000,
            calls_count=312,
            billed_s=40_215,
        ),
        Line(
            position=2,
            kind="charge",
            description="SIP trunk with 30 channels",
            from_on=date(2026, 1, 1),
            until_on=date(2026, 2, 1),
            quantity_milli=2000,
            unit_price_nanos=15_000_000_000,
            exact_micros=30_000_000,
            net_micros=30_000_000,
        ),
    )
    return Document(
        number="2026-00042",
        invoice_on=date(2026, 2, 1),
        due_on=date(2026, 2, 15),
        from_on=date(2026, 1, 1),
        until_on=date(2026, 2, 1),
        issuer=Party(
            name="Demo Telecom",
            number="1",
            address_line1="1 Main Street",
            city="Vilnius",
            postcode="01100",
            country="LT",
            vat_id="LT100001919017",
            registration_id="300123456",
            email="billing@demo.example",
            phone="+37061234567",
        ),
        buyer=Party(
            name="Acme",
            number="1234567890",
            address_line1="2 Side Street",
            city="Kaunas",
            postcode="44001",
            country="LT",
            vat_id="LT119511515",
            registration_id="302345678",
            email="carla@acme.example",
        ),
        lines=tuple(lines),
        taxes=(TaxLine(name="VAT", rate_ppm=210_000, base_micros=71_250_000, amount_micros=14_960_000),),
        exact_micros=71_249_630,
        net_micros=71_250_000,
        rounding_micros=370,
        tax_micros=14_960_000,
        total_micros=86_210_000,
        reference="PO-7781",
        note="Thank you for your business.",
        payment_details="Demo Bank\nIBAN LT12 1000 0111 0100 1000",
    )


EXAMPLE: Final = _example()
"""A document to show what a template makes of one."""
