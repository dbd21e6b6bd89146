"""What the events say of each kind of record, as core.webhooks documents it: ids, integers and texts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from tollgate.core.vars import VarsInvalid, as_json
from tollgate.store.models import Charge, Customer, Invoice, Payment


def customer_body(customer: Customer | None) -> dict[str, Any]:
    """Whom an event is about; all empty while the payer of a payment is not known."""
    return {
        "customer_id": customer.pk if customer else None,
        "customer_number": customer.number if customer else None,
        "customer_name": customer.name if customer else None,
        "accounting_id": customer.accounting_id if customer else None,
        "vars": vars_of(customer),
    }


def vars_of(customer: Customer | None) -> dict[str, Any] | None:
    """The vars of a customer as JSON; those that cannot be read, kept before they were checked, say nothing."""
    if customer is None:
        return None
    try:
        return dict(as_json(customer.vars_toml))
    except VarsInvalid:
        return {}


def invoice_body(invoice: Invoice) -> dict[str, Any]:
    """An invoice, receipt, credit or debit note."""
    return {
        **customer_body(invoice.customer),
        "invoice_id": invoice.pk,
        "kind": invoice.kind,
        "number": invoice.number,
        "state": invoice.state,
        "currency": invoice.currency,
        "net_micros": invoice.net_micros,
        "tax_micros": invoice.tax_micros,
        "total_micros": invoice.total_micros,
        "settled_micros": invoice.settled_micros,
        "open_micros": invoice.open_micros,
        "invoice_on": written(invoice.invoice_on),
        "due_on": written(invoice.due_on),
        "corrects_id": invoice.corrects_id,
    }


def payment_body(payment: Payment) -> dict[str, Any]:
    """A payment, refund or reversal."""
    return {
        **customer_body(payment.customer),
        "payment_id": payment.pk,
        "gateway": payment.gateway,
        "kind": payment.kind,
        "status": payment.status,
        "currency": payment.currency,
        "amount_micros": payment.amount_micros,
        "tax_micros": payment.tax_micros,
        "external_id": payment.external_id,
        "reverses_id": payment.reverses_id,
        "completed_at": written(payment.completed_at),
    }


def charge_body(charge: Charge) -> dict[str, Any]:
    """What a customer was charged beside its calls."""
    return {
        **customer_body(charge.customer),
        "charge_id": charge.pk,
        "kind": charge.kind,
        "description": charge.description,
        "from_on": written(charge.from_on),
        "until_on": written(charge.until_on),
        "quantity_milli": charge.quantity_milli,
        "amount_micros": charge.amount_micros,
        "currency": charge.currency,
        "entry_id": charge.entry_id,
    }


def written(moment: date | datetime | None) -> str | None:
    """A day or an instant as JSON carries it (ISO 8601)."""
    return moment.isoformat() if moment else None
