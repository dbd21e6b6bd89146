"""A document as a page says it: every word and figure in its place, as plain texts. Only the layout is left to Typst.

To print something more, put it into `paper` and show it in `gateways/typst/document.typ`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tollgate.core.invoice_document import (
    NO_BREAK,
    Document,
    Line,
    Party,
    TaxLine,
    address_lines,
    amount_text,
    day_text,
    duration_text,
    money_text,
    period_text,
    price_text,
    quantity_text,
)
from tollgate.core.invoice_words import LANGUAGE, WORDS, words_of

COLOR: Final = "#1f6feb"
UNITS: Final[Mapping[str, str]] = {"C62": "", "MIN": "min", "SEC": "s"}
CALL_KINDS: Final = frozenset({"usage", "correction"})

Paper = dict[str, object]


def paper(document: Document) -> Paper:
    """What the page says: texts, and lists of texts."""
    words = words_of(document.looks.language)
    titles, rows = _table(document, words)
    language = document.looks.language.partition("-")[0]
    return {
        "language": language if language in WORDS else LANGUAGE,
        "color": document.looks.color or COLOR,
        "title": document.looks.title or words[document.kind],
        "number": document.number,
        "stamp": {"draft": words["draft"], "void": words["void"]}.get(document.state, ""),
        "issuer": {"name": document.issuer.name, "lines": _party_lines(document.issuer, words)},
        "buyer_title": words["bill_to"],
        "buyer": {"name": document.buyer.name, "lines": _party_lines(document.buyer, words)},
        "facts": [[title, value] for title, value in _facts(document, words) if value],
        "header": document.looks.header_text,
        "columns": titles,
        "rows": rows,
        "sums": _sums(document, words),
        "total": [words["total"], _money(document.total_micros, document)],
        "exact": _exact(document, words),
        "remarks": [[title, text] for title, text in _remarks(document, words) if text.strip()],
        "footer": document.looks.footer_text,
        "company_footer": document.footer,
        "page": words["page"],
    }


def _facts(document: Document, words: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    corrected = document.corrects
    corrects = f"{corrected.number}, {day_text(corrected.invoice_on)}".rstrip(", ") if corrected else ""
    return (
        (words["number"], document.number),
        (words["date"], day_text(document.invoice_on)),
        (words["due"], day_text(document.due_on) if document.kind != "credit_note" else ""),
        (words["period"], period_text(document.from_on, document.until_on)),
        (words["customer_number"], document.buyer.number),
        (words["reference"], document.reference),
        (words["corrects"], corrects),
        (words["reason"], document.reason if corrected else ""),
        (words["paid_by"], document.paid_by),
    )


def _party_lines(party: Party, words: Mapping[str, str]) -> list[str]:
    numbers = ((words["vat_id"], party.vat_id), (words["registration_id"], party.registration_id))
    named = [f"{title}: {value}" for title, value in numbers if value]
    return [*address_lines(party), *named, *(value for value in (party.phone, party.email) if value)]


def _table(document: Document, words: Mapping[str, str]) -> tuple[list[str], list[list[str]]]:
    """Titles and rows: calls and durations only where the template wants them and there are calls, taxes only where not
    all lines bear the same."""
    of_calls = any(line.kind in CALL_KINDS for line in document.lines)
    calls = of_calls and document.looks.show_calls
    duration = of_calls and document.looks.show_duration
    titles = [words["description"], words["period"]]
    titles += [words["calls"]] * calls + [words["duration"]] * duration
    titles += [words["quantity"], words["unit_price"], *[words["tax"]] * document.mixed]
    titles.append(f"{words['amount']}{NO_BREAK}{document.currency}")
    rows = [_row(document, line, calls=calls, duration=duration) for line in document.lines]
    return titles, rows


def _row(document: Document, line: Line, *, calls: bool, duration: bool) -> list[str]:
    digits = document.digits
    used = line.kind in CALL_KINDS
    cells = [line.description, period_text(line.from_on, line.until_on)]
    cells += [str(line.calls_count) if used else ""] * calls
    cells += [duration_text(line.billed_s) if used else ""] * duration
    number = quantity_text(line.quantity_milli, decimal=document.decimal)
    cells += [f"{number}{NO_BREAK}{UNITS.get(line.unit, line.unit)}".strip(NO_BREAK)]
    cells += [price_text(line.unit_price_nanos, digits, decimal=document.decimal)]
    cells += [", ".join(tax.brief_with(document.decimal) for tax in document.taxes_of(line))] * document.mixed
    return [*cells, amount_text(line.net_micros, digits, decimal=document.decimal)]


def _money(micros: int, document: Document, *, currency: str = "") -> str:
    """An amount as the document writes it, in its own currency or another."""
    return money_text(micros, currency or document.currency, decimal=document.decimal)


def _sums(document: Document, words: Mapping[str, str]) -> list[list[str]]:
    net = [words["net"], _money(document.net_micros, document)]
    taxes = [[_tax_name(tax, document, words), _tax_amount(tax, document)] for tax in document.taxes]
    return [net, *taxes, *_in_books(document, words)]


def _tax_name(tax: TaxLine, document: Document, words: Mapping[str, str]) -> str:
    fixed = f" + {_money(tax.fixed_micros, document)}" if tax.fixed_micros else ""
    return f"{tax.printed_with(document.decimal)}{fixed} {words['base']} {_money(tax.base_micros, document)}"


def _tax_amount(tax: TaxLine, document: Document) -> str:
    return _money(tax.amount_micros, document)


def _in_books(document: Document, words: Mapping[str, str]) -> list[list[str]]:
    """All taxes once more in the currency of the issuer's books, with the rate and its day."""
    books = document.books
    if books is None or not document.tax_micros:
        return []
    rate = books.rate_text(document.currency, decimal=document.decimal)
    amount = _money(books.told(document.tax_micros), document, currency=books.currency)
    return [[f"{words['tax_in']} {books.currency} ({rate}, {day_text(books.on)})", amount]]


def _exact(document: Document, words: Mapping[str, str]) -> list[list[str]]:
    """What the ledger charged to the last unit, where rounding the lines made another sum of it."""
    if not document.rounding_micros:
        return []
    return [
        [words["exact"], _money(document.exact_micros, document)],
        [words["rounding"], _money(document.rounding_micros, document)],
    ]


def _is_note_paid(document: Document) -> bool:
    """Whether nobody pays by it: credit notes, and what was paid with what it tells of."""
    return document.kind == "credit_note" or (document.kind == "debit_note" and bool(document.paid_by))


def _remarks(document: Document, words: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    reasons = dict.fromkeys(tax.exemption_reason for tax in document.taxes if tax.exemption_reason)
    return (
        ("", words["reverse_charge"] if document.reverse_charge else ""),
        ("", "\n".join(reasons)),
        ("", words["includes_tax"] if document.prices_include_tax else ""),
        (words["note"], document.note),
        (words["payment_details"], "" if _is_note_paid(document) else _how_to_pay(document, words)),
    )


def _how_to_pay(document: Document, words: Mapping[str, str]) -> str:
    """The payment details, or that it is collected."""
    debit = document.debit
    if debit is None:
        return document.payment_details
    told = {"on": day_text(debit.on), "account": debit.account}
    return words["collected"].format(**told, mandate=debit.mandate, creditor=debit.creditor_id)
