"""Random calls of one day, written as the charging service writes a batch: by its statement `charge`, which takes the
records, the entries and the wallets.

A call costs so many micros a second by its prefix; each leg of its caller pays a part of that, and so is paid its
carrier. `price_of` says the same of a card. To give calls another trait, see `CALLS`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction
from psycopg.types.json import Jsonb

from tollgate.store.models import Account, Carrier, Customer, Wallet

DESTINATIONS: Final = 40
FIRST_PREFIX: Final = 370
WHOLE: Final = 60
"""What a leg pays is so many sixtieths of the price."""
CALLS: Final = """
WITH caller AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(%(callers)s) AS caller (place integer, customer_id bigint, currency text, legs jsonb)
), carrier AS MATERIALIZED (
  SELECT *
  FROM jsonb_to_recordset(%(carriers)s) AS carrier (place integer, id bigint, wallet bigint, card bigint, part bigint)
), drawn AS MATERIALIZED (
  SELECT %(first)s + n AS id, %(begin)s::timestamptz + random() * interval '86399.999 seconds' AS at,
         floor(random() * %(callers_count)s)::int AS caller_place,
         floor(random() * %(carriers_count)s)::int AS carrier_place,
         %(first_prefix)s + floor(random() * %(destinations)s)::int AS prefix, random() AS fate,
         1 + floor(-180000 * ln(1 - random()))::bigint AS talk_ms, 10000000 + floor(random() * 90000000)::int AS local
  FROM generate_series(0::bigint, %(count)s - 1) AS n
), fated AS (
  SELECT *, fate < 0.05 AS refused, fate >= 0.25 AS talked,
         CASE WHEN fate >= 0.25 THEN talk_ms ELSE 0 END AS duration_ms,
         CASE WHEN fate >= 0.25 THEN ((talk_ms + 999) / 1000)::int ELSE 0 END AS billed_s,
         (prefix * 37 %% 9000 + 900)::bigint AS price
  FROM drawn
), told AS MATERIALIZED (
  SELECT fated.*, caller.customer_id, caller.currency, carrier.id AS carrier_id, carrier.wallet AS carrier_wallet,
         at + duration_ms * interval '1 millisecond' + interval '4 seconds' AS ended_at,
         carrier.card AS carrier_card, price * carrier.part / %(whole)s AS carrier_price, leg.legs, leg.own_price,
         billed_s * leg.own_price AS cost, billed_s * (price * carrier.part / %(whole)s) AS carrier_cost
  FROM fated
  JOIN caller ON caller.place = caller_place
  JOIN carrier ON carrier.place = carrier_place
  CROSS JOIN LATERAL (
    SELECT jsonb_agg(one || jsonb_build_object('currency', caller.currency, 'cost', billed_s * per_s) ORDER BY number)
             AS legs, (array_agg(per_s ORDER BY number))[1] AS own_price
    FROM (
      SELECT one - 'part' AS one, number, price * (one ->> 'part')::bigint / %(whole)s AS per_s
      FROM jsonb_array_elements(caller.legs) WITH ORDINALITY AS of_caller (one, number)
    ) AS priced
  ) AS leg
), cdrs AS (
  SELECT array_agg(ROW(
    id, %(account)s, 'kam1', 'call-' || id, customer_id, NULL, NULL, CASE WHEN NOT refused THEN carrier_id END, NULL,
    CASE WHEN refused THEN 'refused' WHEN talked THEN 'charged' ELSE 'failed' END, at,
    CASE WHEN talked THEN at + interval '4 seconds' END, ended_at, '37060' || local %% 100000, prefix || local::text,
    prefix || local::text, prefix::text, 'Place ' || prefix, duration_ms, billed_s, currency, own_price * 60000,
    CASE WHEN refused THEN 0 ELSE cost END, 0, NULL, NULL, CASE WHEN NOT refused THEN billed_s END,
    CASE WHEN NOT refused THEN 'EUR' END, CASE WHEN NOT refused THEN carrier_price * 60000 END,
    CASE WHEN NOT refused THEN carrier_cost END, NULL, NULL,
    CASE WHEN NOT refused AND currency = 'EUR' THEN (legs -> -1 ->> 'cost')::bigint - carrier_cost END,
    CASE WHEN refused THEN 'credit' END, CASE WHEN refused THEN 402 WHEN talked THEN 200 ELSE 486 END, NULL, 16,
    'caller', 1200, 2800, '192.0.2.7',
    CASE WHEN NOT refused THEN jsonb_build_object(
      'legs', legs, 'route', 0,
      'routes', jsonb_build_array(jsonb_build_object('card', carrier_card, 'currency', 'EUR')),
      'carrier', jsonb_build_object('wallet', carrier_wallet, 'cost', carrier_cost)) END
  )::new_cdr) AS rows
  FROM told
), posted AS MATERIALIZED (
  SELECT id, ended_at, (leg ->> 'wallet')::bigint AS wallet_id, leg ->> 'book' AS book,
         -(leg ->> 'cost')::bigint AS micros, currency
  FROM told
  CROSS JOIN jsonb_array_elements(legs) AS leg
  WHERE talked
  UNION ALL
  SELECT id, ended_at, carrier_wallet, 'carrier_cost', carrier_cost, 'EUR' FROM told WHERE talked
), entries AS (
  SELECT array_agg(ROW(%(account)s, ended_at, wallet_id, book, 'call', micros, currency, id, '')::new_entry) AS rows
  FROM posted
), moved AS (
  SELECT wallet_id, sum(micros)::bigint AS micros FROM posted GROUP BY wallet_id
), wallets AS (
  SELECT array_agg(ROW(wallet.id, turn, balance_micros + micros, held_micros, channels, cps_tokens_milli, cps_at,
                       spent_micros, spent_on, first_used_at)::changed_wallet) AS rows, max(turn) AS last_turn
  FROM wallet
  JOIN moved ON moved.wallet_id = wallet.id
)
SELECT charge(0, last_turn + 1, %(begin)s, ARRAY[%(account)s], '{}', '{}', '{}', '{}', '{}', '{}', '{}',
              wallets.rows, '{}', cdrs.rows, entries.rows)
