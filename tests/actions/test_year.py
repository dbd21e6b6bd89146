"""A claim about a whole year on a moving clock: whatever was talked, sold, paid, given back and owed, each document of
each customer says what plain arithmetic says, and the wallets, the books and the summaries are the sum of them.

Calls are placed at the charging desk for real, by year_calls.py: what is held, renewed, cut, refused and charged comes
from the engine, and the arithmetic is told only who talked how long. Not every day is called: each customer calls every
third day or so, at intervals that bring every hour of the clock, and beside that at `EDGES`, the nights on which a
clock changes, the leap day, and the seconds around the ends of bills. So the year passes in less than a minute.

What people and gateways do stands in `Year.deeds`, what goes by itself in `Year.pass_by`; the arithmetic is in
year_books.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.db.models import Sum

from tests.actions.bills import balance
from tests.actions.cast import ANN, EURO, demo_account
from tests.actions.test_invoice_runs import adds_up, documents, postpaid
from tests.actions.year_books import DAY, Called, Deal, Levy, Paper, Tariff, monthly, on_last_days, papers, weekly
from tests.actions.year_calls import Call, Switch, switch
from tests.gateways.payments.desk import STRIPE_SECRET, Desk, stripe_event, stripe_notice, stripe_refund, stripe_session
from tests.moving_clock import SEARCHED, Clock
from tollgate.actions.accounts import update_account
from tollgate.actions.acts import acting
from tollgate.actions.customer_packages import assign_package, create_package
from tollgate.actions.customers import create_customer
from tollgate.actions.dunning import create_dunning_step
from tollgate.actions.exchange_rates import set_exchange_rate
from tollgate.actions.holds import end_customer_holds
from tollgate.actions.invoice_notes import credit_invoice, debit_invoice
from tollgate.actions.invoice_runs import run_invoices
from tollgate.actions.own_payments import start_checkout
from tollgate.actions.payment_events import receive
from tollgate.actions.payment_gateways import create_payment_gateway
from tollgate.actions.payments import create_payment, refund_payment, reverse_payment
from tollgate.actions.postings import wallet_of
from tollgate.actions.summaries import roll_up
from tollgate.actions.taxes import create_tax
from tollgate.core.summaries import Span
from tollgate.jobs import timetable
from tollgate.jobs.postgres import Postgres
from tollgate.store.models import Account, Customer, DunningEvent, Entry, Invoice, Payment, PaymentGateway, Wallet
from tollgate.store.queries.summaries import of_customer
from tollgate.store.sql import load

VILNIUS = "Europe/Vilnius"
HOUR = timedelta(hours=1)
BEGIN, END = datetime(2024, 1, 1, 12, tzinfo=UTC), datetime(2025, 1, 5, 12, tzinfo=UTC)
STEP = 5 * DAY
SEPTEMBER_4 = datetime(2024, 9, 4, 12, tzinfo=UTC)
VAT, LEVY = Levy(Fraction(21, 100)), Levy(Fraction(2, 100), compound=True)
NANOS, CENT = 10**9, 10_000
PRICES = {"EUR": 1_170_000_000, "KWD": 150_000_000, "JPY": 7_301_000_000}
"""What a minute costs, about, in billionths of a currency."""
CURRENCIES = {"Gulf": "KWD", "Nippon": "JPY"}
INTERVALS = {"Baltic": 53, "Gulf": 59, "Nippon": 55, "Acme": 61, "Nordic": 65, "Fjord": 67}
"""Hours from call to call: none has a part in common with a day's."""
EDGES = [
    datetime.fromisoformat(f"2024-{text}+00:00")
    for text in (
        *("02-28 22:00:01", "02-29 04:30:00", "02-29 12:00:00", "02-29 21:59:58", "02-29 23:59:59"),
        *("03-30 21:59:59", "03-30 22:00:00", "03-31 00:30:00", "03-31 00:59:59", "03-31 01:30:00", "03-31 20:59:59"),
        *("04-25 21:59:58", "04-25 22:00:00", "10-26 20:59:59", "10-27 00:30:00", "10-27 01:30:00", "10-27 21:59:59"),
        *("10-31 20:59:59", "10-31 22:00:00", "11-03 04:00:00", "11-03 05:30:00", "11-03 06:30:00", "12-31 23:59:59"),
    )
]
"""Moments at which all of them call: the leap day, nights that change a clock, and ends of bills."""
FAR, FAR_AT, FAR_MS = "Place far", datetime(2024, 11, 20, 10, tzinfo=UTC), 3_600_000
"""A call of Acme's that costs more than it has."""
TOPPED_UP_AT = datetime(2024, 11, 26, 12, tzinfo=UTC)
DEALS = {
    "Baltic": Deal(VILNIUS, on_last_days, levies=(VAT, LEVY)),
    "Gulf": Deal("Africa/Cairo", monthly, decimals=3, levies=(VAT,), by_destination=True),
    "Nippon": Deal("America/New_York", weekly(3), decimals=0, levies=(VAT,), within=True),
    "Acme": Deal(VILNIUS, monthly, kind="receipt", levies=(VAT,)),
    "Nordic": Deal("UTC", monthly, levies=(VAT, LEVY)),
    "Fjord": Deal(VILNIUS, weekly(1), levies=(VAT,)),
}
HELD = (datetime(2024, 7, 24, 12, tzinfo=UTC), datetime(2024, 8, 8, 12, tzinfo=UTC))
"""When Baltic may not call."""
LONG = 10**6
TRUNK, FIRST_TRUNK, SETUP = 60 * LONG, Fraction(60 * LONG * 20, 29), 50 * LONG
LINE, LEAST = 9_990_000, 3 * LONG


