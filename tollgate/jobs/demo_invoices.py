"""The demo company's documents: a month of weekly invoices, paid, overdue and open, a credit note, receipts.

They are made by the invoice run as it would have made them: once two weeks ago, once now. To show something more, bill
it in `make_invoices`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from tollgate.actions.account_identity import decide_change_request, request_address_change
from tollgate.actions.accounts import update_account
from tollgate.actions.charges import charge_customer
from tollgate.actions.customers import update_customer
from tollgate.actions.invoice_notes import credit_invoice
from tollgate.actions.invoice_runs import run_customer_invoices
from tollgate.actions.invoice_templates import create_invoice_template
from tollgate.actions.options import update_options
from tollgate.actions.payments import create_payment
from tollgate.actions.taxes import create_tax
from tollgate.store.models import Account, Customer, Invoice, InvoiceTemplate, Tax

RUNS: Final = (timedelta(days=16), timedelta(0))
"""How long ago the run came by."""
BANK: Final = "Demo Bank, BIC DEMOLT22\nIBAN LT12 1000 0111 0100 1000"


def make_invoices(account: Account, customers: Mapping[str, Customer], at: datetime) -> None:
    """Bills what the customers have used until `at`. Needs an actor who may do every act."""
    template, vat = _made_by(account)
    for name, fields in _terms(vat).items():
        customer_id = customers[name].pk
        update_customer(customer_id=customer_id, invoice_template_id=template.pk, email_invoices=False, **fields)
    charge_customer(
        customer_id=customers["Baltic"].pk, description="SIP trunk, set-up", unit_price_nanos=25_000_000_000
    )
    for before in RUNS:
        for name in _terms(vat):
            run_customer_invoices(customer_id=customers[name].pk, at=at - before)
    _settle(customers["Baltic"])


def _made_by(account: Account) -> tuple[InvoiceTemplate, Tax]:
    address = {"address_line1": "Konstitucijos pr. 7", "city": "Vilnius", "postcode": "LT-09308", "country": "LT"}
    asked = request_address_change(account_id=account.pk, **address)
    decide_change_request(request_id=asked.pk, approve=True)
    update_account(account_id=account.pk, vat_id="LT100001919017", registration_id="300123456")
    update_options(account_id=account.pk, payment_details=BANK, invoice_footer="Demo Telecom, registered in Vilnius")
    template = create_invoice_template(
        account_id=account.pk,
        name="Letter",
        header_text="Dear {{company.name}}, here is what you used.",
        footer_text="{{#if date_due}}Please pay {{total}} {{company.currency}} until {{date_due}}.{{/if}}",
    )
    return template, create_tax(account_id=account.pk, name="VAT Lithuania", rate_ppm=210_000, is_default=True)


def _terms(vat: Tax) -> dict[str, dict[str, Any]]:
    """A customer by reverse charge, two that are taxed, of which one pays ahead."""
    weekly: dict[str, Any] = {"invoice_schedule": "weekly", "payment_terms_days": 7}
    return {
        "Baltic": {**weekly, "tax_number": "LV40003032949", "tax_ids": [vat.pk], "reference": "PO 2026-17"},
        "Nordic Resale": {**weekly, "country": "SE", "tax_treatment": "taxed", "tax_ids": [vat.pk]},
        "Acme": {"invoice_schedule": "monthly", "invoice_grouping": "destination", "tax_ids": [vat.pk]},
    }


def _settle(customer: Customer) -> None:
    """The first invoice is paid, a line of the last one credited."""
    billed = Invoice.objects.filter(customer=customer, kind="invoice", state="issued").order_by("pk")
    first, last = billed.first(), billed.last()
    if first is None or last is None:
        return
    create_payment(customer_id=customer.pk, amount_micros=first.total_micros, public_note="Bank transfer")
    line = last.lines.order_by("-net_micros").first()
    if line is not None and line.net_micros:
        part = [{"line_id": line.pk, "net_micros": line.net_micros}]
        credit_invoice(invoice_id=last.pk, reason="Poor quality on that day, as agreed", lines=part)  # type: ignore[arg-type]
