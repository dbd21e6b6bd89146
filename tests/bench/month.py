"""The month that `money.py` closes: customers who pay afterwards, random calls with their entries; then others as well.

All records are made by the acts; calls are written by `month_calls.py`, corrected by `corrections.py`. `join` brings
who pays ahead, other currencies and resellers at two levels: what is measured before that is of the first alone. To
give customers another trait, see `_customer` and `_others`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.db import connection

from tests.bench.month_calls import Callee, Caller, Leg, call, rates, wallet_of
from tollgate.actions.accounts import create_account
from tollgate.actions.acts import Actor, acting
from tollgate.actions.cards import create_card
from tollgate.actions.carriers import create_carrier
from tollgate.actions.customer_packages import assign_package, create_package
from tollgate.actions.customers import CustomerFields, create_customer
from tollgate.actions.exchange_rates import set_exchange_rate
from tollgate.actions.payments import create_payment
from tollgate.actions.revisions import publish_revision
from tollgate.actions.taxes import create_tax
from tollgate.store.models import Account, Card, Customer

OPERATOR: Final = Actor("the benchmark", frozenset({"*"}))
CARRIERS: Final = 3
LIMIT_MICROS: Final = 10**15
CARRIER_PART, TOP_PART, RESELLER_PART, RETAIL_PART = 40, 45, 50, 60
PARTS_ABROAD: Final = {"KWD": 20, "JPY": 9000}
RATES_NANOS: Final = {"KWD": 3_010_000_000, "JPY": 6_100_000}
UNIT: Final = 10**6


@dataclass(slots=True)
class Month:
    """An account whose customers call in a month that is over, and a little in the month after, over too."""

    account: Account
    callers: list[Caller]
    carriers: list[Callee]
    cards: dict[int, int]
    """The parts of the price by which customer cards go, by their ids."""
    taxes: list[int]
    begin_on: date
    """The first day of the month."""
    end_on: date
    """The first day of the month after it."""
    after_on: date
    """The first day after that month."""
    others: list[Caller] = field(default_factory=list)
    made: int = 0

    def closed_at(self, on: date) -> datetime:
        """When the run looks at the month before a day."""
        return midnight(on) + timedelta(days=1)

    def call(self, begin_on: date, until_on: date, count: int, callers: list[Caller]) -> None:
        """So many random calls over some days, with entries and wallets."""
        days = [begin_on + timedelta(days=place) for place in range((until_on - begin_on).days)]
        for place, day in enumerate(days):
            calls = count * (place + 1) // len(days) - count * place // len(days)
            begun = (midnight(day), self.made + 1)
            if calls:
                call(self.account, callers, self.carriers, begin=begun[0], first=begun[1], count=calls)
            self.made += calls
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")

    def join(self, each: int) -> None:
        """So many of each other kind of customers, who have not called yet."""
        with acting(OPERATOR):
            for number in range(each):
                self.others += _others(self, number)
        ids = [caller.customer_id for caller in self.others]
        Customer.objects.filter(pk__in=ids).update(created_at=midnight(self.begin_on))


def prepare(customers: int, at: datetime) -> Month:
    """The account with its customers, who have not called yet."""
    after_on = (at - timedelta(days=2)).date().replace(day=1)
    end_on = (after_on - timedelta(days=1)).replace(day=1)
    begin_on = (end_on - timedelta(days=1)).replace(day=1)
    with acting(OPERATOR):
        account = create_account(name="Demo Telecom", currency="EUR")
        party = {"country": "LT", "vat_id": "LT100001919017", "zone": "UTC", "payment_details": "IBAN LT12 1000"}
        Account.objects.filter(pk=account.pk).update(**party)
        taxes = [
            create_tax(account_id=account.pk, name="PVM", rate_ppm=210_000).pk,
            create_tax(account_id=account.pk, name="Levy", rate_ppm=20_000, compound=True, priority=20).pk,
        ]
        package = create_package(
            account_id=account.pk,
            name="Trunk",
            currency="EUR",
            retail_nanos=9_990_000_000,
            setup_retail_nanos=5 * 10**9,
        )
        month = Month(account, [], [], {}, taxes, begin_on, end_on, after_on)
        for currency, nanos in RATES_NANOS.items():  # documents tell their taxes in euros too
            set_exchange_rate(account_id=account.pk, base=currency, quote="EUR", on=begin_on, rate_nanos=nanos)
        month.carriers += [_carrier(month, number) for number in range(CARRIERS)]
        retail = sold(month, "Retail", "EUR", RETAIL_PART)
        for number in range(customers):
            customer = _customer(account, number, taxes)
            month.callers.append(Caller(customer.pk, "EUR", (_leg(customer, retail, RETAIL_PART),)))
        ids = [caller.customer_id for caller in month.callers]
        Customer.objects.filter(pk__in=ids).update(created_at=midnight(begin_on))
        for customer_id in ids[::4]:
            last_on = end_on - timedelta(days=1)
            assign_package(customer_id=customer_id, package_id=package.pk, starts_on=begin_on, ends_on=last_on)
    return month


def sold(month: Month, name: str, currency: str, part: int) -> Card:
    """A card that customers buy by, with its prices."""
    card = create_card(account_id=month.account.pk, kind="customer", name=name, currency=currency, precision=6)
    publish_revision(card_id=card.pk, rows=rates(part), effective_at=midnight(month.begin_on))
    month.cards[card.pk] = part
    return card


def midnight(on: date) -> datetime:
    """The beginning of a day."""
    return datetime(on.year, on.month, on.day, tzinfo=UTC)


def _carrier(month: Month, number: int) -> Callee:
    """Carriers are dearer one than the other, and all cheaper than what is charged."""
    carrier = create_carrier(account_id=month.account.pk, name=f"Cirrus {number + 1}", currency="EUR")
    card = create_card(
        account_id=month.account.pk, kind="carrier", name=f"Cirrus {number + 1} A-Z", currency="EUR",
        carrier_id=carrier.pk, precision=6,
    )  # fmt: skip
    part = CARRIER_PART - number
    publish_revision(card_id=card.pk, rows=rates(part), effective_at=midnight(month.begin_on))
    return Callee(carrier.pk, wallet_of(carrier), card.pk, part)


def _leg(customer: Customer, card: Card, part: int) -> Leg:
    """What a customer pays: to the account, or to the reseller above it."""
    return Leg(wallet_of(customer), card.pk, "revenue" if customer.parent_id is None else "resale", part)


def _customer(account: Account, number: int, taxes: list[int]) -> Customer:
    """Five of six pay VAT, one of six a levy on top; a fourth wants lines by destination."""
    return create_customer(
        account_id=account.pk,
        name=f"Baltic {number + 1}",
        currency="EUR",
        billing_type="postpaid",
        invoice_schedule="monthly",
        debit_limit_micros=LIMIT_MICROS,
        company=f"Baltic Lines {number + 1}",
        address_line1="Gedimino 1",
        city="Vilnius",
        country="LT",
        notification_emails=[f"bills{number + 1}@baltic.example"],
        invoice_grouping="destination" if number % 4 == 1 else "day",
        tax_ids=taxes if number % 6 == 0 else taxes[:1] if number % 3 else [],
        tax_treatment="no_vat" if number % 6 == 3 else "auto",
    )


def _others(month: Month, number: int) -> list[Caller]:
    """Who pays ahead in euros and in yen, who pays afterwards in dinars, and a reseller below a reseller with two
    customers, who pay ahead and afterwards; each reseller buys by a card of its own and calls itself too."""
    account, taxes = month.account, month.taxes
    later: CustomerFields = {"billing_type": "postpaid", "debit_limit_micros": LIMIT_MICROS}
    usual: CustomerFields = {"invoice_schedule": "monthly", "email_invoices": False, "tax_ids": taxes[:1]}

    def made(name: str, currency: str = "EUR", **fields: object) -> Customer:
        given: CustomerFields = {**usual, **fields}  # type: ignore[typeddict-item]
        return create_customer(account_id=account.pk, name=f"{name} {number + 1}", currency=currency, **given)

    acme, nippon, gulf = made("Acme"), made("Nippon", "JPY"), made("Gulf", "KWD", **later)
    top = made("Top", is_reseller=True, **later)
    nordic = made("Nordic", is_reseller=True, parent_id=top.pk, **later)
    fjord = made("Fjord", parent_id=nordic.pk, prices_include_tax=True, **later)
    saar = made("Saar", parent_id=nordic.pk)
    for customer in (acme, nippon, saar):
        create_payment(customer_id=customer.pk, amount_micros=10**8 * UNIT)
    cards = {
        currency: sold(month, f"{currency} {number + 1}", currency, part) for currency, part in PARTS_ABROAD.items()
    }
    retail = sold(month, f"Retail by Nordic {number + 1}", "EUR", RETAIL_PART)
    at_nordic = _leg(nordic, sold(month, f"For Nordic {number + 1}", "EUR", RESELLER_PART), RESELLER_PART)
    at_top = _leg(top, sold(month, f"For Top {number + 1}", "EUR", TOP_PART), TOP_PART)
    return [
        Caller(acme.pk, "EUR", (_leg(acme, retail, RETAIL_PART),)),
        Caller(nippon.pk, "JPY", (_leg(nippon, cards["JPY"], PARTS_ABROAD["JPY"]),)),
        Caller(gulf.pk, "KWD", (_leg(gulf, cards["KWD"], PARTS_ABROAD["KWD"]),)),
        Caller(top.pk, "EUR", (at_top,)),
        Caller(nordic.pk, "EUR", (at_nordic, at_top)),
        Caller(fjord.pk, "EUR", (_leg(fjord, retail, RETAIL_PART), at_nordic, at_top)),
        Caller(saar.pk, "EUR", (_leg(saar, retail, RETAIL_PART), at_nordic, at_top)),
    ]
