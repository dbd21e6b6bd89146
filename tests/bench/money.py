"""Measures money: calls rolled up, exported and broken out, the month closed with every document, the books compared.

`python -m tests.bench.money` makes its own PostgreSQL and the month of `month.py` in a temporary folder, and prints
JSON; what can be done again is the middle of three. The month is closed by the unattended run, and then every document
is made as it goes out: PDF with the e-invoice inside. Then calls are corrected, the next month is closed too, and
summaries, records, entries and invoices must say the same of each customer to the last unit, and the doctor find
nothing: otherwise there are no figures. To measure another thing, add it to `measure` and to `page.money`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests import migrated
from tests.bench.charging import postgres_cpu_s
from tollgate.jobs.postgres import Postgres

if TYPE_CHECKING:
    from tests.bench.month import Month

ROOT: Final = Path(__file__).parents[2]
THRICE: Final = 3
AFTER: Final = 50
"""One in so many calls is of the month after."""
CORRECTED: Final = 250
"""One in so many calls is corrected before the month is closed, and as many after it."""
SAID: Final = {
    "summaries": "SELECT customer_id, sum(cost_micros + correction_micros) FROM summary WHERE account_id = %(account)s"
    " AND customer_id IS NOT NULL GROUP BY 1",
    "records": "SELECT customer_id, sum(micros) FROM (SELECT customer_id, cost_micros AS micros FROM cdr"
    " WHERE account_id = %(account)s UNION ALL SELECT wallet.owner_id, -amount_micros FROM entry"
    " JOIN wallet ON wallet.id = entry.wallet_id WHERE entry.account_id = %(account)s AND wallet.kind = 'customer'"
    " AND call_id IS NOT NULL AND entry.kind IN ('correction', 'adjustment')) AS line GROUP BY 1",
    "entries": "SELECT owner_id, -sum(amount_micros) FROM entry JOIN wallet ON wallet.id = entry.wallet_id"
    " WHERE entry.account_id = %(account)s AND wallet.kind = 'customer' AND call_id IS NOT NULL GROUP BY 1",
    "invoices": "SELECT customer_id, sum(CASE invoice.kind WHEN 'credit_note' THEN -1 ELSE 1 END * line.exact_micros)"
    " FROM invoice_line AS line JOIN invoice ON"
    " invoice.id = line.invoice_id WHERE account_id = %(account)s AND state = 'issued'"
    " AND line.kind IN ('usage', 'correction') GROUP BY 1",
}
OWED: Final = {
    "wallets": "SELECT owner_id, -balance_micros FROM wallet WHERE account_id = %(account)s AND kind = 'customer'",
    "totals": "SELECT customer_id, sum(CASE kind WHEN 'credit_note' THEN -1 ELSE 1 END * total_micros) FROM invoice"
    " WHERE account_id = %(account)s AND state = 'issued'"
    " GROUP BY 1",
}
BOUGHT: Final = {
    "summaries": "SELECT carrier_id, sum(carrier_cost_micros + carrier_correction_micros) FROM summary"
    " WHERE account_id = %(account)s AND carrier_id IS NOT NULL GROUP BY 1",
    "entries": "SELECT owner_id, sum(amount_micros) FROM entry JOIN wallet ON wallet.id = entry.wallet_id"
    " WHERE entry.account_id = %(account)s AND wallet.kind = 'carrier' AND call_id IS NOT NULL GROUP BY 1",
    "wallets": "SELECT owner_id, balance_micros FROM wallet WHERE account_id = %(account)s AND kind = 'carrier'",
}


@dataclass(frozen=True, slots=True)
class Took:
    """How long something took; its CPU, which other work on the machine does not lengthen; the load afterwards."""

    wall_s: float
    cpu_s: float
    load: float


@dataclass(frozen=True, slots=True)
class Closed:
    """How the month was closed: the run, then the documents."""

    run: Took
    documents: Took
    bytes: int
    e_invoices: int


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured."""

    calls: int
    customers: int
    processes: int
    rolled_up: Took
    exported: Took
    export_bytes: int
    breakouts: dict[str, Took]
    close: Closed
    documents: int
    lines: int
    corrections: int
    correction_lines: int
    usage_micros: int
    examined: Took
    """By the doctor."""


