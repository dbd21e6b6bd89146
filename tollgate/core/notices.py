"""Notices to customers: what there is to be told of, and the message that tells it (core/templates_stock.py).

A customer opts out of a notice by its event, save where silence would take something from it; mail about logins and
passwords is none of these and is always sent. To add a notice: its line here, its message in stock, and
`actions.notices.notify` where it is caused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice: what the form calls it, the key of its message, and whether it is sent to who wants none, too."""

    title: str
    template: str
    always: bool = False


NOTICES: Final[Mapping[str, Notice]] = {
    "balance.low": Notice("Low balance", "low_balance"),
    "invoice.issued": Notice("Invoice issued", "invoice_issued"),
    "invoice.voided": Notice("Document voided", "invoice_voided"),
    "credit_note.issued": Notice("Credit note issued", "credit_note_issued"),
    "invoice.due": Notice("Invoice due", "invoice_due"),
    "invoice.overdue": Notice("Invoice overdue", "invoice_overdue"),
    "payment.completed": Notice("Payment received", "payment_received"),
    "payment.refunded": Notice("Payment refunded", "payment_refunded"),
    "debit.announced": Notice("Direct debit announced", "debit_announced", always=True),
    "debit.returned": Notice("Direct debit came back", "debit_returned"),
    "package.charged": Notice("Package charged", "package_charged"),
    "package.renewal": Notice("Package renews soon", "package_renewal"),
    "cli.lapsing": Notice("Caller numbers to be verified again", "cli_lapsing", always=True),
    "customer.expiring": Notice("Service expires soon", "expiry_notice"),
    "alert.fired": Notice("Alerts of its tags", "alert"),
    "card.losses": Notice("Own prices below what a reseller pays", "card_losses"),
    "customer.status": Notice("Service restricted or restored", "status_changed"),
}
OPTIONAL: Final = tuple(event for event, notice in NOTICES.items() if not notice.always)
"""Those that a customer may opt out of."""
