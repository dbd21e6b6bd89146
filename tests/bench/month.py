"""The month that `money.py` closes: customers who pay afterwards, random calls with their entries, corrections of some.

Customers, taxes and packages are made by the acts; calls come in by one statement a day, with the detail, the entries
and the wallets that charging would have left, so every law of the books holds. To give the customers another trait, see
`_customer`; calls another, see `CALLS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction

from tollgate.actions.accounts import create_account
from tollgate.actions.acts import Actor, acting
from tollgate.actions.carriers import create_carrier
from tollgate.actions.customer_packages import assign_package, create_package
from tollgate.actions.customers import create_customer
from tollgate.actions.taxes import create_tax
from tollgate.store.models import Account, Customer

OPERATOR: Final = Actor("the benchmark", frozenset({"*"}))
DESTINATIONS: Final = 40
CARRIERS: Final = 3
LIMIT_MICROS: Final = 10**15
CALLS: Final = """
WITH drawn AS (
  SELECT n, %(begin)s::timestamptz + random() * interval '86399.999 seconds' AS at,
         (%(customers)s::bigint[])[1 + floor(random() * cardinality(%(customers)s::bigint[]))::int] AS customer_id,
         (%(carriers)s::bigint[])[1 + floor(random() * cardinality(%(carriers)s::bigint[]))::int] AS carrier_id,
         370 + floor(random() * %(destinations)s)::int AS prefix, random() AS fate,
         1 + floor(-180000 * ln(1 - random()))::bigint AS talk_ms, 10000000 + floor(random() * 90000000)::int AS local
  FROM generate_series(0::bigint, %(count)s - 1) AS n
), fated AS (
  SELECT *, fate < 0.05 AS refused, fate >= 0.25 AS talked,
         CASE WHEN fate >= 0.25 THEN talk_ms ELSE 0 END AS duration_ms,
         CASE WHEN fate >= 0.25 THEN ((talk_ms + 999) / 1000)::int ELSE 0 END AS billed_s,
         prefix * 37 %% 9000 + 900 AS price
  FROM drawn
), costed AS (
  SELECT *, billed_s * price::bigint AS cost, billed_s * (price * 2 / 3)::bigint AS carrier_cost FROM fated
)
INSERT INTO cdr (id, account_id, edge, edge_call_id, customer_id, carrier_id, state, started_at, answered_at, ended_at,
                 cli, cld, number, prefix, destination, duration_ms, billed_s, currency, price_nanos, cost_micros,
                 held_micros, carrier_billed_s, carrier_currency, carrier_price_nanos, carrier_cost_micros,
                 profit_micros, refusal, sip_sent, q850, released_by, pdd_ms, ring_ms, source_ip, detail)
SELECT %(first)s + n, %(account)s, 'kam1', 'call-' || (%(first)s + n), customer_id,
       CASE WHEN NOT refused THEN carrier_id END,
       CASE WHEN refused THEN 'refused' WHEN talked THEN 'charged' ELSE 'failed' END, at,
       CASE WHEN talked THEN at + interval '4 seconds' END,
       at + duration_ms * interval '1 millisecond' + interval '4 seconds',
       '37060' || local %% 100000, prefix || local::text,
       prefix || local::text, prefix::text, 'Place ' || prefix, duration_ms, billed_s,
       'EUR', price * 60000::bigint, CASE WHEN refused THEN 0 ELSE cost END, 0,
       CASE WHEN NOT refused THEN billed_s END, CASE WHEN NOT refused THEN 'EUR' END,
       CASE WHEN NOT refused THEN (price * 2 / 3) * 60000::bigint END, CASE WHEN NOT refused THEN carrier_cost END,
       CASE WHEN NOT refused THEN cost - carrier_cost END, CASE WHEN refused THEN 'credit' END,
       CASE WHEN refused THEN 402 WHEN talked THEN 200 ELSE 486 END, 16, 'caller', 1200, 2800, '192.0.2.7',
       CASE WHEN NOT refused THEN jsonb_build_object(
         'legs', jsonb_build_array(jsonb_build_object('wallet', paying.id, 'cost', cost)),
         'carrier', jsonb_build_object('wallet', paid.id, 'cost', carrier_cost)) END
FROM costed
JOIN wallet AS paying ON paying.account_id = %(account)s AND paying.kind = 'customer' AND paying.owner_id = customer_id
JOIN wallet AS paid ON paid.account_id = %(account)s AND paid.kind = 'carrier' AND paid.owner_id = carrier_id
"""
ENTRIES: Final = """
INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, call_id)
SELECT cdr.account_id, cdr.ended_at, side.wallet_id, side.book, 'call', side.micros, 'EUR', cdr.id
FROM cdr
CROSS JOIN LATERAL (VALUES ((cdr.detail -> 'legs' -> 0 ->> 'wallet')::bigint, 'revenue', -cost_micros),
                           ((cdr.detail -> 'carrier' ->> 'wallet')::bigint, 'carrier_cost', carrier_cost_micros))
  AS side (wallet_id, book, micros)
