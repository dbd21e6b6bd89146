"""Claims about packages: charged once for each period, minutes brought, rests and minimum days obeyed."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from tests.actions.bills import Talk, bought, charged
from tests.actions.cast import EURO, acme
from tests.actions.test_customers import refused
from tests.moments import today
from tollgate.actions.customer_packages import (
    assign_package,
    change_customer_package,
    create_package,
    delete_package,
    end_customer_package,
    update_package,
)
from tollgate.actions.customer_status import set_customer_status
from tollgate.actions.customers import create_customer
from tollgate.actions.options import update_options
from tollgate.actions.package_runs import customers_due, notify_package_renewals, run_packages
from tollgate.actions.wallets import adjust
from tollgate.store.models import Account, Bundle, Charge, Customer, CustomerPackage, Entry, Message, Package, Wallet
from tollgate.store.queries.books import profit_of
from tollgate.store.sql import load

DAY = timedelta(days=1)
NANOS = 10**9


def package(account: Account, **fields: Any) -> Package:
    given = {"name": "Hosted PBX", "currency": "EUR", "retail_nanos": 30 * NANOS, "frequency": "daily", **fields}
    return create_package(account_id=account.pk, **given)


def charges(customer: Customer) -> list[tuple[str, str, int]]:
    found = Charge.objects.filter(customer=customer).order_by("from_on", "id")
    return [(row.kind, row.from_on.isoformat(), row.amount_micros) for row in found]


def midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


def balance(customer: Customer) -> int:
    return Wallet.objects.get(kind="customer", owner_id=customer.pk).balance_micros


def test_what_is_due_is_charged_once_and_catches_up_and_a_simulation_only_tells(account: Account) -> None:
    customer = acme(account)
    sold = package(account, setup_retail_nanos=5 * NANOS, cost_nanos=NANOS)
    told = [row["amount_micros"] for row in run_packages(customer_id=customer.pk, simulate=True)]
    assert told == []
    held = assign_package(customer_id=customer.pk, package_id=sold.pk, quantity=2, starts_on=today() - 2 * DAY)
    due = [("setup", str(today() - 2 * DAY), 10 * EURO)]
    due += [("package", str(today() - days * DAY), 60 * EURO) for days in (2, 1, 0)]
    assert charges(customer) == due
    assert (held.next_on, held.done_until_on, balance(customer)) == (today() + DAY, today() + DAY, -190 * EURO)
    assert Charge.objects.filter(entry_id=None).count() == 0
    assert run_packages(customer_id=customer.pk, on=today()) == []
    ahead = run_packages(customer_id=customer.pk, on=today() + 2 * DAY, simulate=True)
    assert [(row["from_on"], row["amount_micros"]) for row in ahead] == [
        (today() + DAY, 60 * EURO),
        (today() + 2 * DAY, 60 * EURO),
    ]
    assert (len(charges(customer)), balance(customer), customers_due()) == (4, -190 * EURO, [])
    refused("on", run_packages, customer_id=customer.pk, on=today() + DAY)
    CustomerPackage.objects.update(next_on=today(), done_until_on=today())  # as if a run had been lost half way
    assert customers_due() == [customer.pk]
    assert len(run_packages(customer_id=customer.pk)) == 1
    assert (len(charges(customer)), balance(customer)) == (4, -190 * EURO)
    update_package(package_id=sold.pk, retail_nanos=40 * NANOS)
    assert charges(customer) == due
    refused("frequency", update_package, package_id=sold.pk, frequency="weekly")
    refused("package_id", delete_package, package_id=sold.pk)


def test_a_charge_that_waits_for_the_invoice_moves_no_money_and_parts_are_paid_by_their_days(account: Account) -> None:
    customer = acme(account)
    sold = package(account, frequency="weekly", match_days=[(today() + 2 * DAY).isoweekday()], retail_nanos=70 * NANOS)
    held = assign_package(customer_id=customer.pk, package_id=sold.pk, starts_on=today(), auto_decrement=False)
    assert charges(customer) == [("package", str(today()), 20 * EURO)]
    assert (held.next_on, balance(customer)) == (today() + 2 * DAY, 0)
    free = package(account, name="Unprorated", frequency="weekly", match_days=sold.match_days, prorate=False)
    waiting = assign_package(customer_id=customer.pk, package_id=free.pk, starts_on=today())
    assert (waiting.next_on, len(charges(customer))) == (today() + 2 * DAY, 1)


def test_free_minutes_come_with_their_period_and_the_books_hold_them_to_the_second(account: Account) -> None:
    customer = acme(account)
    sold = package(
        account, kind="free_minutes", minutes=10, prefixes="^44|^91", frequency="monthly",
        match_days=[today().day], rollover=True,
    )  # fmt: skip
    held = assign_package(customer_id=customer.pk, package_id=sold.pk, quantity=2)
    bundle = Bundle.objects.get(customer_package=held)
    wallet = Wallet.objects.get(kind="bundle", owner_id=bundle.pk)
    assert (bundle.granted_s, bundle.prefixes, wallet.currency) == (1200, ["44", "91"], "SEC")
    assert (wallet.balance_micros, wallet.depth) == (1200 * EURO, 98)
    assert bundle.ends_at > datetime.now(UTC) + timedelta(days=50)
    posted = Entry.objects.get(wallet=wallet)
    assert (posted.book, posted.kind, posted.ref) == ("minutes", "package", f"bundle:{bundle.pk}")
    refused("wallet_id", adjust, wallet_id=wallet.pk, amount_micros=EURO, note="gift")
    assert broken() == []
    end_customer_package(customer_package_id=held.pk, ends_on=today() + 3 * DAY)
    bundle.refresh_from_db()
    assert bundle.ends_at == datetime.combine(today() + 4 * DAY, datetime.min.time(), UTC)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE wallet SET balance_micros = balance_micros - 1 WHERE id = %s", [wallet.pk])
    assert "minutes_left_held_and_used_are_those_granted" in broken()


def broken() -> list[str]:
    """The laws of the books that do not hold."""
    found = []
    with connection.cursor() as cursor:
        for name, statement in load("ledger_laws").items():
            cursor.execute(statement)
            found += [name] if cursor.fetchall() else []
    return found


def test_an_inactive_customer_pays_nothing_unless_the_option_says_so_and_what_rested_is_never_charged(
    account: Account,
) -> None:
    customer = acme(account)
    sold = package(account, setup_retail_nanos=NANOS)
    set_customer_status(customer_id=customer.pk, status="inactive", reason="asked for it")
    held = assign_package(customer_id=customer.pk, package_id=sold.pk, starts_on=today())
    assert (charges(customer), held.next_on) == ([], today() + DAY)
    set_customer_status(customer_id=customer.pk, status="active")
    assert run_packages(customer_id=customer.pk) == []
    assert [row["kind"] for row in run_packages(customer_id=customer.pk, on=today() + DAY, simulate=True)] == [
        "setup",
        "package",
    ]
    set_customer_status(customer_id=customer.pk, status="inactive")
    ahead: dict[str, Any] = {"customer_id": customer.pk, "on": today() + DAY, "simulate": True}
    assert {row["skipped"] for row in run_packages(**ahead)} == {"the customer is inactive"}
    update_options(account_id=account.pk, inactive_packages=True)
    assert {row["skipped"] for row in run_packages(**ahead)} == {""}
    Customer.objects.filter(pk=customer.pk).update(parked_at=datetime.now(UTC))
    CustomerPackage.objects.update(next_on=today(), done_until_on=today())
    assert (customers_due(), run_packages(customer_id=customer.pk)) == ([], [])
    Customer.objects.filter(pk=customer.pk).update(parked_at=None)
    assert len(run_packages(customer_id=customer.pk)) == 2


def test_what_a_customer_was_on_the_day_counts_however_late_the_run_is(account: Account) -> None:
    customer = acme(account)
    held = assign_package(customer_id=customer.pk, package_id=package(account).pk, starts_on=today())
    for days, status in ((5, "inactive"), (3, "active"), (0, "inactive")):
        set_customer_status(customer_id=customer.pk, status=status)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")  # time passes
            cursor.execute(
                "UPDATE audit SET at = now() - make_interval(days => %s) WHERE id = (SELECT max(id) FROM audit"
                " WHERE table_name = 'customer' AND row_id = %s)",
                [days, customer.pk],
            )
            cursor.execute("SET LOCAL session_replication_role = origin")
    CustomerPackage.objects.filter(pk=held.pk).update(
        starts_on=today() - 6 * DAY, next_on=today() - 6 * DAY, done_until_on=None
    )
    told = {row["from_on"]: row["skipped"] for row in run_packages(customer_id=customer.pk)}
    inactive = "the customer is inactive"
    assert [told[today() - days * DAY] for days in range(6, -1, -1)] == ["", "", inactive, inactive, "", "", inactive]


def test_a_package_ends_after_its_minimum_days_or_by_an_override_with_its_reason(account: Account) -> None:
    customer = acme(account)
    sold = package(account, minimum_days=30, frequency="weekly")
    held = assign_package(customer_id=customer.pk, package_id=sold.pk)
    refused("ends_on", assign_package, customer_id=customer.pk, package_id=sold.pk, ends_on=today())
    refused("ends_on", end_customer_package, customer_package_id=held.pk, ends_on=today() + 28 * DAY)
    refused("reason", end_customer_package, customer_package_id=held.pk, override=True)
    ended = end_customer_package(customer_package_id=held.pk, override=True, reason="moved away")
    assert (ended.ends_on, ended.next_on) == (today() + 6 * DAY, None)
    kept = assign_package(customer_id=customer.pk, package_id=sold.pk)
    assert end_customer_package(customer_package_id=kept.pk, ends_on=today() + 29 * DAY).next_on == today() + 7 * DAY


def test_minimum_days_hold_for_a_package_that_is_ended_before_it_begins(account: Account) -> None:
    customer = acme(account)
    sold = package(account, minimum_days=30, frequency="weekly")
    begins = {"customer_id": customer.pk, "package_id": sold.pk, "starts_on": today() + 12 * DAY}
    held = assign_package(**begins)
    ending = {"customer_package_id": held.pk, "ends_on": today() + 14 * DAY}
    refused("ends_on", end_customer_package, **ending)
    refused("reason", end_customer_package, **ending, override=True)
    least = end_customer_package(customer_package_id=held.pk, ends_on=today() + 41 * DAY)
    assert least.ends_on == today() + 41 * DAY
    assert end_customer_package(**ending, override=True, reason="moved away").ends_on == today() + 14 * DAY
    never = assign_package(**begins)
    last = today() + 11 * DAY
    assert end_customer_package(customer_package_id=never.pk, ends_on=last).next_on is None, "it never begins"


def test_a_minimum_spend_charges_what_calls_left_missing_once_they_are_all_known(account: Account) -> None:
    customer = acme(account)
    update_options(account_id=account.pk, invoice_lag_h=24)
    sold = package(account, minimum_spend=True, retail_nanos=50 * NANOS, setup_retail_nanos=NANOS)
    held = assign_package(customer_id=customer.pk, package_id=sold.pk, starts_on=today() - 2 * DAY)
    assert charges(customer) == [
        ("setup", str(today() - 2 * DAY), EURO),
        ("minimum_spend", str(today() - 2 * DAY), 50 * EURO),
    ]
    assert held.next_on == today() + DAY
    wallet = Wallet.objects.get(kind="customer", owner_id=customer.pk)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO cdr (id, account_id, edge, edge_call_id, customer_id, state, started_at, ended_at)"
            " VALUES (1, %s, 'kam1', 'a', %s, 'charged', %s, %s)",
            [account.pk, customer.pk, *[datetime.combine(today() - DAY, datetime.min.time(), UTC)] * 2],
        )
        cursor.execute(
            "INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, call_id)"
            " VALUES (%s, now(), %s, 'revenue', 'call', -25000000, 'EUR', 1)",
            [account.pk, wallet.pk],
        )
    (due,) = run_packages(customer_id=customer.pk, on=today() + DAY, simulate=True)
    assert (due["from_on"], due["used_micros"], due["amount_micros"]) == (today() - DAY, 25 * EURO, 25 * EURO)


def test_what_a_resellers_customers_use_counts_to_its_minimum_spend(account: Account) -> None:
    reseller = acme(account, is_reseller=True)
    child = create_customer(account_id=account.pk, name="Baltic", currency="EUR", parent_id=reseller.pk)
    update_options(account_id=account.pk, invoice_lag_h=24)
    sold = package(account, minimum_spend=True, retail_nanos=50 * NANOS)
    assign_package(customer_id=reseller.pk, package_id=sold.pk, starts_on=today() - DAY)
    assign_package(customer_id=child.pk, package_id=sold.pk, starts_on=today() - DAY)
    begun = midnight(today() - DAY)
    charged(child, [Talk(begun, 30 * EURO)], reseller=reseller)
    charged(reseller, [Talk(begun, 5 * EURO)])
    charged(reseller, [Talk(begun - timedelta(seconds=1), 9 * EURO)])
    told = [
        row
        for customer in (reseller, child)
        for row in run_packages(customer_id=customer.pk, on=today() + DAY, simulate=True)
    ]
    found = {row["customer_id"]: row["used_micros"] for row in told if row["from_on"] == today() - DAY}
    assert found == {reseller.pk: bought(30 * EURO) + 5 * EURO, child.pk: 30 * EURO}


def test_a_minimum_spend_waits_for_the_lag_to_the_hour_and_for_calls_that_talk_on(account: Account) -> None:
    zone = "UTC" if datetime.now(UTC).hour < 12 else "Etc/GMT-12"  # it is before noon there, whenever this runs
    customer = acme(account, billing_zone=zone)
    today = datetime.now(ZoneInfo(zone)).date()
    update_options(account_id=account.pk, invoice_lag_h=23)
    sold = package(account, minimum_spend=True, retail_nanos=50 * NANOS)
    held = assign_package(customer_id=customer.pk, package_id=sold.pk, starts_on=today - DAY)
    assert (held.next_on, charges(customer), customers_due()) == (today, [], []), (
        "its bill comes an hour before midnight"
    )
    assert len(run_packages(customer_id=customer.pk, on=today + DAY, simulate=True)) == 2, "and one of today tomorrow"
    update_options(account_id=account.pk, invoice_lag_h=0)
    account.refresh_from_db()
    wallet = Wallet.objects.get(kind="customer", owner_id=customer.pk)
    over_at = datetime.combine(today, datetime.min.time(), ZoneInfo(zone))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO call (id, account_id, edge, edge_call_id, customer_id, state, authorized_at, granted_s,"
            " granted_until, max_s, last_seen_at, plan, wallet_ids)"
            " VALUES (1, %s, 'kam1', 'talks', %s, 'answered', %s, 60, now(), 60, now(), '{}', %s)",
            [account.pk, customer.pk, over_at - timedelta(seconds=1), [wallet.pk]],
        )
        assert (customers_due(), run_packages(customer_id=customer.pk)) == ([], []), "it talks over midnight"
        cursor.execute("UPDATE call SET authorized_at = %s", [over_at])
    assert customers_due() == [customer.pk], "a call that began afterwards is of the next period"
    (due,) = run_packages(customer_id=customer.pk)
    assert (due["from_on"], due["amount_micros"]) == (today - DAY, 50 * EURO)


def test_what_packages_cost_us_is_taken_off_the_profit_on_the_day_they_are_charged(account: Account) -> None:
    customer = acme(account)
    sold = package(account, retail_nanos=19 * NANOS, cost_nanos=6 * NANOS, setup_retail_nanos=NANOS,
                   setup_cost_nanos=2 * NANOS)  # fmt: skip
    assign_package(customer_id=customer.pk, package_id=sold.pk, quantity=2)
    (day,) = profit_of(account, from_on=today(), until_on=today() + 2 * DAY, by_month=False)
    assert (day.sold_micros, day.packages_micros, day.profit_micros) == (40 * EURO, -16 * EURO, 24 * EURO)
    over = create_customer(account_id=account.pk, name="Over", currency="EUR", is_reseller=True)
    under = create_customer(account_id=account.pk, name="Under", currency="EUR", parent_id=over.pk)
    wait = {"auto_decrement": False}
    for buyer, how in ((over, wait), (under, {}), (under, wait)):
        assign_package(customer_id=buyer.pk, package_id=sold.pk, quantity=2, **how)
    (day,) = profit_of(account, from_on=today(), until_on=today() + 2 * DAY, by_month=False)
    assert (day.sold_micros, day.packages_micros) == (40 * EURO, -32 * EURO), "not what resellers sold"


def test_a_renewal_is_told_once_so_many_days_before(account: Account) -> None:
    customer = acme(account, notification_emails=["money@acme.example"])
    sold = package(account, frequency="weekly")
    assign_package(customer_id=customer.pk, package_id=sold.pk)
    Message.objects.all().delete()
    assert notify_package_renewals() == 0
    update_options(account_id=account.pk, package_notice_days=6)
    assert notify_package_renewals() == 0
    update_options(account_id=account.pk, package_notice_days=7)
    assert (notify_package_renewals(), notify_package_renewals()) == (1, 0)
    told = Message.objects.get()
    assert told.subject == f"Hosted PBX renews on {today() + 7 * DAY}"


ODD: list[tuple[str, dict[str, Any]]] = [
    ("match_days", {"frequency": "monthly", "match_days": [32]}),
    ("match_days", {"frequency": "daily", "match_days": [1]}),
    ("match_days", {"match_days": ["1"]}),
    ("minutes", {"kind": "free_minutes"}),
    ("prefixes", {"prefixes": "44"}),
    ("prefixes", {"kind": "free_minutes", "minutes": 5, "prefixes": "44|abc"}),
    ("minimum_spend", {"kind": "free_minutes", "minutes": 5, "minimum_spend": True}),
    ("minimum_spend", {"frequency": "none", "minimum_spend": True}),
    ("retail_nanos", {"retail_nanos": -1}),
]


def test_a_package_that_cannot_be_is_refused_by_its_field(account: Account) -> None:
    for field, given in ODD:
        refused(field, create_package, account_id=account.pk, name="Odd", currency="EUR", **given)


def test_only_what_is_sold_in_the_customers_currency_is_assigned(account: Account) -> None:
    customer = acme(account)
    other = package(account, name="In dollars", currency="USD")
    refused("package_id", assign_package, customer_id=customer.pk, package_id=other.pk)
    sold = package(account)
    refused("minutes", assign_package, customer_id=customer.pk, package_id=sold.pk, minutes=5)
    refused("starts_on", assign_package, customer_id=customer.pk, package_id=sold.pk, starts_on=date(2020, 1, 1))
    held = assign_package(customer_id=customer.pk, package_id=sold.pk)
    changed = change_customer_package(customer_package_id=held.pk, quantity=3, auto_decrement=False)
    assert (changed.quantity, changed.auto_decrement, changed.next_on) == (3, False, today() + DAY)
