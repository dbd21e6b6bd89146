"""Traffic for the tests and benchmarks of the lake: calls and their entries by one statement, from numbers alone.

Calls are spread over whole UTC days; four of five connect, one of twenty is refused. Each charged call has the entries
of its customer and its carrier. The charges are those of the card, so that rating them again finds the same; some calls
have used free minutes, a few of them nothing else, and were charged for the rest.
"""

from datetime import date, datetime

from django.db import connection

from tests.store.cast import cirrus_card, customer, demo_account, wallet_of
from tollgate.core.lake import Span, day_begins
from tollgate.store.models import (
    CDR,
    Account,
    Bundle,
    Card,
    Customer,
    CustomerPackage,
    Package,
    Rate,
    Recalculation,
    Revision,
)
from tollgate.store.queries.recalculation import reprice

SINCE = datetime.fromisoformat("2020-01-01T00:00:00Z")
PREFIXES = ("1", "44", "447", "4477", "370", "3706", "4930", "49", "7", "77")
CALLS = """
INSERT INTO cdr (id, account_id, edge, edge_call_id, customer_id, ingress_route_id, carrier_id, state, started_at,
                 answered_at, ended_at, cli, cld, number, prefix, destination, duration_ms, billed_s, currency,
                 price_nanos, cost_micros, held_micros, customer_card_id, customer_revision_id, carrier_billed_s,
                 carrier_currency, carrier_cost_micros, profit_micros, refusal, sip_sent, q850, released_by,
                 pdd_ms, ring_ms, source_ip, detail)
SELECT %(first)s + n, %(account)s, 'kam1', 'call-' || (%(first)s + n), made.customer_id,
       CASE WHEN NOT %(incoming)s THEN 1 + n %% 3 END, %(carrier)s,
       CASE WHEN refused THEN 'refused' WHEN talked THEN 'charged' ELSE 'failed' END, made.at,
       CASE WHEN talked THEN made.at + interval '4 seconds' END,
       made.at + talk_ms * interval '1 millisecond' + interval '4 seconds',
       (37060000000 + n %% 977)::text, '00' || number, number, prefix, 'To ' || prefix, talk_ms, billed_s,
       CASE WHEN NOT refused THEN currency END, CASE WHEN NOT refused THEN 15000000 END, cost, cost * 2, %(card)s,
       CASE WHEN NOT refused THEN %(revision)s END, billed_s, CASE WHEN NOT refused THEN 'EUR' END, cost / 2,
       CASE WHEN currency = 'EUR' THEN cost - cost / 2 END, CASE WHEN refused THEN 'credit' END,
       CASE WHEN refused THEN 402 WHEN talked THEN 200 ELSE 486 END, 16, 'caller', 1000 + n %% 3000, n %% 9000,
       '192.0.2.7', CASE WHEN free_s > 0
         THEN json_build_object('legs', legs, 'minutes', json_build_array(
           json_build_object('wallet', 0, 'used_s', free_s - 1), json_build_object('wallet', 0, 'used_s', 1)
         ))
         WHEN n %% 50 = 0 THEN '{"notes": ["a \\"quoted\\", word"]}'::json END
FROM (
  SELECT n, %(begin)s::timestamptz + n * (interval '1 day' / %(count)s) AS at, n %% 20 = 7 AS refused,
         n %% 20 <> 7 AND n %% 5 <> 0 AS talked,
         (%(customers)s::bigint[])[1 + n %% cardinality(%(customers)s::bigint[])] AS customer_id,
         (%(currencies)s::text[])[1 + n %% cardinality(%(currencies)s::text[])] AS currency,
         (%(prefixes)s::text[])[1 + n %% cardinality(%(prefixes)s::text[])] AS prefix,
         (%(prefixes)s::text[])[1 + n %% cardinality(%(prefixes)s::text[])]
           || '98' || lpad((n * 7919 %% 10000019)::text, 8, '0') AS number
  FROM generate_series(0::bigint, %(count)s - 1) AS n
) AS made,
LATERAL (SELECT CASE WHEN talked THEN (n * 37 %% 600000) + 1 ELSE 0 END AS talk_ms) AS talk,
LATERAL (SELECT CASE WHEN talked THEN (talk_ms + 999) / 1000 ELSE 0 END AS billed_s) AS billed,
LATERAL (
  SELECT CASE WHEN talked AND n %% 50 IN (11, 33, 44) THEN LEAST(billed_s, 1 + billed_s * (n %% 4) / 3) ELSE 0 END
           AS free_s
) AS free,
LATERAL (SELECT ((billed_s - free_s) * 15000000::bigint + 5999999) / 6000000 * 100 AS cost) AS charged,
LATERAL (
  SELECT json_build_array(json_build_object('wallet', wallet.id, 'card', %(card)s, 'book', 'revenue', 'cost', cost,
                                            'currency', currency)) AS legs
  FROM wallet
  WHERE wallet.kind = 'customer' AND wallet.owner_id = made.customer_id AND wallet.account_id = %(account)s
) AS paid
"""
ENTRIES = """
INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, call_id)
SELECT cdr.account_id, cdr.ended_at, wallet.id, side.book, 'call', side.micros, side.currency, cdr.id
FROM cdr
CROSS JOIN LATERAL (VALUES ('customer', customer_id, 'revenue', -cost_micros, currency),
                           ('carrier', carrier_id, 'carrier_cost', carrier_cost_micros, 'EUR'))
  AS side (kind, owner_id, book, micros, currency)
JOIN wallet ON wallet.kind = side.kind AND wallet.owner_id = side.owner_id AND wallet.account_id = cdr.account_id
WHERE cdr.started_at >= %(begin)s AND cdr.started_at < %(begin)s + interval '1 day' AND cdr.state = 'charged'
"""