FROM cdrs, entries, wallets
"""


@dataclass(frozen=True, slots=True)
class Leg:
    """One who pays: its wallet, the card it goes by, the book that earns, and its part of the price."""

    wallet: int
    card: int
    book: str
    part: int


@dataclass(frozen=True, slots=True)
class Caller:
    """A customer who calls, and who pays for that: itself first, then the resellers above it."""

    customer_id: int
    currency: str
    legs: tuple[Leg, ...]


@dataclass(frozen=True, slots=True)
class Callee:
    """A carrier that is called by, in euros."""

    id: int
    wallet: int
    card: int
    part: int


def wallet_of(owner: Customer | Carrier) -> int:
    """The wallet of a customer or a carrier."""
    return Wallet.objects.get(kind=owner._meta.db_table, owner_id=owner.pk, account_id=owner.account_id).pk


def rates(part: int) -> list[dict[str, Any]]:
    """The rows of a card that goes by a part of the price: by whole seconds, as `CALLS` charges."""
    prefixes = range(FIRST_PREFIX, FIRST_PREFIX + DESTINATIONS)
    prices = {prefix: (prefix * 37 % 9000 + 900) * part // WHOLE for prefix in prefixes}
    return [
        {
            "prefix": str(prefix),
            "price_nanos": price * 60_000,
            "initial_s": 1,
            "increment_s": 1,
            "destination": f"Place {prefix}",
        }
        for prefix, price in prices.items()
    ]


def call(
    account: Account, callers: list[Caller], carriers: list[Callee], *, begin: datetime, first: int, count: int
) -> None:
    """So many random calls of a day, the same whenever they are made; `first` is the id of the first."""
    values: dict[str, Any] = {
        "account": account.pk,
        "callers": Jsonb([{"place": place, **asdict(caller)} for place, caller in enumerate(callers)]),
        "carriers": Jsonb([{"place": place, **asdict(carrier)} for place, carrier in enumerate(carriers)]),
        "callers_count": len(callers),
        "carriers_count": len(carriers),
        "first": first,
        "count": count,
        "begin": begin,
        "first_prefix": FIRST_PREFIX,
        "destinations": DESTINATIONS,
        "whole": WHOLE,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT cdr_make_partition(%s)", [begin.date()])
        cursor.execute("SELECT setseed(%s)", [(begin.toordinal() + first) % 1000 / 1000])
        cursor.execute(CALLS, values)
