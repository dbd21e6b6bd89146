"""A document in the terms of EN 16931 (BT and BG numbers), the European standard of the electronic invoice.

The standard knows one VAT for each line. Of several taxes the first labeled as VAT is it (else the first); every other
is a charge on the document (BG-21), part of the VAT's base where that is compound. Amounts are texts. Rules in brackets
are those of the standard's own schematron. To say more of a document there, add its term to `terms`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

from stdnum import iban

from tollgate.core.invoice_document import Document, Line, Party, TaxLine
from tollgate.core.money import Method, divide, format_micros, format_nanos

TYPES: Final = {"invoice": "380", "receipt": "380", "credit_note": "381", "debit_note": "383"}
MOST_DIGITS: Final = 2
WITHOUT_ID: Final = frozenset({"O"})
"""Outside the scope of VAT: the numbers of both sides must not stand there (BR-O-02)."""
VAT_LABELS: Final = frozenset(
    {
        "VAT",
        "MWST",
        "UST",
        "TVA",
        "IVA",
        "BTW",
        "MOMS",
        "MVA",
        "ALV",
        "DPH",
        "DDV",
        "PDV",
        "PVM",
        "PVN",
        "PTU",
        "KM",
        "ÁFA",
    }
)
"""What VAT is called in the countries of the standard."""
NEEDS_BUYER_ID: Final = frozenset({"AE", "K"})
NEEDS_PLACE: Final = frozenset({"K"})
"""A supply within the EU says where it was delivered (BR-IC-12)."""
NO_VAT: Final = TaxLine(name="", category="O", exemption_reason="Not subject to VAT")
OUTSIDE: Final = "Not part of the taxable amount"
BY_TRANSFER, UNDEFINED = "30", "1"
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")

Terms = dict[str, Any]


def reasons_against(document: Document) -> list[str]:
    """Why the document cannot be written as an e-invoice, in sentences; none when it can."""
    vat = _vat(document)
    found = []
    if document.state != "issued":
        found.append("Only an issued document has an e-invoice.")
    if document.kind == "receipt" and not document.taxes:
        found.append("A receipt of what was used is no invoice: its tax came with the payment.")
    if not document.lines:
        found.append("It has no lines.")
    for party, whose in ((document.issuer, "your account"), (document.buyer, "the customer")):
        if not party.country:
            found.append(f"The country of {whose} is missing.")
    if vat.category not in WITHOUT_ID and not document.issuer.vat_id:
        found.append("The VAT number of your account is missing.")
    if vat.category in NEEDS_BUYER_ID and not document.buyer.vat_id:
        found.append("The tax number of the customer is missing.")
    amounts = (document.net_micros, document.tax_micros, *(line.net_micros for line in document.lines))
    if any(amount % 10 ** (6 - MOST_DIGITS) for amount in amounts):
        found.append(f"The standard allows {MOST_DIGITS} decimals, and an amount has more.")
    if document.taxes and vat.base_micros != document.net_micros + sum(tax.amount_micros for tax in _within(document)):
        found.append("Its lines do not add up to what was taxed.")
    return found


def terms(document: Document) -> Terms:
    """The document in terms of the standard; only for one that nothing speaks against."""
    vat = _vat(document)
    others = list(_charges(document, vat))
    paid = document.total_micros if document.kind == "receipt" or document.paid_by else 0
    with_ids = vat.category not in WITHOUT_ID
    issued_on, last_on = document.invoice_on, _last_on(document.from_on, document.until_on)
    said: Terms = {
        "BT-1": document.number,
        "BT-2": issued_on,
        "BT-3": TYPES[document.kind],
        "BT-5": document.currency,
        **_in_books(document, vat),
        "BT-9": document.due_on if document.kind != "credit_note" else None,
        "BT-13": document.reference or None,
        "BT-20": document.payment_details or ("-" if document.due_on is None else None),
        "BT-72": last_on or issued_on,
        "BT-73": document.from_on,
        "BT-74": last_on,
        "BT-106": _amount(document.net_micros),
        "BT-108": _amount(sum(amount for amount, *_ in others)) if others else None,
        "BT-109": _amount(document.net_micros + sum(amount for amount, *_ in others)),
        "BT-110": _amount(_vat_micros(vat)),
        "BT-112": _amount(document.total_micros),
        "BT-113": _amount(paid) if paid else None,
        "BT-115": _amount(document.total_micros - paid),
        "BG-1": [{"BT-22": text} for text in (document.note, document.reason) if text],
        "BG-4": _party(document.issuer, with_vat_id=with_ids),
        "BG-7": _party(document.buyer, with_vat_id=with_ids),
        "BG-13": _place(document.buyer) if vat.category in NEEDS_PLACE else None,
        "BG-21": [_charge(*charge) for charge in others],
        "BG-23": _breakdown(document, vat),
        "BG-25": [_line(line, vat, document) for line in document.lines],
        **_means(document),
    }
    if document.corrects:
        said["BG-3"] = [{"BT-25": document.corrects.number, "BT-26": document.corrects.invoice_on}]
    return {name: value for name, value in said.items() if value not in (None, [])}


def _vat(document: Document) -> TaxLine:
    """The tax that the standard's breakdown is about."""
    labeled = [tax for tax in document.taxes if tax.label.upper() in VAT_LABELS]
    return (labeled or list(document.taxes) or [NO_VAT])[0]