WHERE cdr.account_id = %(account)s AND cdr.id >= %(first)s AND cdr.id < %(first)s + %(count)s AND cdr.state = 'charged'
  AND cdr.started_at >= %(begin)s AND cdr.started_at < %(begin)s::timestamptz + interval '1 day'
"""
CORRECTIONS: Final = """
WITH chosen AS (
  SELECT cdr.account_id, cdr.id, (cdr.detail -> 'legs' -> 0 ->> 'wallet')::bigint AS paying,
         (cdr.detail -> 'carrier' ->> 'wallet')::bigint AS paid, floor(random() * 20001)::bigint - 10000 AS micros,
         random() AS whom
  FROM cdr
  JOIN (SELECT 1 + floor(random() * %(calls)s)::bigint AS id FROM generate_series(1, %(count)s)) AS drawn USING (id)
  WHERE cdr.account_id = %(account)s AND cdr.state = 'charged'
)
INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, call_id, note)
SELECT account_id, clock_timestamp(), CASE WHEN whom < 0.9 THEN paying ELSE paid END,
       CASE WHEN whom < 0.9 THEN 'revenue' ELSE 'carrier_cost' END,
       CASE WHEN whom < 0.7 THEN 'correction' ELSE 'adjustment' END,
       micros, 'EUR', id, 'rated again'
FROM chosen
WHERE micros <> 0
"""
WALLETS: Final = """
UPDATE wallet SET balance_micros = posted.micros
FROM (
  SELECT wallet_id, sum(amount_micros) AS micros FROM entry WHERE account_id = %(account)s GROUP BY wallet_id
) AS posted
WHERE posted.wallet_id = wallet.id
"""


@dataclass(slots=True)
class Month:
    """An account whose customers call in a month that is over, and a little in the month after, over too."""

    account: Account
    customers: list[int]
    carriers: list[int]
    begin_on: date
    """The first day of the month."""
    end_on: date
    """The first day of the month after it."""
    after_on: date
    """The first day after that month."""
    made: int = 0
    corrected: int = 0

    def closed_at(self, on: date) -> datetime:
        """When the run looks at the month before a day."""
        return _midnight(on) + timedelta(days=1)

    def call(self, begin_on: date, until_on: date, count: int) -> None:
        """So many random calls over some days, with entries and wallets."""
        days = [begin_on + timedelta(days=place) for place in range((until_on - begin_on).days)]
        for place, day in enumerate(days):
            calls = count * (place + 1) // len(days) - count * place // len(days)
            values = self._values(first=self.made + 1, count=calls, begin=_midnight(day))
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT cdr_make_partition(%s)", [day])
                cursor.execute("SELECT setseed(%s)", [day.toordinal() % 1000 / 1000])
                cursor.execute(CALLS, values)
                cursor.execute(ENTRIES, values)
            self.made += calls
        self._settle()

    def correct(self, count: int) -> None:
        """Charges about so many of the calls so far by a little more or less, customers' and carriers'."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(CORRECTIONS, self._values(calls=self.made, count=count))
            self.corrected += cursor.rowcount
        self._settle()

    def _settle(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(WALLETS, self._values())
            cursor.execute("VACUUM ANALYZE")

    def _values(self, **more: Any) -> dict[str, Any]:
        known = {"account": self.account.pk, "customers": self.customers, "carriers": self.carriers}
        return {**known, "destinations": DESTINATIONS, **more}


def prepare(customers: int, at: datetime) -> Month:
    """The account with its customers, who have not called yet."""
    after_on = (at - timedelta(days=2)).date().replace(day=1)
    end_on = (after_on - timedelta(days=1)).replace(day=1)
    begin_on = (end_on - timedelta(days=1)).replace(day=1)
    with acting(OPERATOR):
        account = create_account(name="Demo Telecom", currency="EUR")
        party = {"country": "LT", "vat_id": "LT100001919017", "zone": "UTC", "payment_details": "IBAN LT12 1000"}
        Account.objects.filter(pk=account.pk).update(**party)
        carriers = [
            create_carrier(account_id=account.pk, name=f"Cirrus {number + 1}", currency="EUR").pk
            for number in range(CARRIERS)
        ]
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
        ids = [_customer(account, number, taxes) for number in range(customers)]
        Customer.objects.filter(pk__in=ids).update(created_at=_midnight(begin_on))
        for customer_id in ids[::4]:
            last_on = end_on - timedelta(days=1)
            assign_package(customer_id=customer_id, package_id=package.pk, starts_on=begin_on, ends_on=last_on)
    return Month(account, ids, carriers, begin_on, end_on, after_on)


def _customer(account: Account, number: int, taxes: list[int]) -> int:
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
    ).pk


def _midnight(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, tzinfo=UTC)
