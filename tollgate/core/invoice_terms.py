"""A document in the terms of EN 16931 (BT and BG numbers), the European standard of the electronic invoice.

What of its taxes is VAT and what a charge is said in `core.invoice_vat`. Amounts are texts. Rules in brackets are those
of the standard's own schematron. To say more of a document there, add its term to `terms`.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any, Final

from stdnum import iban
from stdnum.eu.vat import MEMBER_STATES

from tollgate.core.invoice_document import Document, Line, Party
from tollgate.core.invoice_vat import (
    WITHOUT_ID,
    Charge,
    Group,
    breakdown,
    charges,
    reasons_against_taxes,
    vat_micros,
    vat_of,
    vats_of,
)
from tollgate.core.money import Method, divide, format_micros, format_nanos
from tollgate.core.taxes import VAT_PREFIXES

TYPES: Final = {"invoice": "380", "receipt": "380", "credit_note": "381", "debit_note": "383"}
MOST_DIGITS: Final = 2
NEEDS_BUYER_ID: Final = frozenset({"AE", "K"})
NEEDS_PLACE: Final = frozenset({"K"})
"""A supply within the EU says where it was delivered (BR-IC-12)."""
BY_TRANSFER, BY_DEBIT, UNDEFINED = "30", "59", "1"
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")

Terms = dict[str, Any]


def reasons_against(document: Document) -> list[str]:
    """Why the document cannot be written as an e-invoice, in sentences; none when it can."""
    categories = {vat.category for vat in vats_of(document)}
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
    if categories - WITHOUT_ID and not document.issuer.vat_id:
        found.append("The VAT number of your account is missing.")
    if categories & NEEDS_BUYER_ID and not document.buyer.vat_id:
        found.append("The tax number of the customer is missing.")
    taxed = [amount for tax in document.taxes for amount in (tax.base_micros, tax.amount_micros)]
    amounts = (document.net_micros, document.tax_micros, *(line.net_micros for line in document.lines), *taxed)
    if any(amount % 10 ** (6 - MOST_DIGITS) for amount in amounts):
        found.append(f"The standard allows {MOST_DIGITS} decimals, and an amount has more.")
    return [*found, *(reasons_against_taxes(document) if document.lines else [])]


def terms(document: Document) -> Terms:
    """The document in terms of the standard; only for one that nothing speaks against."""
    vats, others = vats_of(document), charges(document)
    beside = sum(one.amount_micros for one in others)
    paid = document.total_micros if document.kind == "receipt" or document.paid_by else 0
    with_ids = any(vat.category not in WITHOUT_ID for vat in vats)
    issued_on, last_on = document.invoice_on, _last_on(document.from_on, document.until_on)
    said: Terms = {
        "BT-1": document.number,
        "BT-2": issued_on,
        "BT-3": TYPES[document.kind],
        "BT-5": document.currency,
        **_in_books(document),
        "BT-9": document.due_on if document.kind != "credit_note" else None,
        "BT-13": document.reference or None,
        "BT-20": ("" if document.debit else document.payment_details) or ("-" if document.due_on is None else None),
        "BT-72": last_on or issued_on,
        "BT-73": document.from_on,
        "BT-74": last_on,
        "BT-106": _amount(document.net_micros),
        "BT-108": _amount(beside) if others else None,
        "BT-109": _amount(document.net_micros + beside),
        "BT-110": _amount(vat_micros(document)),
        "BT-112": _amount(document.total_micros),
        "BT-113": _amount(paid) if paid else None,
        "BT-115": _amount(document.total_micros - paid),
        "BG-1": [{"BT-22": text} for text in (document.note, document.reason) if text],
        "BG-4": _party(document.issuer, with_vat_id=with_ids),
        "BG-7": _party(document.buyer, with_vat_id=with_ids),
        "BG-13": _place(document.buyer) if any(vat.category in NEEDS_PLACE for vat in vats) else None,
        "BG-21": [_charge(one) for one in others],
        "BG-23": [_group(one) for one in breakdown(document)],
        "BG-25": [_line(line, document) for line in document.lines],
        **_means(document),
    }
    if document.corrects:
        said["BG-3"] = [{"BT-25": document.corrects.number, "BT-26": document.corrects.invoice_on}]
    return {name: value for name, value in said.items() if value not in (None, [])}


def _in_books(document: Document) -> Terms:
    """The VAT in the currency of the issuer's books too, where that has no more decimals than the standard [BR-53]."""
    books, micros = document.books, vat_micros(document)
    if books is None or not micros:
        return {}
    told = books.told(micros)
    fits = told % 10 ** (6 - MOST_DIGITS) == 0
    return {"BT-6": books.currency, "BT-111": _amount(told)} if fits else {}


def _charge(one: Charge) -> Terms:
    return {
        "amount": _amount(one.amount_micros),
        "reason": one.words,
        "vat_category_code": one.category,
        **({} if one.category in WITHOUT_ID else {"vat_rate": _percent(one.rate_ppm)}),
    }


def _group(one: Group) -> Terms:
    return {
        "BT-116": _amount(one.base_micros),
        "BT-117": _amount(one.tax_micros),
        "BT-118": one.category,
        **({} if one.category in WITHOUT_ID else {"BT-119": _percent(one.rate_ppm)}),
        **({"BT-120": one.reason} if one.reason else {}),
    }


def _line(line: Line, document: Document) -> Terms:
    vat = vat_of(document, line)
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
        "vat_identifier": _vat_identifier(party) if with_vat_id else "",
    }
    kept: Terms = {name: value for name, value in said.items() if value}
    if party.accounting_id or party.number:
        kept["identifiers"] = {None: party.accounting_id or party.number}
    if party.email:
        kept["einvoicing_addr"], kept["einvoicing_addr_schemeid"] = party.email, "EM"
    return kept


def _vat_identifier(party: Party) -> str:
    """Its number with the letters of a country in front, which are those of its own where it has none [BR-CO-09]."""
    own = VAT_PREFIXES.get(party.country, party.country)
    known = party.vat_id[:2].lower() in {own.lower(), "el", "xi", *MEMBER_STATES}
    return party.vat_id if known or not party.vat_id else f"{own}{party.vat_id}"


def _place(buyer: Party) -> Terms:
    """Where it was delivered: to the customer."""
    return {"name": buyer.name, "country_code": buyer.country}


def _means(document: Document) -> Terms:
    """How to pay: it is collected, or paid by transfer where the payment details name an IBAN."""
    if document.debit is not None:
        return {"BT-81": BY_DEBIT, "BT-89": document.debit.mandate, "BT-90": document.debit.creditor_id}
    found = next((text for text in _IBAN.findall(document.payment_details.upper()) if iban.is_valid(text)), "")
    if not found:
        return {"BT-81": UNDEFINED}
    return {"BT-81": BY_TRANSFER, "BT-84": iban.compact(found), "BT-83": document.number}


def _amount(micros: int) -> str:
    return format_micros(micros, MOST_DIGITS)


def _percent(ppm: int) -> str:
    return format_micros(ppm * 100, 2)