def _within(document: Document) -> list[TaxLine]:
    """The taxes that are part of the VAT's base: those before a compound one."""
    vat = _vat(document)
    return list(document.taxes[: document.taxes.index(vat)]) if vat.compound else []


def _vat_micros(vat: TaxLine) -> int:
    return vat.amount_micros - vat.fixed_micros


def _in_books(document: Document, vat: TaxLine) -> Terms:
    """The VAT in the currency of the issuer's books too, where that has no more decimals than the standard [BR-53]."""
    books, micros = document.books, _vat_micros(vat)
    if books is None or not micros:
        return {}
    told = books.told(micros)
    fits = told % 10 ** (6 - MOST_DIGITS) == 0
    return {"BT-6": books.currency, "BT-111": _amount(told)} if fits else {}


def _charges(document: Document, vat: TaxLine) -> Iterator[tuple[int, str, str, int]]:
    """Amount, words, VAT category and rate of what stands beside the VAT."""
    within = _within(document)
    outside = "O" if vat.category == "O" else "E"
    for tax in document.taxes:
        if tax is vat or not tax.amount_micros:
            continue
        category, rate = (vat.category, vat.rate_ppm) if tax in within else (outside, 0)
        yield tax.amount_micros, tax.printed, category, rate
    if vat.fixed_micros:
        yield vat.fixed_micros, f"{vat.label}, fixed part", outside, 0


def _charge(amount: int, words: str, category: str, rate: int) -> Terms:
    return {
        "amount": _amount(amount),
        "reason": words,
        "vat_category_code": category,
        **({} if category in WITHOUT_ID else {"vat_rate": _percent(rate)}),
    }


def _breakdown(document: Document, vat: TaxLine) -> list[Terms]:
    charges = list(_charges(document, vat))
    base = document.net_micros + sum(amount for amount, _, category, _ in charges if category == vat.category)
    beside = sum(amount for amount, _, category, _ in charges if category != vat.category)
    first = {
        "BT-116": _amount(base),
        "BT-117": _amount(_vat_micros(vat)),
        "BT-118": vat.category,
        **({} if vat.category in WITHOUT_ID else {"BT-119": _percent(vat.rate_ppm)}),
        **({"BT-120": vat.exemption_reason} if vat.exemption_reason else {}),
    }
    if not beside:
        return [first]
    second = {"BT-116": _amount(beside), "BT-117": "0.00", "BT-118": "E", "BT-119": "0.00", "BT-120": OUTSIDE}
    return [first, second]


def _line(line: Line, vat: TaxLine, document: Document) -> Terms:
    quantity, unit, price = _quantity(line, document)
    last = _last_on(line.from_on, line.until_on)
    said: Terms = {
        "BT-126": str(line.position),
        "BT-129": quantity,
        "BT-130": unit,
        "BT-131": _amount(line.net_micros),
        "BT-134": line.from_on,
        "BT-135": last,
        "BT-146": price,
        "BT-151": vat.category,
        "BT-152": None if vat.category in WITHOUT_ID else _percent(vat.rate_ppm),
        "BT-153": line.description,
    }
    return {name: value for name, value in said.items() if value is not None}


def _quantity(line: Line, document: Document) -> tuple[str, str, str]:
    """Quantity, unit and price that multiply to the line's amount; a price is never below zero [BR-27]."""
    scale = 10 ** (6 - document.digits)
    worth = divide(line.quantity_milli * line.unit_price_nanos, 1_000_000 * scale, Method.half_up) * scale
    if worth == line.net_micros and line.unit_price_nanos >= 0:
        return format_micros(line.quantity_milli * 1000), line.unit, format_nanos(line.unit_price_nanos)
    return "-1" if line.net_micros < 0 else "1", "C62", _amount(abs(line.net_micros))


def _last_on(from_on: date | None, until_on: date | None) -> date | None:
    """The last day of a period; of one that ends where it begins, that day."""
    if until_on is None:
        return None
    last = until_on - timedelta(days=1)
    return max(from_on, last) if from_on else last


def _party(party: Party, *, with_vat_id: bool) -> Terms:
    said = {
        "name": party.name,
        "country_code": party.country,
        "city": party.city,
        "postcode": party.postcode,
        "addr_l1": party.address_line1,
        "addr_l2": party.address_line2,
        "country_subdivision": party.state,
        "legal_identifier": party.registration_id,
        "vat_identifier": party.vat_id if with_vat_id else "",
    }
    kept: Terms = {name: value for name, value in said.items() if value}
    if party.accounting_id or party.number:
        kept["identifiers"] = {None: party.accounting_id or party.number}
    if party.email:
        kept["einvoicing_addr"], kept["einvoicing_addr_schemeid"] = party.email, "EM"
    return kept


def _place(buyer: Party) -> Terms:
    """Where it was delivered: to the customer."""
    return {"name": buyer.name, "country_code": buyer.country}


def _means(document: Document) -> Terms:
    """How to pay: by transfer where the payment details name an IBAN."""
    found = next((text for text in _IBAN.findall(document.payment_details.upper()) if iban.is_valid(text)), "")
    if not found:
        return {"BT-81": UNDEFINED}
    return {"BT-81": BY_TRANSFER, "BT-84": iban.compact(found), "BT-83": document.number}


def _amount(micros: int) -> str:
    return format_micros(micros, MOST_DIGITS)


def _percent(ppm: int) -> str:
    return format_micros(ppm * 100, 2)
