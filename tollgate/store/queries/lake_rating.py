"""Calls rated again, all at once: what the calls of some days cost by the rates, beside what was charged.

Each call keeps the revision it was rated by, or gets that of another card which was in force when it began, and the
free minutes that it has used. Rates of several windows are priced call by call by `core.rates`, most others by the
engine of the lake (`core.bulk_rating`).
Days that the lake has not are written beside it for as long as the question lasts. To show another sum, add it to
`Rerated`, to the text in `_statement` and to `_summed`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tollgate.core.bulk_rating import Keys, RateLine, free_text, keys_of, rate_line, rating_text, spans
from tollgate.core.calls_minutes import rest_cost
from tollgate.core.lake import Engine, Span, Statement, instant_of, instant_us
from tollgate.environment import lake_folder
from tollgate.store.lake_engines import LakeEngine, engine_of_installation
from tollgate.store.lake_files import write_rows
from tollgate.store.models import Bundle, Card, Rate, Revision
from tollgate.store.queries.cards import price_of
from tollgate.store.queries.lake import sides_of

SPANS = pa.schema([("begin_key", pa.int64()), ("place", pa.int64())])
SCHEMA = pa.schema([(field.name, pa.string() if field.type is str else pa.int64()) for field in fields(RateLine)])
CALLS = (
    "SELECT id, customer_id, currency, number, duration_ms, answered_us, cost_micros, "
    "{revision} AS revision_id, {free} AS free_s FROM lake_call "
    "WHERE account_id = {account} AND started_us >= {start} AND started_us < {end} AND answered_us IS NOT NULL "
    "AND customer_card_id IS NOT NULL{direction}"
)
DIRECTIONS = {
    "termination": " AND ingress_route_id IS NOT NULL",
    "origination": " AND ingress_route_id IS NULL",
}
"""What tells calls that a card prices: those that go out have a route, those that come in to DIDs have none."""


@dataclass(slots=True)
class Rerated:
    """The calls of one customer in one currency: charged then, and their cost now. Those `unrated` are left aside."""

    customer_id: int | None
    currency: str | None
    calls: int = 0
    charged_micros: int = 0
    cost_micros: int = 0
    different: int = 0
    unrated: int = 0

    @property
    def difference_micros(self) -> int:
        """What they would cost more."""
        return self.cost_micros - self.charged_micros


def rerate(span: Span, at: datetime, *, card: Card | None = None, engine: LakeEngine | None = None) -> list[Rerated]:
    """Every charged call of the span rated again by the revision that rated it; or those of its direction by `card`."""
    lake = engine or engine_of_installation()
    sides = sides_of("call", span, at)
    folder = lake_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".rerating-", dir=folder))
    try:
        files = list(sides.files)
        for day in sides.live_days:
            files.append(aside / f"{day}.parquet")
            write_rows("call", span.account_id, day, files[-1])
        revisions = _revisions(span, card, lake, files)
        rates = _rates(revisions)
        lines = _lines(rates)
        keys = keys_of(lines) if lake.engine is Engine.duckdb else None
        rating = rating_text(lake.engine, {len(line.prefix) for line in lines}, keys)
        statement = _statement(span, lake, rating, card, revisions)
        tables: Mapping[str, Sequence[Path]] = {"lake_call": files, **_write_rates(lines, keys, aside)}
        return _summed(lake.rows(statement, tables), rates)
    finally:
        shutil.rmtree(aside)


def _statement(
    span: Span, lake: LakeEngine, rating: str, card: Card | None, revisions: Sequence[Revision]
) -> Statement:
    """Sums of what the engine can price, by customer and currency; and each call that it cannot."""
    statement = Statement(lake.engine)
    calls = CALLS.format(
        revision="customer_revision_id" if card is None else _in_force(revisions, statement),
        free=free_text(lake.engine) if Bundle.objects.filter(account_id=span.account_id).exists() else "0",
        direction="" if card is None else DIRECTIONS[card.direction],
        account=statement.mark(span.account_id),
        start=statement.mark(instant_us(span.from_at)),
        end=statement.mark(instant_us(span.until_at)),
    )
    rated = rating.replace("WITH placed AS", f"WITH rated_call AS ({calls}), placed AS", 1)
    left = "(place IS NOT NULL AND plain = 0)"
    statement.text = (
        f"SELECT customer_id, currency, CASE WHEN {left} THEN id END AS left_id, "  # noqa: S608 - known columns
        f"CASE WHEN {left} THEN place END AS place, "
        f"CASE WHEN {left} THEN answered_us END AS answered_us, CASE WHEN {left} THEN duration_ms END AS duration_ms, "
        f"CASE WHEN {left} THEN free_s END AS free_s, "
        "count(*) AS calls, sum(CAST(cost_micros AS DECIMAL(18, 0))) AS charged, "
        "sum(CAST(COALESCE(new_cost_micros, 0) AS DECIMAL(18, 0))) AS cost, "
        "count(CASE WHEN new_cost_micros <> cost_micros THEN 1 END) AS different, "
        "count(CASE WHEN place IS NULL THEN 1 END) AS unrated, "
        "sum(CAST(CASE WHEN place IS NULL THEN cost_micros ELSE 0 END AS DECIMAL(18, 0))) AS unrated_micros "
        f"FROM ({rated}) AS rated GROUP BY 1, 2, 3, 4, 5, 6, 7"
    )
    return statement


def _in_force(revisions: Sequence[Revision], statement: Statement) -> str:
    """The revision of a card that was in force when a call began."""
    cases = " ".join(
        f"WHEN started_us >= {statement.mark(instant_us(revision.effective_at))} THEN {revision.pk}"
        for revision in sorted(revisions, key=lambda one: (one.effective_at, one.number), reverse=True)
    )
    return f"CASE {cases} END" if cases else "CAST(NULL AS BIGINT)"


def _revisions(span: Span, card: Card | None, lake: LakeEngine, files: Sequence[Path]) -> list[Revision]:
    """Those that may rate a call of the span."""
    found = Revision.objects.select_related("card")
    if card is not None:
        return list(found.filter(card=card, published_at__isnull=False, effective_at__lt=span.until_at))
    if not files:
        return []
    text = "SELECT DISTINCT customer_revision_id FROM lake_call WHERE customer_revision_id IS NOT NULL"
    return list(found.filter(pk__in=[row[0] for row in lake.rows(Statement(lake.engine, text), {"lake_call": files})]))


def _rates(revisions: Iterable[Revision]) -> list[tuple[Rate, Card]]:
    cards = {revision.pk: revision.card for revision in revisions}
    rates = Rate.objects.filter(revision_id__in=cards).order_by("pk")
    return [(rate, cards[rate.revision_id]) for rate in rates.iterator(chunk_size=20_000)]


def _lines(rates: Sequence[tuple[Rate, Card]]) -> list[RateLine]:
    """The rates as columns. What many of a card have alike is made once."""
    known: dict[tuple[object, ...], RateLine] = {}
    found = []
    for place, (rate, card) in enumerate(rates):
        alike = (
            *(card.pk, str(rate.tariff or ""), rate.price_nanos, rate.connect_fee_nanos),
            *(rate.initial_s, rate.increment_s, rate.grace_s, rate.included_s),
        )
        line = known.get(alike)
        if line is None:
            line = known[alike] = rate_line(place, rate.revision_id, rate.prefix, price_of(card, rate))
        found.append(replace(line, place=place, revision_id=rate.revision_id, prefix=rate.prefix))
    return found


def _write_rates(lines: Sequence[RateLine], keys: Keys | None, folder: Path) -> dict[str, list[Path]]:
    """The rates as files, by the names of their tables."""
    written = {"rate_line": [folder / "rates.parquet"]}
    columns = {name: [getattr(line, name) for line in lines] for name in SCHEMA.names}
    pq.write_table(pa.table(columns, schema=SCHEMA), written["rate_line"][0])
    if keys is not None:
        written["rate_span"] = [folder / "spans.parquet"]
        begins, places = zip(*spans(lines, keys), strict=True)
        pq.write_table(pa.table({"begin_key": begins, "place": places}, schema=SPANS), written["rate_span"][0])
    return written


def _summed(rows: Iterable[Sequence[Any]], rates: Sequence[tuple[Rate, Card]]) -> list[Rerated]:
    """The groups added up; what the engine has left is priced here."""
    found: dict[tuple[int | None, str | None], Rerated] = {}
    prices: dict[int, Any] = {}
    for customer_id, currency, left_id, place, answered_us, duration_ms, free_s, calls, charged, *rest in rows:
        cost, different, unrated, unrated_micros = (int(cell) for cell in rest)
        group = found.setdefault((customer_id, currency), Rerated(customer_id, currency))
        if left_id is not None:
            price = prices.setdefault(place, price_of(rates[place][1], rates[place][0]))
            cost = rest_cost(price, instant_of(answered_us), duration_ms, free_s)
            different = int(cost != int(charged))
        group.calls += calls - unrated
        group.charged_micros += int(charged) - unrated_micros
        group.cost_micros += cost
        group.different += different
        group.unrated += unrated
    return sorted(found.values(), key=lambda one: (one.currency or "", one.customer_id or 0))