@dataclass(slots=True)
class Year:
    """The customers by name, who carries their calls, and what their payments came to."""

    account: Account
    house: Desk
    clock: Clock
    customers: dict[str, Customer]
    stripe: PaymentGateway
    switch: Switch
    paid: dict[str, int] = field(default_factory=dict)

    def pass_by(self, at: datetime) -> None:
        """Calls come and go, and the timetable and the ticks do what is due."""
        self.switch.until(at)
        self.clock.at(at)
        roll_up()
        timetable.packages(timestamp=0)
        run_invoices(at)
        timetable.dunning(timestamp=int(at.timestamp()))
        end_customer_holds()

    def deeds(self, at: datetime) -> None:
        """What people and gateways do, at the first moment from a day on."""
        if reached(at, date(2024, 1, 1)):
            self.pay_by_card("Acme", 3000 * EURO, "pi_acme")
        if reached(at, date(2024, 4, 20)):
            (april,) = [row for row in documents(self.customers["Baltic"]) if row.from_on == date(2024, 2, 29)]
            line = april.lines.filter(kind="usage").order_by("-net_micros", "position")[0]
            credit_invoice(
                invoice_id=april.pk, reason="Bad sound", lines=[{"line_id": line.pk, "net_micros": 123 * CENT}]
            )
        if reached(at, date(2024, 5, 8)):
            twice = create_payment(customer_id=self.customers["Gulf"].pk, amount_micros=10 * LONG)
            refund_payment(payment_id=twice.pk, reason="Sent twice")
        if reached(at, date(2024, 6, 10)):
            self.tell(stripe_event("refund.created", {**stripe_refund("re_1", 5000), "payment_intent": "pi_acme"}))
        if reached(at, date(2024, 6, 20)):
            may = documents(self.customers["Gulf"])[-1]
            forgotten = {"description": "Forgotten", "unit_price_nanos": 1_234_000_000}
            debit_invoice(invoice_id=may.pk, reason="Forgotten", lines=[forgotten])  # type: ignore[list-item]
        if reached(at, date(2024, 9, 1)):
            bounced = create_payment(customer_id=self.customers["Acme"].pk, amount_micros=100 * EURO)
            reverse_payment(payment_id=bounced.pk, reason="The check bounced")
        if reached(at, date(2024, 11, 24)):
            self.pay_by_card("Acme", 500 * EURO, "pi_acme_too")
        if any(reached(at, date(2024, month, 8)) for month in range(1, 13)):
            self.pay_what_is_open(at)
        end_customer_holds()

    def pay_what_is_open(self, at: datetime) -> None:
        """Once a month, by bank; Baltic forgets July, and pays by card in August."""
        for name, customer in self.customers.items():
            open_micros = sum(row.open_micros for row in documents(customer) if row.kind in ("invoice", "debit_note"))
            if not open_micros or (name == "Baltic" and at.month == 7):
                continue
            self.paid[name] += open_micros
            if name == "Baltic" and at.month == 8:
                self.pay_by_card(name, open_micros, "pi_baltic")
            else:
                create_payment(customer_id=customer.pk, amount_micros=open_micros, gateway="bank_transfer")

    def pay_by_card(self, name: str, micros: int, intent: str) -> None:
        """The customer is sent to Stripe, whose signed notice comes twice; a forged one moves nothing."""
        own = start_checkout(
            customer_id=self.customers[name].pk, gateway="stripe", amount_micros=micros, currency="EUR"
        )
        session = stripe_session(own.reference, micros // CENT, id=f"cs_{intent}", payment_intent=intent)
        body = stripe_event("checkout.session.completed", session)
        now = self.clock.moment
        forged = stripe_notice(body, now, secret="whsec_of_somebody_else")
        assert receive(self.stripe, body=body, headers=forged, ip=None, at=now).state == "refused"
        assert not Payment.objects.filter(external_id=intent, status="completed").exists()
        self.tell(body)
        self.tell(body)

    def tell(self, body: bytes) -> None:
        """A notice of Stripe's, signed."""
        at = self.clock.moment
        assert receive(self.stripe, body=body, headers=stripe_notice(body, at), ip=None, at=at).state == "done"

    def talked(self, name: str) -> list[Call]:
        """The calls of a customer that were carried, by their beginnings."""
        found = [call for call in self.switch.calls if call.caller == name and not call.refusal]
        return sorted(found, key=lambda call: call.at)


def reached(at: datetime, on: date) -> bool:
    """Whether a moment is the first from a day on."""
    return at - STEP < datetime(on.year, on.month, on.day, tzinfo=UTC) <= at


@pytest.fixture
def clock(transactional_db: None, postgres: Postgres) -> Iterator[Clock]:
    """The clock of the test's own database, of which the connection that is open is told."""
    found = Clock(postgres.url_of(connection.settings_dict["NAME"]), BEGIN)
    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path = {SEARCHED}")
    yield found
    found.close()


@pytest.fixture
def year(clock: Clock, house: Desk, inside: None) -> Iterator[Year]:
    """The account and its customers on the first of January 2024."""
    with acting(ANN):
        account = demo_account()
        update_account(account_id=account.pk, zone=VILNIUS)
        for currency, nanos in (("KWD", 3_010_000_000), ("JPY", 6_100_000)):
            set_exchange_rate(account_id=account.pk, base=currency, quote="EUR", on="2024-01-01", rate_nanos=nanos)
        vat = create_tax(account_id=account.pk, name="PVM", rate_ppm=210_000).pk
        levy = create_tax(account_id=account.pk, name="Levy", rate_ppm=20_000, compound=True, priority=20).pk
        stripe = create_payment_gateway(
            account_id=account.pk, name="stripe", provider="stripe", currencies=["EUR"],
            settings={"api_url": house.url}, secrets={"secret_key": "sk_test_1", "webhook_secret": STRIPE_SECRET},
        )  # fmt: skip
        create_dunning_step(account_id=account.pk, title="Reminder", days=5, action="remind")
        create_dunning_step(
            account_id=account.pk, title="Late fee", days=5, action="late_fee", fee_ppm=10_000, fee_micros=5 * EURO,
            currency="EUR",
        )  # fmt: skip
        lent = {"debit_limit_micros": 10**6 * LONG}
        none = {"overdue_action": "none", **lent}
        baltic = postpaid(account, "Baltic", billing_day=31, tax_ids=[vat, levy], payment_terms_days=7,
                          overdue_grace_days=10, overdue_action="restrict",
                          notification_emails=["bills@baltic.example"], **lent)  # fmt: skip
        gulf = postpaid(account, "Gulf", "KWD", zone="Africa/Cairo", invoice_grouping="destination", tax_ids=[vat],
                        **none)  # fmt: skip
        clock.at(SEPTEMBER_4)
        nippon = postpaid(account, "Nippon", "JPY", invoice_schedule="weekly", billing_zone="America/New_York",
                          billing_day=3, tax_ids=[vat], prices_include_tax=True, **none)  # fmt: skip
        Customer.objects.filter(pk=nippon.pk).update(created_at=SEPTEMBER_4)
        clock.at(BEGIN)
        acme = create_customer(account_id=account.pk, name="Acme", currency="EUR", invoice_schedule="monthly",
                               email_invoices=False, tax_ids=[vat], create_invoice_on_payment=True)  # fmt: skip
        nordic = postpaid(account, "Nordic", is_reseller=True, billing_zone="UTC", tax_ids=[vat, levy], **none)
        fjord = postpaid(account, "Fjord", parent_id=nordic.pk, invoice_schedule="weekly", tax_ids=[vat], **none)
        customers = {row.name: row for row in (baltic, gulf, nippon, acme, nordic, fjord)}
        sell_packages(account, customers)
    with switch(clock.url, clock, account) as carried:
        for name, customer in customers.items():
            reseller = customers["Nordic"] if name == "Fjord" else None
            carried.addresses[name] = carried.roads.line(customer, tariffs(name), below=reseller is not None)
        carried.will_call(coming())
        yield Year(account, house, clock, customers, stripe, carried, dict.fromkeys(customers, 0))


def sell_packages(account: Account, customers: dict[str, Customer]) -> None:
    """Two trunks from the tenth of February, a line on each last day of a month, and a minimum spend."""
    trunk = create_package(
        account_id=account.pk, name="Trunk", currency="EUR", frequency="monthly", match_days=[1],
        retail_nanos=30 * NANOS, setup_retail_nanos=25 * NANOS,
    )  # fmt: skip
    line = create_package(
        account_id=account.pk, name="Line", currency="EUR", frequency="monthly", match_days=[31],
        retail_nanos=LINE * 1000,
    )  # fmt: skip
    least = create_package(
        account_id=account.pk, name="At least", currency="KWD", frequency="monthly", match_days=[1],
        retail_nanos=LEAST * 1000, minimum_spend=True,
    )  # fmt: skip
    for name, package, starts_on, quantity in (
        ("Baltic", trunk, date(2024, 2, 10), 2),
        ("Acme", line, date(2024, 1, 31), 1),
        ("Gulf", least, date(2024, 1, 1), 1),
    ):
        assign_package(customer_id=customers[name].pk, package_id=package.pk, quantity=quantity, starts_on=starts_on,
                       ends_on=date(2024, 12, 30) if package == line else date(2024, 12, 31))  # fmt: skip


def tariffs(name: str) -> dict[str, Tariff]:
    """What a customer pays: a reseller two thirds of the others."""
    price = PRICES[CURRENCIES.get(name, "EUR")] * (2 if name == "Nordic" else 3) // 3
    by_minutes, by_parts = Tariff(price * 11 // 10, 60, 60), Tariff(price * 9 // 10 + 7, 30, 6)
    return {"Place 0": Tariff(price), "Place 1": by_minutes, "Place 2": by_parts, FAR: Tariff(40 * NANOS)}


def coming() -> list[tuple[str, datetime, int, str]]:
    """The calls of the year: whose, when, for how many milliseconds, where to."""
    found = [("Acme", FAR_AT, FAR_MS, FAR)]
    for place, (name, hours) in enumerate(INTERVALS.items()):
        begin = SEPTEMBER_4 if name == "Nippon" else BEGIN
        edges = [at for at in EDGES if at >= begin]
        for step, at in enumerate([*moments(begin, END, hours * HOUR), *edges]):
            wanted_ms = 1_200 + (17_000 + 7_919 * step + 1_313 * place) % 95_000 + (0 if step % 17 else 240_000)
            found.append((name, at, wanted_ms, f"Place {step % 3}"))
    return found


def moments(begin: datetime, until: datetime, step: timedelta) -> list[datetime]:
    """From a beginning until before an end."""
    return [begin + place * step for place in range(-((begin - until) // step))]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_year_of_customers_and_of_a_resellers_customer_is_billed_to_the_unit(year: Year) -> None:
    with acting(ANN):
        for at in moments(BEGIN, END + STEP, STEP):
            year.pass_by(at)
            year.deeds(at)
    fee = late_fee(year)
    for name, customer in year.customers.items():
        talks = calls_of(year, name)
        beside, fees = beside_calls(year, name), [(date(2024, 7, 29), Fraction(fee))] if name == "Baltic" else []
        adds_up(customer)
        told = [paper_of(row) for row in documents(customer) if row.from_on]
        assert told == papers(DEALS[name], talks, beside, END.date() - DAY, fees), name
        by_hand = [paper_of(row) for row in Invoice.objects.filter(customer=customer, from_on=None).order_by("pk")]
        assert by_hand == notes_and_receipts(name), name
        later = sum(call.micros for call in talks if DEALS[name].on(call.at) >= last_day(told))
        assert balance(customer) == owned(name, [*told, *by_hand], year.paid[name]) - later, name
    is_carried(year)
    is_dunned(year)
    in_the_books(year)
    by_the_calendar(year)
    resold(year)
    summed_up(year)
    assert year.switch.roads.laws_broken(load("ledger_laws")) == {}


def calls_of(year: Year, name: str) -> list[Called]:
    """What a customer pays for: a reseller for its customer's calls too, at its own price."""
    prices, callers = tariffs(name), (name, "Fjord") if name == "Nordic" else (name,)
    found = []
    for call in (call for caller in callers for call in year.talked(caller)):
        price = prices[call.place]
        found.append(Called(call.at, price.cost(call.talked_ms), call.place, price.billed_s(call.talked_ms)))
    return found


def beside_calls(year: Year, name: str) -> list[tuple[date, Fraction]]:
    """What is charged beside calls, and taxed as they are."""
    if name == "Baltic":
        trunks = [(date(2024, month, 1), Fraction(TRUNK)) for month in range(3, 13) if month != 8]  # held in August
        first = date(2024, 2, 10)
        return [(first, Fraction(SETUP)), (first, FIRST_TRUNK), *trunks]
    if name == "Acme":
        lasts = [date(2024, month, 1) - DAY for month in range(2, 13)]
        return [(last, Fraction(LINE)) for last in lasts]
    if name == "Gulf":
        used = dict.fromkeys((date(2024, month, 1) for month in range(1, 13)), 0)
        for call in calls_of(year, name):
            begin = monthly(DEALS[name].on(call.at))
            if begin in used:
                used[begin] += call.micros
        return [(begin, Fraction(max(0, LEAST - micros))) for begin, micros in used.items()]
    return []


def late_fee(year: Year) -> int:
    """A percent of June's bill, and five euros; it bears no tax."""
    june = papers(DEALS["Baltic"], calls_of(year, "Baltic"), beside_calls(year, "Baltic"), date(2024, 6, 30))[-1]
    return DEALS["Baltic"].rounded(Fraction(june.total, 100) + 5 * LONG)


def notes_and_receipts(name: str) -> list[Paper]:
    """The documents that are of no period, in their order."""
    deal = DEALS[name]
    if name == "Baltic":
        return [deal.paper("credit_note", (None, None), [123 * CENT])]
    if name == "Gulf":
        return [deal.paper("debit_note", (None, None), [1_234_000])]
    if name != "Acme":
        return []
    first, bounced, second = (deal.receipt_of(euros * LONG) for euros in (3000, 100, 500))
    tax = deal.rounded(Fraction(first.tax * 50, 3000))
    refunded = Paper("credit_note", None, None, 50 * LONG - tax, 50 * LONG - tax, tax, 50 * LONG)
    reversed_ = bounced._replace(kind="credit_note", exact=bounced.net)
    return [first, refunded, bounced, reversed_, second]


def owned(name: str, told: Sequence[Paper], paid: int) -> int:
    """What a wallet holds by all its documents: who pays ahead has the net of its payments less what was used."""
    signs = {"credit_note": 1, "invoice": -1, "debit_note": -1}
    if name != "Acme":
        return paid + sum(signs[one.kind] * one.total for one in told)
    in_hand = sum((-1 if one.kind == "credit_note" else 1) * one.net for one in told if one.from_on is None)
    return in_hand - sum(one.exact for one in told if one.from_on)


def paper_of(row: Invoice) -> Paper:
    """A document of ours as one of plain arithmetic."""
    amounts = (row.exact_micros, row.net_micros, row.tax_micros, row.total_micros)
    return Paper(row.kind, row.from_on, row.until_on, *amounts)


def last_day(told: Sequence[Paper]) -> date:
    """The first day that is on no document."""
    found = told[-1].until_on
    assert found is not None
    return found


def is_carried(year: Year) -> None:
    """Whoever has money and may call is carried for as long as they like, at the price of arithmetic; a call that the
    money does not last for is cut at its last second, and whoever is held or has none is refused."""
    assert (Wallet.objects.exclude(held_micros=0).count(), year.switch.agenda) == (0, [])
    assert len(year.switch.calls) == len(coming())
    before = Entry.objects.filter(wallet=wallet_of(year.customers["Acme"]), at__lte=FAR_AT)
    left = sum(before.values_list("amount_micros", flat=True))
    for call in sorted(year.switch.calls, key=lambda call: call.at):
        price, carried_ms = tariffs(call.caller)[call.place], call.wanted_ms
        if call.caller == "Acme" and FAR_AT <= call.at < TOPPED_UP_AT:
            carried_ms = min(carried_ms, 1000 * price.lasts_s(left))
            left -= price.cost(carried_ms) if carried_ms else 0
        elif call.caller == "Baltic" and HELD[0] <= call.at < HELD[1]:
            carried_ms = 0
        expected = (carried_ms, 0 < carried_ms < call.wanted_ms, price.cost(carried_ms) if carried_ms else 0)
        assert (call.talked_ms, call.cut, call.cost_micros) == expected, call
    refused = Counter((call.caller, call.refusal) for call in year.switch.calls if call.refusal)
    assert refused.keys() == {("Acme", "credit"), ("Baltic", "status_inactive")}
    assert next(call.cut for call in year.switch.calls if call.place == FAR)


def is_dunned(year: Year) -> None:
    """June's bill and no other was reminded of, cost Baltic its calls and a fee, and gave them back once paid."""
    baltic = year.customers["Baltic"]
    steps = DunningEvent.objects.exclude(action="event").order_by("at", "id")
    assert [(row.action, row.at.date(), row.invoice.from_on) for row in steps] == [
        ("remind", date(2024, 7, 19), date(2024, 5, 31)),
        ("restrict", date(2024, 7, 24), date(2024, 5, 31)),
        ("late_fee", date(2024, 7, 29), date(2024, 5, 31)),
    ]
    baltic.refresh_from_db()
    assert (baltic.status, baltic.holds.count()) == ("active", 1)
    bills = [row for row in documents(baltic) if row.from_on]
    assert [bool(row.open_micros) for row in bills] == [False] * 11 + [True], "all but the last bill is settled"


def in_the_books(year: Year) -> None:
    """The tax of all documents is what the books hold of tax, currency by currency, and so is what was paid."""
    signs = {"credit_note": -1}
    taxes: dict[str, int] = {}
    for row in Invoice.objects.exclude(state="void"):
        taxes[row.currency] = taxes.get(row.currency, 0) + signs.get(row.kind, 1) * row.tax_micros
    entries = Entry.objects.filter(account=year.account)
    held = dict(entries.filter(book="tax").values_list("currency").annotate(micros=Sum("amount_micros")))
    within = entries.filter(wallet=wallet_of(year.customers["Nippon"]), kind="tax")
    assert {code: -micros for code, micros in held.items()} == taxes
    assert sum(within.values_list("amount_micros", flat=True)) == 0, "of prices with tax it moves between books"
    came = Payment.objects.filter(status="completed").values_list("currency").annotate(micros=Sum("amount_micros"))
    assert dict(came) == dict(
        entries.filter(book="payments").values_list("currency").annotate(micros=Sum("amount_micros"))
    )
    assert dict(came)["EUR"] == sum(year.paid[name] for name in ("Baltic", "Nordic", "Fjord")) + 3450 * LONG
    assert dict(came)["KWD"] == year.paid["Gulf"]


def by_the_calendar(year: Year) -> None:
    """Short months, the leap day, nights of 23 and 25 hours; numbers without gap."""
    baltic, nippon = documents(year.customers["Baltic"]), documents(year.customers["Nippon"])
    days = [row.from_on for row in baltic]
    assert days[:4] == [date(2023, 12, 31), date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31)]
    march = baltic[3]
    usage = march.lines.filter(kind="usage")
    days = {DEALS["Baltic"].on(call.at) for call in year.talked("Baltic")}
    called = [on for on in days if march.from_on <= on < march.until_on]
    assert (march.usage_from_at, usage.count()) == (datetime(2024, 3, 31, tzinfo=ZoneInfo(VILNIUS)), len(called))
    weeks = [row.usage_until_at - row.usage_from_at for row in nippon]  # type: ignore[operator]
    assert sorted({week / HOUR for week in weeks}) == [168, 169], "the clock goes back in November"
    assert len(weeks) == 17
    numbers = Invoice.objects.filter(kind="invoice").order_by("number_year", "number_seq")
    for number_year in (2024, 2025):
        given = [row.number_seq for row in numbers if row.number_year == number_year]
        assert given == list(range(1, len(given) + 1))
        assert given


def resold(year: Year) -> None:
    """What a reseller earns is what its customer is billed, less what it pays for the same calls itself; its customer's
    weeks begin on Mondays, by the nights of the account's zone."""
    fjord = year.customers["Fjord"]
    calls = Entry.objects.filter(wallet=wallet_of(fjord), call_id__isnull=False).values("call_id")
    said = Entry.objects.filter(call_id__in=calls, wallet__kind="customer")
    by_book = dict(said.values_list("book").annotate(micros=Sum("amount_micros")))
    assert by_book == {"resale": -sum(call.micros for call in calls_of(year, "Fjord")), "revenue": -bought(year)}
    weeks = {(row.usage_until_at - row.usage_from_at) / HOUR for row in documents(fjord)}  # type: ignore[operator]
    assert weeks >= {167, 168, 169}, "the clock goes forward in March and back in October"


def bought(year: Year) -> int:
    """What a reseller pays for what it has sold."""
    return sum(tariffs("Nordic")[call.place].cost(call.talked_ms) for call in year.talked("Fjord"))


def summed_up(year: Year) -> None:
    """The summary of a reseller, whose months are UTC's, is what its documents bill: its customer's calls too."""
    roll_up()
    nordic = year.customers["Nordic"]
    found = of_customer(nordic, Span.MONTH, BEGIN, END, resells=True)
    months = {stretch.begun_at.date(): stretch for stretch in found}
    billed = {row.from_on: row for row in documents(nordic) if row.from_on}
    assert len(billed) == 12
    for month, row in billed.items():
        lines = list(row.lines.all())
        assert months[month].charged_micros == row.exact_micros
        assert months[month].totals.connected + months[month].resold.calls == sum(line.calls_count for line in lines)
        assert months[month].totals.billed_s + months[month].resold.billed_s == sum(line.billed_s for line in lines)
    assert sum(stretch.resold.charge_micros for stretch in found) == bought(year)
    billed_s = sum(stretch.totals.billed_s + stretch.resold.billed_s for stretch in found)
    assert billed_s == sum(call.billed_s for call in calls_of(year, "Nordic"))
