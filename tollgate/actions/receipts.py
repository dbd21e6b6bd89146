"""Receipts of payments: one for each, the tax in it split out, paid and linked. Receipts of usage are drafts of
invoices.py like all documents.

Who pays ahead pays the tax with the money, so the receipt shows it; who pays afterwards has it on the invoices, so the
receipt only says that the money came. What settled an invoice when it came is on that invoice with its tax: the receipt
is of the rest.
"""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction

from tollgate.actions import records
from tollgate.actions.charges import zone_of
from tollgate.actions.invoice_issue import issue
from tollgate.actions.invoice_lines import new_draft, write
from tollgate.actions.invoice_usage import Doubt, words_for
from tollgate.actions.taxes import rest_billing, tax_day, taxes_of
from tollgate.core.invoices import payment_line
from tollgate.core.taxes import TaxDoubt, TaxRule, rules_within
from tollgate.store.models import Customer, Invoice, Payment


def receipt_for_payment(payment: Payment) -> Invoice | None:
    """The receipt of a completed payment, made and issued once; None for money that was given back or has no payer.

    Call it inside the act that completed the payment. Money is never turned away: where the receipt is in doubt there
    is none, and the customer's billing rests (R12).
    """
    customer = payment.customer
    if customer is None or payment.status != "completed" or payment.amount_micros <= 0:
        return None
    before = Invoice.objects.filter(account_id=payment.account_id, run_key=_key(payment)).exclude(state="void").first()
    if before is not None:
        return before
    at = payment.completed_at or records.now()
    try:
        with transaction.atomic():
            return _issued(customer, payment, at)
    except Doubt as doubt:
        rest_billing(customer, f"There is no receipt of payment {payment.pk}: {doubt}"[:500], at)
        return None


def _issued(customer: Customer, payment: Payment, at: datetime) -> Invoice:
    on = tax_day(customer, at)
    draft = new_draft(
        customer,
        "receipt",
        zone=zone_of(customer),
        run_key=_key(payment),
        payment_id=payment.pk,
    )
    draft = records.change(draft, {"prices_include_tax": True})
    known = words_for(customer)
    words = known["received"].format(reference=payment.external_id or payment.gateway)
    amount = payment.amount_micros
    if customer.billing_type == "prepaid" and 0 < payment.allocated_micros < amount:
        amount -= payment.allocated_micros
        words = f"{words}, {known['less_settled']}"
    draft = write(draft, [payment_line(words, on, amount)], _rules(customer, payment, on))
    return issue(draft, at)


def _rules(customer: Customer, payment: Payment, on: date) -> tuple[TaxRule, ...]:
    """The taxes in a payment: those that were posted with what settled no invoice. Raises Doubt."""
    rest = payment.unallocated_micros
    if customer.billing_type != "prepaid" or not rest:
        return ()
    found = taxes_of(customer, on)
    if isinstance(found, TaxDoubt):
        raise Doubt(found.sentence)
    return rules_within(rest, found, customer.currency)


def _key(payment: Payment) -> str:
    return f"payment {payment.pk}"
