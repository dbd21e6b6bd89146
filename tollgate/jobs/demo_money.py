"""The demo company's packages before its documents, and after them what else there is to look at in Money and Traffic:
payments, vouchers, a payment gateway, exchange rates, dunning, alerts with a history, a webhook, a mailed report.

Everything is made by the acts that people use. To show something more, make it in the function of its noun.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from tollgate.actions.alert_watch import watch
from tollgate.actions.alerts import create_alert
from tollgate.actions.customer_packages import assign_package, create_package
from tollgate.actions.dunning import create_dunning_step
from tollgate.actions.exchange_rates import set_exchange_rate
from tollgate.actions.payment_gateways import create_payment_gateway
from tollgate.actions.payments import create_payment, refund_payment
from tollgate.actions.reports import create_report
from tollgate.actions.vouchers import create_voucher_batch
from tollgate.actions.webhooks import create_webhook
from tollgate.store.models import Account, Carrier, Customer

EURO: Final = 1_000_000
NANOS: Final = 1_000_000_000
PERCENT_PPM: Final = 10_000
STAFF: Final = "noc@demo.example"
RATES: Final = (("EUR", "USD", 1_084_500_000), ("EUR", "GBP", 846_200_000), ("EUR", "SEK", 11_312_000_000))


def sell_packages(account: Account, customers: Mapping[str, Customer], at: datetime) -> None:
    """Two packages that are held, with what fell due of them, and one that nobody has taken yet."""
    line = create_package(
        account_id=account.pk, name="SIP trunk", currency="EUR", description="One trunk of thirty channels",
        retail_nanos=19 * NANOS, cost_nanos=6 * NANOS, frequency="monthly",
    )  # fmt: skip
    minutes = create_package(
        account_id=account.pk, name="Baltics 500", currency="EUR", kind="free_minutes", frequency="monthly",
        description="500 minutes to Lithuania, Latvia and Estonia", retail_nanos=9 * NANOS,
        cost_nanos=4 * NANOS, minutes=500,
        prefixes="370|371|372",
    )  # fmt: skip
    create_package(
        account_id=account.pk, name="Support on weekends", currency="EUR", retail_nanos=45 * NANOS, frequency="monthly",
        minimum_days=90,
    )  # fmt: skip
    held = ((customers["Baltic"], line, 2), (customers["Baltic"], minutes, 1), (customers["Nordic Resale"], line, 1))
    for customer, package, quantity in held:
        starts_on = (at - timedelta(days=28)).date()
        assign_package(customer_id=customer.pk, package_id=package.pk, quantity=quantity, starts_on=starts_on)


def make_money(account: Account, customers: Mapping[str, Customer], at: datetime) -> None:
    """All the rest. Needs an actor who may do every act."""
    _payments(account, customers, at)
    _vouchers(account, at)
    for base, quote, rate_nanos in RATES:
        for days in (0, 7):
            set_exchange_rate(
                account_id=account.pk, base=base, quote=quote, on=(at - timedelta(days=days)).date(),
                rate_nanos=rate_nanos + days * 1_000_000, source="European Central Bank",
            )  # fmt: skip
    _dunning(account)
    _alerts(account, customers, at)
    create_webhook(
        account_id=account.pk, title="Accounting system", url="https://books.demo.example/tollgate",
        events=["invoice.issued", "invoice.paid", "payment.completed"], enabled=False,
    )  # fmt: skip
    create_report(
        account_id=account.pk, name="Margin by carrier", dimensions=["carrier", "country"], period="last_week",
        measures=["attempts", "asr_percent", "acd_s", "cost_micros", "carrier_cost_micros", "profit_micros"],
        frequency="weekly", recipients=[STAFF],
    )  # fmt: skip


def _payments(account: Account, customers: Mapping[str, Customer], at: datetime) -> None:
    """One that came by bank, one that was given back, one that is announced; a gateway that waits for its keys."""
    create_payment_gateway(account_id=account.pk, name="cards", provider="stripe", title="Card payment", enabled=False)
    resale = customers["Nordic Resale"]
    create_payment(
        customer_id=resale.pk, amount_micros=100 * EURO, gateway="bank_transfer", external_id="2026-0417",
        payer="Nordic Resale AB", public_note="Bank transfer, thank you", received_at=at - timedelta(days=3),
    )  # fmt: skip
    twice = create_payment(
        customer_id=resale.pk, amount_micros=40 * EURO, gateway="bank_transfer", external_id="2026-0418",
        payer="Nordic Resale AB", received_at=at - timedelta(days=2),
    )  # fmt: skip
    refund_payment(payment_id=twice.pk, reason="Sent twice")
    create_payment(
        customer_id=customers["Baltic"].pk, amount_micros=150 * EURO, gateway="bank_transfer", status="pending",
        payer="Baltic Telecom SIA", public_note="Announced in the portal", received_at=at - timedelta(hours=5),
    )  # fmt: skip


def _vouchers(account: Account, at: datetime) -> None:
    create_voucher_batch(
        account_id=account.pk, name="Shop cards 10", currency="EUR", count=20, addition_micros=10 * EURO,
        expires_at=at + timedelta(days=180),
    )  # fmt: skip


def _dunning(account: Account) -> None:
    create_dunning_step(account_id=account.pk, title="Friendly reminder", days=3, action="remind")
    create_dunning_step(
        account_id=account.pk, title="Late fee", days=14, action="late_fee", fee_ppm=2 * PERCENT_PPM,
        fee_micros=5 * EURO, currency="EUR",
    )  # fmt: skip
    create_dunning_step(account_id=account.pk, title="No more calls", days=30, action="restrict", enabled=False)


def _alerts(account: Account, customers: Mapping[str, Customer], at: datetime) -> None:
    """One that has told its people on three days, one of a carrier that is quiet."""
    create_alert(
        account_id=account.pk, title="Acme runs low", area="balance", customer_id=customers["Acme"].pk,
        threshold_micros=30 * EURO, reset_micros=40 * EURO, repeat_min=1440, repeat_hour=0,
        recipients=[STAFF],
    )  # fmt: skip
    for days in (2, 1, 0):
        watch(at - timedelta(days=days))
    cirrus = Carrier.objects.get(account=account, name="Cirrus")
    create_alert(
        account_id=account.pk, title="Cirrus answers too few", area="asr", carrier_id=cirrus.pk, sample_min=60,
        threshold_micros=20 * 1_000_000, level="error", recipients=[STAFF],
    )  # fmt: skip
