"""Measures the lake: writing days, breakouts over all of them, also as their page asks them, a CSV of one day, rating
all calls again.

`python -m tests.bench.lake` makes its own PostgreSQL and data in a temporary folder and prints what it found as JSON:
of 10 million calls in ten days, two of which the database has too. To measure another question, add it to
`BREAKOUTS`, or to `PAGES` as the page of breakouts asks it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tests import migrated
from tollgate.core.breakout import DIMENSIONS, FILTERS, Cut, Question
from tollgate.core.bulk_rating import RateLine, free_text, keys_of, rate_line, rating_text, spans
from tollgate.core.lake import DAY_US, Breakout, Condition, Engine, Group, Search, Span, day_begins
from tollgate.core.lake_groups import LEVELS
from tollgate.core.rates import simple
from tollgate.jobs.postgres import Postgres

KINDS: Final = ("call", "entry")
THRICE: Final = range(3)
TALKED: Final = Group((Condition("answered_us", "empty", 0),))
SUMS: Final = (
    "attempts",
    "connected",
    "duration_ms",
    "billed_s",
    "cost_micros",
    "carrier_cost_micros",
    "profit_micros",
)
BREAKOUTS: Final = {
    "everything": Breakout("call", SUMS),
    "by customer, destination and day": Breakout("call", SUMS, ("customer_id", "destination", "day_us")),
    "by hour": Breakout("call", SUMS, ("hour_us",)),
    "by caller, of the calls that talked": Breakout("call", ("attempts", "billed_s", "cost_micros"), ("cli",), TALKED),
    "of numbers that begin with 4477": Breakout(
        "call", SUMS, ("destination",), Group((Condition("number", "starts", "4477"),))
    ),
    "invoice sums: entries by wallet and day": Breakout(
        "entry", ("entries", "amount_micros"), ("wallet_id", "kind", "day_us")
    ),
}


PAGES: Final = (
    *((name,) for name in DIMENSIONS),
    ("customer", "destination", "day"),
    ("country", "carrier"),
    ("destination", "hour"),
    ("cli", "destination"),
    ("cli", "hour"),
    ("customer", "number"),
    ("number", "cli"),
    ("number", "day"),
)
"""What the page of breakouts groups by: each dimension alone, and some together, the last by almost every call."""
BY_COST: Final = (("number",), ("number", "cli"), ("number", "day"))
"""Of these also the ones that cost most, which are spread over all files."""
FILTERED: Final[Mapping[tuple[str, ...], Mapping[str, str]]] = {
    ("customer",): {"number": "4477"},
    ("destination",): {"did": "yes"},
    ("number",): {"destination": "To 44"},
}
"""And some of a part of the calls; one CLI is a DID."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured; medians of three."""

    calls: int
    """In the lake."""
    day_calls: int
    written_s: dict[str, float]
    """A day, by kind."""
    breakout_s: dict[str, float]
    page_s: dict[str, float]
    """The page of breakouts, by what it groups by."""
    compared_s: float
    """That the file of a day, which the database has too, has every call of it: part of the former."""
    newest_s: float
    """A page of the newest calls."""
    file_lake_s: float
    file_database_s: float
    """The CSV of a day."""
    rated_per_s: float
    memory_mb: int
    load: float
    """Of the machine, after the breakouts."""


