"""Eight invoice runs at once, one of them killed amid its work, then one on every core: for the test beside it.

Prints as JSON what came of it. The workers are forked, so Django is set up once.
"""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import UTC, datetime, timedelta

import django

WORKERS = 8
CUSTOMERS = 16
LATER = 4
BEGIN = datetime(2024, 1, 1, 12, tzinfo=UTC)
AT = BEGIN + timedelta(days=62)


def prepare() -> None:
    """An account whose customers have called in two months."""
    from tests.actions.bills import Talk, charged
    from tests.actions.cast import ANN
    from tests.actions.test_invoice_runs import postpaid
    from tollgate.actions.accounts import create_account
    from tollgate.actions.acts import acting
    from tollgate.actions.taxes import create_tax

    with acting(ANN):
        account = create_account(name="Demo Telecom", currency="EUR")
        tax = create_tax(account_id=account.pk, name="VAT", rate_ppm=210_000)
        for number in range(CUSTOMERS + LATER):
            customer = postpaid(account, f"Customer {number}", tax_ids=[tax.pk], invoice_grouping="total")
            customer.generate_invoices = number < CUSTOMERS
            customer.save(update_fields=["generate_invoices"])
            charged(customer, [Talk(BEGIN + timedelta(days=day), 1_000_003 + number) for day in (1, 40)])


def worker() -> int:
    """One run in a process of its own."""
    from django.db import connections

    from tollgate.actions.invoice_runs import run_invoices

    child = os.fork()
    if child:
        return child
    connections.close_all()
    run_invoices(AT)
    os._exit(0)


def main() -> None:
    """Eight at once, one killed, then one more that finishes."""
    django.setup()
    from django.db import connections

    from tollgate.actions.invoice_runs import run_invoices
    from tollgate.jobs.invoices import run_on_every_core
    from tollgate.store.models import Customer, Entry, Invoice, Wallet

    prepare()
    connections.close_all()
    children = [worker() for _ in range(WORKERS)]
    while Invoice.objects.filter(state="issued").count() < CUSTOMERS // 2:
        time.sleep(0.005)
    os.kill(children[0], signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
    run_invoices(AT)
    Customer.objects.update(generate_invoices=True)
    by_processes = run_on_every_core(AT, processes=2, least=1)
    again = len(run_invoices(AT))
    rows = Invoice.objects.order_by("number_seq")
    wallets = {wallet.owner_id: wallet.balance_micros for wallet in Wallet.objects.filter(kind="customer")}
    owed = {
        customer.pk: -sum(row.total_micros for row in rows if row.customer_id == customer.pk)
        for customer in Customer.objects.all()
    }
    told = {
        "by_processes": by_processes,
        "again": again,
        "numbers": [row.number_seq for row in rows],
        "periods": len({(row.customer_id, row.usage_from_at) for row in rows}),
        "states": sorted({row.state for row in rows}),
        "differences": sorted(set(wallets.items()) ^ set(owed.items())),
        "entries": Entry.objects.filter(kind="tax").count(),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
