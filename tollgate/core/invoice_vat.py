"""What of a document's taxes is VAT as EN 16931 knows it: one for each line, its breakdown, and what stands beside it.

Of the taxes that a line bears the first that is VAT is its VAT; every other is a charge on the document (BG-21), part
of a VAT's base as far as that is compound and taken of the same lines. Where documents from before do not say what is
VAT, the first labeled so is it, else the first: a country's word for VAT goes into `VAT_LABELS`. Rules in brackets are
those of the standard's own schematron.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tollgate.core.invoice_document import Document, Line, TaxLine

VAT_LABELS: Final = frozenset(
    (
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
    )
)
"""What VAT is called in the countries of the standard."""
WITHOUT_ID: Final = frozenset({"O"})
"""Outside the scope of VAT: no rate, and the numbers of both sides must not stand there [BR-O-02, BR-O-05]."""
NO_VAT: Final = TaxLine(name="", category="O", exemption_reason="Not subject to VAT")
OUTSIDE: Final = "Not part of the taxable amount"


@dataclass(frozen=True, slots=True)
class Charge:
    """What stands beside VAT, with the category and rate of the VAT that is taken of it; `within` is that VAT."""

    amount_micros: int
    words: str
    category: str
    rate_ppm: int = 0
    within: TaxLine | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """One row of the breakdown (BG-23): all that bears VAT of one category and rate."""

    category: str
    rate_ppm: int
    base_micros: int
    tax_micros: int
    reason: str


def vat_of(document: Document, line: Line) -> TaxLine:
    """The VAT of a line."""
    return _vat_among(document.taxes_of(line))


def vats_of(document: Document) -> list[TaxLine]:
    """The VATs of all lines, each once."""
    found = list(dict.fromkeys(vat_of(document, line) for line in document.lines))
    return found or [_vat_among(document.taxes)]


def vat_micros(document: Document) -> int:
    """All VAT of the document, without the fixed parts, which are charges."""
    return sum(_by_rate(vat) for vat in vats_of(document))


def charges(document: Document) -> list[Charge]:
    """What stands beside VAT."""
    return list(_charges(document))


def breakdown(document: Document) -> list[Group]:
    """The rows of the breakdown: first what lines bear."""
    vats, beside = vats_of(document), charges(document)
    keys = dict.fromkeys(
        [*((vat.category, vat.rate_ppm) for vat in vats), *((one.category, one.rate_ppm) for one in beside)]
    )
    found = []
    for key in keys:
        alike = [vat for vat in vats if (vat.category, vat.rate_ppm) == key]
        base = sum(_net_of(document, vat) for vat in alike)
        base += sum(one.amount_micros for one in beside if (one.category, one.rate_ppm) == key)
        reasons = dict.fromkeys(vat.exemption_reason for vat in alike if vat.exemption_reason)
        reason = "; ".join(reasons) if alike else OUTSIDE
        found.append(Group(*key, base, sum(_by_rate(vat) for vat in alike), reason))
    return found


def reasons_against_taxes(document: Document) -> list[str]:
    """Why the standard cannot tell the taxes of the document, in sentences."""
    vats, beside = vats_of(document), charges(document)
    found = []
    if any(sum(tax in vats for tax in document.taxes_of(line)) > 1 for line in document.lines):
        found.append("One line bears two taxes that other lines bear as VAT.")
    categories = {vat.category for vat in vats}
    if categories & WITHOUT_ID and len(categories) > 1:
        found.append("Lines outside the scope of VAT stand on a document of their own.")
    if any(vat.category == "S" and not vat.rate_ppm for vat in vats):  # [BR-S-05]
        found.append("A VAT of category S has a rate above zero: its tax needs another category, such as Z or E.")
    adds_up = document.net_micros == sum(line.net_micros for line in document.lines)
    for vat in (vat for vat in vats if vat != NO_VAT):
        inside = sum(one.amount_micros for one in beside if one.within == vat)
        adds_up = adds_up and vat.base_micros == _net_of(document, vat) + inside
    if not adds_up:
        found.append("Its lines do not add up to what was taxed.")
    return found


def _charges(document: Document) -> Iterator[Charge]:
    vats = vats_of(document)
    outside = "O" if all(vat.category == "O" for vat in vats) else "E"
    for tax in document.taxes:
        if tax in vats or not tax.amount_micros:
            continue
        left = tax.amount_micros
        for vat in vats:
            part = _part_within(document, tax, vat)
            if part:
                yield Charge(part, tax.printed, vat.category, vat.rate_ppm, vat)
                left -= part
        if left:
            yield Charge(left, tax.printed, outside)
    for vat in vats:
        if vat.fixed_micros:
            yield Charge(vat.fixed_micros, f"{vat.label}, fixed part", outside)


def _part_within(document: Document, tax: TaxLine, vat: TaxLine) -> int:
    """How much of a tax a compound VAT is taken of: all of it where every line that bears it bears that VAT; of one
    that other lines bear too, what the base of the VAT holds beside all else."""
    if not vat.compound:
        return 0
    before = [one for one in document.taxes[: document.taxes.index(vat)] if _borne_with(document, one, vat)]
    whole = [one for one in before if all(vat in borne for borne in _borne(document) if one in borne)]
    if tax in whole:
        return tax.amount_micros
    in_part = [one for one in before if one not in whole and one.amount_micros]
    room = vat.base_micros - _net_of(document, vat) - sum(one.amount_micros for one in whole)
    return room if in_part == [tax] else 0


def _borne(document: Document) -> set[tuple[TaxLine, ...]]:
    """The taxes that lines bear together."""
    return {document.taxes_of(line) for line in document.lines}


def _borne_with(document: Document, tax: TaxLine, vat: TaxLine) -> bool:
    return any(tax in borne and vat in borne for borne in _borne(document))


def _net_of(document: Document, vat: TaxLine) -> int:
    return sum(line.net_micros for line in document.lines if vat_of(document, line) == vat)


def _by_rate(vat: TaxLine) -> int:
    return vat.amount_micros - vat.fixed_micros


def _vat_among(taxes: Sequence[TaxLine]) -> TaxLine:
    unsaid = [tax for tax in taxes if tax.is_vat is None]
    labeled = [tax for tax in unsaid if tax.label.upper() in VAT_LABELS]
    said = [tax for tax in taxes if tax.is_vat]
    return (said or labeled or unsaid or [NO_VAT])[0]