def main() -> None:
    """Makes the data, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=2, help="that the database has too")
    parser.add_argument("--copies", type=int, default=8, help="days that only the lake has")
    parser.add_argument("--calls", type=int, default=1_000_000, help="a day")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tollgate-bench-") as folder, Postgres(Path(folder)) as server:
        os.environ |= {
            "TOLLGATE_DATA": folder,
            "TOLLGATE_DATABASE_URL": server.url,
            "TOLLGATE_STATEMENT_LIMIT_S": "0",
            "DJANGO_SETTINGS_MODULE": "tollgate.config.settings",
        }
        migrated.fill(server.url)
        import django

        django.setup()
        found = measure(chosen.days, chosen.copies, chosen.calls, Path(folder))
    print(json.dumps(asdict(found), indent=1))


def measure(days_count: int, copies: int, calls: int, folder: Path) -> Found:
    """Every figure."""
    from django.db import connection

    from tests.store.lake_cast import Traffic
    from tollgate.actions.summaries import roll_up
    from tollgate.environment import lake_folder
    from tollgate.store.lake_files import write_day
    from tollgate.store.lake_groups import groups_of, write_groups
    from tollgate.store.models import Did, LakeFile
    from tollgate.store.queries import lake
    from tollgate.store.queries.breakout_days import lake_days

    at = datetime.now(UTC)
    days = [at.date() - timedelta(days=back) for back in range(days_count + 3, 3, -1)]
    traffic = Traffic()
    for day in days:
        took_s = timed(lambda day=day: traffic.day(day, calls))  # type: ignore[misc]
        say(f"{day}: {calls} calls made in {took_s:.1f} s")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE cdr")  # as a server does by itself within minutes
    roll_up()
    Did.objects.create(account=traffic.account, number="37060000003")
    written_s = {kind: median(partial(write_day, kind, traffic.account.pk, at=at), days) for kind in KINDS}
    files = [lake_folder() / file.path for file in LakeFile.objects.filter(kind="call")]
    written_s["groups"] = median(write_groups, files)
    sizes = ", ".join(f"{groups_of(files[0], level).stat().st_size >> 10} KB" for level in LEVELS)
    say(f"groups: a day made and checked in {written_s['groups']:.1f} s; {sizes}")
    for kind in KINDS:
        size = sum(LakeFile.objects.filter(kind=kind).values_list("bytes_count", flat=True))
        rows = sum(LakeFile.objects.filter(kind=kind).values_list("rows_count", flat=True))
        say(f"{kind}: a day written and checked in {written_s[kind]:.1f} s; {rows} rows, {size >> 20} MB")
    for back in range(1, copies + 1):
        copy_days(days[0], back, traffic.account.pk)
    span = Span(traffic.account.pk, day_begins(days[0]) - copies * timedelta(days=1), at)
    breakout_s = {}
    for words, question in BREAKOUTS.items():
        breakout_s[words] = median(lambda _, question=question: lake.breakout(question, span, at), THRICE)  # type: ignore[misc]
        say(f"breakout {words}: {breakout_s[words]:.2f} s")
    page_s = pages(traffic.account, span, at)
    compared_s = median(lambda _: lake_days(traffic.account, asked_by_page(("day",), span), at), THRICE)
    load = os.getloadavg()[0]
    newest_s = median(lambda _: lake.search(Search("call", ("id", "cld", "cost_micros")), span, at), THRICE)
    columns = ("id", "started_us", "customer_id", "cli", "cld", "duration_ms", "billed_s", "cost_micros", "state")
    one = Span(traffic.account.pk, day_begins(days[0]), day_begins(days[0]) + timedelta(days=1))
    file_lake_s = median(lambda _: lake.export(Search("call", columns), one, at, folder / "calls.csv"), THRICE)
    LakeFile.objects.filter(day_on=days[0]).delete()
    file_database_s = median(lambda _: lake.export(Search("call", columns), one, at, folder / "calls.csv"), THRICE)
    return Found(
        calls=calls * (days_count + copies),
        day_calls=calls,
        written_s=written_s,
        breakout_s=breakout_s,
        page_s=page_s,
        compared_s=compared_s,
        newest_s=newest_s,
        file_lake_s=file_lake_s,
        file_database_s=file_database_s,
        rated_per_s=rerate(traffic, span, at, folder),
        memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        load=load,
    )


def asked_by_page(dimensions: tuple[str, ...], span: Span) -> Question:
    """What the page asks of the whole period."""
    return Question(dimensions=dimensions, from_at=span.from_at, until_at=span.until_at)


def pages(account: Any, span: Span, at: datetime) -> dict[str, float]:
    """The page of breakouts about all calls: the function behind it, with the names it tells."""
    from tollgate.store.queries.breakout import breakout

    found = {}
    for dimensions, filters, cut in asked_pages():
        question = replace(asked_by_page(dimensions, span), filters=filters)
        words = ", ".join(DIMENSIONS[name].title for name in dimensions)
        words += "".join(f", {FILTERS[name]} {value}" for name, value in filters.items())
        words += "" if cut == Cut() else ", the dearest"
        begun = time.process_time()
        found[words] = median(lambda _, asked=question, cut=cut: breakout(account, asked, at, cut=cut), THRICE)  # type: ignore[misc]
        cpu_s = (time.process_time() - begun) / len(THRICE)
        say(f"page of breakouts by {words}: {found[words]:.2f} s, {cpu_s:.2f} s of this process")
    return found


def asked_pages() -> Iterator[tuple[tuple[str, ...], Mapping[str, str], Cut]]:
    """Each page: dimensions, filters, and which groups are its first."""
    yield from ((dimensions, {}, Cut()) for dimensions in PAGES)
    yield from ((dimensions, {}, Cut(by="cost_micros")) for dimensions in BY_COST)
    yield from ((dimensions, filters, Cut()) for dimensions, filters in FILTERED.items())


def copy_days(day: date, back: int, account_id: int) -> None:
    """The first day once more in the lake, as many days earlier: more to read without the time to make it."""
    import duckdb

    from tollgate.environment import lake_folder
    from tollgate.store.lake_damage import digest
    from tollgate.store.lake_files import file_sums
    from tollgate.store.lake_groups import GROUP_ROWS, groups_of
    from tollgate.store.models import LakeFile

    other = day - timedelta(days=back)
    for file in LakeFile.objects.filter(day_on=day):
        path = f"{file.kind}/account={account_id}/day={other}/v1.parquet"
        target = lake_folder() / path
        target.parent.mkdir(parents=True)
        source = lake_folder() / file.path
        levels = LEVELS if file.kind == "call" else ()
        known = {source: target} | {groups_of(source, level): groups_of(target, level) for level in levels}
        with duckdb.connect() as connection:
            for original, copy in known.items():
                rows = f"read_parquet('{original}', hive_partitioning = false)"
                moved = f"SELECT * REPLACE (started_us - {back * DAY_US} AS started_us) FROM {rows}"
                connection.sql(moved).write_parquet(str(copy), compression="zstd", row_group_size=GROUP_ROWS)
        LakeFile.objects.create(
            account_id=account_id, kind=file.kind, day_on=other, version=1, path=path, rows_count=file.rows_count,
            bytes_count=target.stat().st_size, sums=file_sums(file.kind, account_id, other, target),
            sha256=digest(target),
        )  # fmt: skip


def rerate(traffic: Any, span: Span, at: datetime, folder: Path) -> float:
    """All calls of the lake by a card of 50,000 prefixes, on one core: how many in a second of its time."""
    import duckdb

    from tests.store.lake_cast import PREFIXES
    from tollgate.store.queries import lake

    prefixes = [*PREFIXES, *(f"{first}9{number:05d}" for first in PREFIXES[:5] for number in range(10_000))]
    lines = [
        rate_line(place, traffic.revision.pk, prefix, simple(price_nanos=15_000_000))
        for place, prefix in enumerate(prefixes)
    ]
    columns = {field.name: [getattr(line, field.name) for line in lines] for field in fields(RateLine)}
    pq.write_table(pa.table(columns), folder / "rates.parquet")
    keys = keys_of(lines)
    assert keys is not None
    begins, places = zip(*spans(lines, keys), strict=True)
    pq.write_table(pa.table({"begin_key": begins, "place": places}), folder / "spans.parquet")
    files = [str(path) for path in lake.sides_of("call", span, at).files]
    with duckdb.connect(config={"threads": 1}) as connection:
        for name, file in (("rate_line", "rates"), ("rate_span", "spans")):
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM read_parquet('{folder / file}.parquet')")
        connection.execute(
            "CREATE VIEW rated_call AS"
            " SELECT id, customer_revision_id AS revision_id, number, duration_ms, cost_micros,"
            f" {free_text(Engine.duckdb)} AS free_s"
            f" FROM read_parquet({files}) WHERE customer_revision_id IS NOT NULL AND answered_us IS NOT NULL"
        )
        text = rating_text(Engine.duckdb, {len(prefix) for prefix in prefixes}, keys)
        begun = time.process_time()  # of one thread, so other work on the machine does not lengthen it
        row = connection.execute(
            "SELECT count(*), sum(new_cost_micros - cost_micros), count(*) FILTER (new_cost_micros <> cost_micros)"
            f" FROM ({text})"
        ).fetchone()
        took_s = time.process_time() - begun
    assert row is not None
    assert not row[2], f"{row[2]} calls differ by {row[1]} micros"
    return float(row[0]) / took_s


def median(work: Callable[[Any], object], over: Sequence[object]) -> float:
    """Seconds it takes, of as many times as there are values."""
    return statistics.median(timed(lambda value=value: work(value)) for value in over)  # type: ignore[misc]


def timed(work: Callable[[], object]) -> float:
    """Seconds it takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def say(words: str) -> None:
    """One figure, for who waits."""
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
