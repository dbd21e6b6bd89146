"""The list of payments on a customer's page: its payments, and below zero what packages took from its balance.

Such a charge leads to its package those who may read packages; it is no payment, so the list of all payments
(payments.py) does not have it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from django.http import HttpRequest

from tollgate.panel.access import rights
from tollgate.panel.cells import excerpt, fixed, link
from tollgate.panel.fields import words
from tollgate.panel.payments import TONES
from tollgate.store.models import Customer, PaymentRow
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Grid, Page
from tollgate.ui.sources import QuerysetSource


def _of_payment(name: str, title: str, value: str, *, currency: str = "currency", minor: bool = False) -> Column:
    """An amount that only payments have."""
    return Column(
        name, title, value=f"payment.{value}", kind=Kind.MONEY, currency=currency, hidden=not minor, minor=minor
    )


def _gateway(row: PaymentRow) -> str:
    return "Balance" if row.payment is None else words(row.payment.gateway)


OF_CUSTOMER: Final = Grid(
    name="payments",
    columns=fixed(
        (
            Column("id", "Payment", value="payment_id", link=link("panel:payment", lambda row: row.payment_id)),
            Column("amount", "Amount", value="amount_micros", kind=Kind.MONEY, currency="currency"),
            Column("status", "Status", value=lambda row: words(row.status), kind=Kind.BADGE, tone=TONES),
            Column("received_at", "Received (UTC)", kind=Kind.INSTANT),
            Column("kind", "Kind", value=lambda row: words(row.kind), says=True),
            Column("gateway", "Gateway", value=_gateway, says=True),
            _of_payment("fee", "Fee kept", "fee_micros", currency="payment.received_currency"),
            _of_payment("surcharge", "Surcharge", "surcharge_micros", currency="payment.received_currency"),
            _of_payment("reached", "Reached the account", "reached_micros"),
            _of_payment("tax", "Tax in it", "tax_micros"),
            _of_payment("unallocated", "Unallocated", "unallocated_micros", minor=True),
            Column("external_id", "External id", value="payment.external_id", minor=True),
            Column("public_note", "Description", minor=True),
        )
    ),
    sort="-received_at",
    page_size=10,
    compact=True,
    empty_text="No payments yet. A top-up makes the first.",
)


def of_customer(request: HttpRequest, customer: Customer) -> Page:
    """The newest rows of one customer, for its page."""
    found = PaymentRow.objects.filter(account_id=customer.account_id, customer=customer)
    grid = OF_CUSTOMER
    if rights(request).reads("packages"):
        *others, description = grid.columns
        to_package = link("panel:customer_package", lambda row: row.customer_package_id)
        grid = replace(grid, columns=(*others, replace(description, link=to_package)))
    return excerpt(grid, QuerysetSource(queryset=found.select_related("payment")))