class Traffic:
    """An account with Acme in EUR, Baltic in USD and Cirrus; a card of `PREFIXES` at 1.5 cents a minute by seconds."""

    def __init__(self) -> None:
        self.account: Account = demo_account()
        self.acme: Customer = customer(self.account, "Acme")
        self.baltic: Customer = customer(self.account, "Baltic", currency="USD", billing_type="postpaid")
        self.carrier = cirrus_card(self.account).carrier
        self.card: Card = Card.objects.create(account=self.account, kind="customer", name="Retail", currency="EUR")
        self.revision: Revision = Revision.objects.create(card=self.card, number=1, effective_at=SINCE)
        Rate.objects.bulk_create(
            Rate(revision=self.revision, prefix=prefix, destination=f"To {prefix}", price_nanos=15_000_000)
            for prefix in PREFIXES
        )
        package = Package.objects.create(account=self.account, name="Minutes", kind="free_minutes", currency="EUR")
        held = CustomerPackage.objects.create(customer=self.acme, package=package, starts_on=SINCE.date())
        Bundle.objects.create(
            account=self.account, customer=self.acme, customer_package=held, name="Minutes", from_on=held.starts_on,
            starts_at=SINCE, granted_s=10**6,
        )  # fmt: skip
        self.made = 0

    def day(self, day: date, count: int, *, incoming: bool = False) -> None:
        """So many calls, evenly over that UTC day, with their entries; those that come in to DIDs have no route."""
        assert self.carrier is not None
        values = {
            "first": self.made + 1, "account": self.account.pk, "carrier": self.carrier.pk, "begin": day_begins(day),
            "count": count, "customers": [self.acme.pk, self.baltic.pk], "currencies": ["EUR", "USD"],
            "prefixes": list(PREFIXES), "card": self.card.pk, "revision": self.revision.pk,
            "incoming": incoming,
        }  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute("SELECT cdr_make_partition(%s)", [day])
            cursor.execute(CALLS, values)
            cursor.execute(ENTRIES, values)
            cursor.execute("ANALYZE cdr, entry")
        self.made += count

    def correct(self, call_id: int, micros: int) -> None:
        """An adjustment of Acme that names a call."""
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO entry (account_id, at, wallet_id, book, kind, amount_micros, currency, call_id)"
                " VALUES (%s, clock_timestamp(), %s, 'adjustments', 'adjustment', %s, 'EUR', %s)",
                [self.account.pk, wallet_of(self.acme).pk, micros, call_id],
            )


def repriced(traffic: Traffic, span: Span) -> dict[tuple[int | None, str | None], int]:
    """What the charged calls of a span cost now by customer and currency, as a recalculation prices each by itself."""
    found: dict[tuple[int | None, str | None], int] = {}
    calls = CDR.objects.filter(account=traffic.account, started_at__gte=span.from_at, started_at__lt=span.until_at)
    wallets = {customer.pk: wallet_of(customer).pk for customer in (traffic.acme, traffic.baltic)}
    for cdr in calls.filter(answered_at__isnull=False):
        leg = {"wallet": wallets[cdr.customer_id or 0], "card": traffic.card.pk, "book": "revenue"}
        cdr.detail = {**(cdr.detail or {}), "legs": [{**leg, "currency": cdr.currency}]}
        (paid,) = reprice(cdr, Recalculation(account=traffic.account)).corrections
        group = (cdr.customer_id, cdr.currency)
        found[group] = found.get(group, 0) + paid.cost_micros
    return found
