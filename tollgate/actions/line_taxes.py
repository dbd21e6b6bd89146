"""The taxes of one line of a draft, in place of what falls due for its customer: what may be chosen, and its check.

Either some of the customer's taxes, or, where none of these is VAT, the category of EN 16931 that says why, with the
reason that is printed. What lines come to with them is in core.invoices. No act of its own: those on lines call here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypedDict

from tollgate.actions import checks, records
from tollgate.actions.acts import refuse, warn
from tollgate.actions.invoice_lines import tax_point
from tollgate.actions.taxes import MOST_TAXES, paid_by, party_of
from tollgate.core.taxes import NEEDS_BUYER_NUMBER, NO_VAT, UNREASONED, TaxChoice, TaxRule, reverse_charge_words
from tollgate.store.models import Invoice

MOST_REASON: Final = 300


class LineTaxes(TypedDict, total=False):
    """The taxes of a line in place of its document's. No `tax_ids` and no category are the document's own."""

    tax_ids: Sequence[int] | None
    tax_category: str
    exemption_reason: str


def _ids(value: object) -> list[int]:
    if not isinstance(value, (list, tuple)) or len(value) > MOST_TAXES:
        raise checks.Unfit(f"Give a list of at most {MOST_TAXES} taxes.")
    return sorted({checks.record_id(one) for one in value})


TAX_CHECKS: Final[Mapping[str, checks.Check]] = {
    "tax_ids": checks.optional(_ids),
    "tax_category": checks.one_of(("", *NO_VAT)),
    "exemption_reason": checks.text(MOST_REASON),
}
NOTHING_CHOSEN: Final[Mapping[str, Any]] = {"tax_ids": None, "tax_category": "", "exemption_reason": ""}


def choice_for(invoice: Invoice, values: Mapping[str, Any]) -> TaxChoice | None:
    """The choice for a line of a draft, None where nothing is chosen. Raises Invalid for what does not go together."""
    ids, category, reason = values["tax_ids"], values["tax_category"], values["exemption_reason"]
    if not ids and not category:
        if reason:
            raise refuse("exemption_reason", "A reason belongs to a category: choose one, or leave it empty.")
        return None
    if invoice.kind == "receipt":
        raise refuse("tax_ids", "A receipt bears no tax: that came with the money.")
    wanted = tuple(ids or ())
    known = {rule.id: rule for rule in offered(invoice, records.now())}
    if not set(wanted) <= known.keys():
        raise refuse("tax_ids", "Choose of the taxes that this customer pays on the document's day.")
    if any(known[tax_id].is_vat for tax_id in wanted):
        if category:
            raise refuse("tax_category", "A line bears VAT, or a category says why not: take one of them back.")
        if reason:
            raise refuse("exemption_reason", "A reason is for a line without VAT.")
        return TaxChoice(wanted)
    _check_category(invoice, category)
    if category == "AE":
        reason = reason or reverse_charge_words(party_of(invoice.customer))
    if not reason and category not in UNREASONED:
        raise refuse("exemption_reason", "This category is printed with its reason: give it.")
    if reason and category in UNREASONED:
        raise refuse("exemption_reason", "A zero rate is printed without a reason.")
    return TaxChoice(wanted, category, reason)


def _check_category(invoice: Invoice, category: str) -> None:
    if not category:
        raise refuse("tax_category", "None of these is VAT: choose why the line bears none.")
    party = party_of(invoice.customer)
    if category in NEEDS_BUYER_NUMBER and not (party.seller_vat and party.number_valid):
        raise refuse("tax_category", "It needs the account's own VAT number and a valid tax number of the customer.")
    if category == "O":
        warn("Beside lines within the scope of VAT it makes a document without an e-invoice: give it one of its own.")


def offered(invoice: Invoice, at: datetime) -> tuple[TaxRule, ...]:
    """The taxes that a line of a draft may bear in place of what falls due; a receipt's none."""
    return () if invoice.kind == "receipt" else paid_by(invoice.customer, tax_point(invoice, at))
