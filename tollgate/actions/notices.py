"""Telling a customer of something: one mail to each address that wants it, in the transaction that caused it.

    notify(customer, "payment.completed", {"amount": Figure("50.00"), "currency": "EUR", ...})

The addresses are the customer's notification emails, else its contacts, or those in the departments that it chose; an
event that the customer opted out of is told to nobody, unless it is one that is always told. A new notice is a line of
core/notices.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tollgate.actions.document_lines import SaidLines
from tollgate.actions.messages import queue
from tollgate.core.money import format_micros
from tollgate.core.notices import NOTICES
from tollgate.core.templates import Figure, Value
from tollgate.store.models import Contact, Customer, Invoice, Message, Payment


def notify(
    customer: Customer, event: str, values: Mapping[str, Value], *, attachments: Sequence[Mapping[str, Any]] = ()
) -> list[Message]:
    """Queues the notice of an event for everybody who is to have it; gives the messages, none when it is unwanted.

    `values` are exactly the variables of the notice's message; `attachments` as a message keeps them.
    """
    notice = NOTICES[event]
    if event in customer.notification_opt_outs and not notice.always:
        return []
    sent = []
    for reader in _readers(customer):
        message = queue(account_id=customer.account_id, template=notice.template, values=values, **reader)
        if message is not None and attachments:
            message.attachments = [dict(one) for one in attachments]
            message.save(update_fields=["attachments"])
        sent.append(message)
    return [message for message in sent if message is not None]


def invoice_values(invoice: Invoice) -> dict[str, Value]:
    """What the notices about a document say of it."""
    told: dict[str, Value] = {
        "number": invoice.number or "",
        "total": Figure(format_micros(abs(invoice.total_micros), 2)),
        "open": Figure(format_micros(invoice.open_micros, 2)),
        "currency": invoice.currency,
        "sub_total": Figure(format_micros(abs(invoice.net_micros), 2)),
        "tax": Figure(format_micros(abs(invoice.tax_micros), 2)),
        "invoice_date": invoice.invoice_on.isoformat() if invoice.invoice_on else "",
        "payment_details": str(invoice.issuer.get("payment_details") or ""),
        "invoice": {
            "id": invoice.number or "",
            "reference": invoice.reference or str(invoice.buyer.get("reference") or ""),
            "note": invoice.note,
        },
        "date": invoice.invoice_on.isoformat() if invoice.invoice_on else "",
        "date_due": invoice.due_on.isoformat() if invoice.due_on else "",
        "lines": SaidLines(invoice),
    }
    if invoice.kind == "credit_note":
        return told
    return {**told, "due_on": invoice.due_on.isoformat() if invoice.due_on else ""}


def payment_values(payment: Payment) -> dict[str, Value]:
    """What the notices about a payment, refund or reversal say of it."""
    return {
        "amount": Figure(format_micros(abs(payment.amount_micros), 2)),
        "currency": payment.currency,
        "received_on": f"{payment.completed_at or payment.received_at:%Y-%m-%d}",
        "reference": payment.external_id or f"{payment.gateway} {payment.pk}",
    }


def _readers(customer: Customer) -> list[dict[str, Any]]:
    """Each reader as `queue` wants one: an address of the customer's own list, or a contact."""
    language = customer.language
    if customer.notification_emails:
        return [
            {"recipient": address, "customer_id": customer.pk, "language": language}
            for address in customer.notification_emails
        ]
    return [{"contact": contact, "language": contact.language or language} for contact in contacts_told(customer)]


def contacts_told(customer: Customer) -> list[Contact]:
    """Its contacts who get notices: those in the departments that it chose, all where nobody is in them."""
    found = list(customer.contacts.order_by("id").select_related("customer__domain"))
    return [contact for contact in found if contact.kind in customer.notification_departments] or found