def measure(server: Postgres, calls: int, customers: int, processes: int) -> Found:
    """Every figure, in order; raises AssertionError where the books differ."""
    from tests.bench.month import prepare
    from tollgate.actions.summaries import roll_up
    from tollgate.jobs.doctor import WRONG, Finding, examine
    from tollgate.store.models import Invoice, InvoiceLine

    month = prepare(customers, datetime.now(UTC))
    tell(f"{customers} customers; calls are made")
    month.call(month.begin_on, month.end_on, calls)
    rolled_up = medial(server, roll_up, before=forget_summaries)
    tell(f"{calls} calls rolled up: {rolled_up}")
    size: list[int] = []
    exported = medial(server, lambda: size.append(export(month)))
    tell(f"{calls} calls exported, {size[0] >> 20} MB: {exported}")
    breakouts = broken_out(month, server)
    month.correct(calls // CORRECTED)
    closed = close(month, server, processes)
    issued = Invoice.objects.filter(state="issued", kind="invoice").count()
    assert issued == customers, f"{issued} invoices of {customers} customers"
    lines = InvoiceLine.objects.count()
    month.call(month.end_on, month.after_on, calls // AFTER)
    month.correct(calls // CORRECTED)
    close_after(month)
    roll_up()
    usage = agreed(month)
    findings: list[Finding] = []
    examined = timed(server, lambda: findings.extend(examine(server.url)))
    tell(f"the doctor: {examined}")
    wrong = [finding for finding in findings if finding.state == WRONG]
    assert not wrong, wrong
    return Found(
        calls=calls,
        customers=customers,
        processes=processes,
        rolled_up=rolled_up,
        exported=exported,
        export_bytes=size[0],
        breakouts=breakouts,
        close=closed,
        documents=issued,
        lines=lines,
        corrections=month.corrected,
        correction_lines=InvoiceLine.objects.filter(kind="correction").count(),
        usage_micros=usage,
        examined=examined,
    )


def export(month: Month) -> int:
    """All CDRs as the CSV of their page, with the columns it shows; its size in bytes."""
    from tollgate.panel.call_search import CallSource
    from tollgate.panel.calls import CDRS
    from tollgate.ui.exports import csv_response
    from tollgate.ui.sources import Query

    query = Query(sort=CDRS.sort.removeprefix("-"), descending=CDRS.sort.startswith("-"))
    answer = csv_response("cdrs", CDRS.visible, CallSource(month.account, None, datetime.now(UTC)), query)
    return sum(map(len, answer))


def broken_out(month: Month, server: Postgres) -> dict[str, Took]:
    """What the page of breakouts takes for some questions about the whole month."""
    from tollgate.core.breakout import Question
    from tollgate.store.queries.breakout import breakout

    begin, end = month.closed_at(month.begin_on), month.closed_at(month.end_on)
    questions = {
        "customer": ("customer",),
        "day and carrier": ("day", "carrier"),
        "country and destination": ("country", "destination"),
    }
    return {
        words: medial(server, partial(breakout, month.account, Question(dimensions=asked, from_at=begin, until_at=end)))
        for words, asked in questions.items()
    }


def close(month: Month, server: Postgres, processes: int) -> Closed:
    """The unattended run in so many processes, as a worker begins them; then every document, each process its part."""
    from django.db import connections

    from tollgate.jobs.invoices import run_on_every_core

    at = month.closed_at(month.end_on)
    begun_s = _children_s()
    run = timed(server, lambda: run_on_every_core(at, processes=processes, least=1))
    run = replace(run, cpu_s=run.cpu_s + _children_s() - begun_s)
    tell(f"the run: {run}")
    connections.close_all()  # a child must not speak through its parent's
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        parts: list[tuple[float, int, int]] = []
        places = [(place, processes) for place in range(processes)]
        documents = timed(server, lambda: parts.extend(pool.starmap(_documents, places, chunksize=1)))
        documents = replace(documents, cpu_s=documents.cpu_s + sum(part[0] for part in parts))
        tell(f"the documents: {documents}")
    return Closed(run, documents, sum(part[1] for part in parts), sum(part[2] for part in parts))


def _children_s() -> float:
    """Seconds of CPU of the processes that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _documents(place: int, processes: int) -> tuple[float, int, int]:
    """Every document of one process as it goes out: seconds of CPU, bytes, and how many bear an e-invoice."""
    from tollgate.actions.invoice_documents import file_of
    from tollgate.store.models import Invoice

    begun_s, size, e_invoices = time.process_time(), 0, 0
    for invoice in Invoice.objects.filter(state="issued").select_related("customer").order_by("pk"):
        if invoice.pk % processes == place:
            _, made = file_of(invoice)
            size += len(made)
            e_invoices += b"factur-x.xml" in made
    return time.process_time() - begun_s, size, e_invoices


def close_after(month: Month) -> None:
    """The month after, with what was corrected since."""
    from tollgate.actions.invoice_runs import run_invoices
    from tollgate.store.models import Customer

    run_invoices(month.closed_at(month.after_on))
    parked = list(Customer.objects.exclude(parked_at=None).values_list("name", "parked_reason"))
    assert not parked, parked


def agreed(month: Month) -> int:
    """What all calls cost, once summaries, records, entries and invoices say the same of each customer."""
    from django.db import connection

    def told(statement: str) -> dict[int, int]:
        with connection.cursor() as cursor:
            cursor.execute(statement, {"account": month.account.pk})
            return {owner: int(micros) for owner, micros in cursor.fetchall() if micros}

    for laws in (SAID, OWED, BOUGHT):
        (first, truth), *others = [(name, told(statement)) for name, statement in laws.items()]
        for name, also in others:
            different = {owner for owner in truth.keys() | also.keys() if truth.get(owner) != also.get(owner)}
            assert not different, f"{first} and {name} differ of {len(different)}: {sorted(different)[:10]}"
    return sum(told(SAID["records"]).values())


def timed(server: Postgres, work: Callable[[], object]) -> Took:
    """Runs it once. The CPU is that of this process and of PostgreSQL."""
    assert server.pid is not None
    begun = time.perf_counter(), time.process_time() + postgres_cpu_s(server.pid)
    work()
    wall_s, cpu_s = time.perf_counter() - begun[0], time.process_time() + postgres_cpu_s(server.pid) - begun[1]
    return Took(wall_s, cpu_s, os.getloadavg()[0])


def medial(server: Postgres, work: Callable[[], object], *, before: Callable[[], object] | None = None) -> Took:
    """The one in the middle of three times."""
    found = []
    for _ in range(THRICE):
        if before is not None:
            before()
        found.append(timed(server, work))
    return sorted(found, key=lambda took: took.wall_s)[THRICE // 2]


def forget_summaries() -> None:
    """As before the first roll-up."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE summary, resale_summary")
        cursor.execute("UPDATE summary_progress SET reached = 0, within_at = NULL")


def tell(words: str) -> None:
    """Progress, for who waits."""
    print(words, file=sys.stderr, flush=True)


def main() -> None:
    """Makes the month, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2, help="that close the month")
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
        found = measure(server, chosen.calls, chosen.customers, chosen.processes)
    print(json.dumps(asdict(found), indent=1))


if __name__ == "__main__":
    main()
