"""Measures money: calls rolled up, exported and broken out, the month closed with every document, the books compared.

`python -m tests.bench.money` makes its own PostgreSQL and the month of `month.py` in a temporary folder, and prints
JSON; what can be done again is the middle of three. The month is closed by the unattended run, and then every document
is made as it goes out: PDF with the e-invoice inside. Then others join in who pay ahead, in other currencies, or below
resellers, calls are corrected, bills credited, payments refunded, the next month is closed too, and summaries, records,
entries and invoices must say the same of each customer to the last unit (`books.py`), and the doctor find nothing:
otherwise there are no figures. To measure another thing, add it to `measure` and to `page.money`.
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
from datetime import UTC, date, datetime
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
AFTER: Final = 20
"""So many calls of each customer are of the month after, which bears what was corrected of the one before."""
CORRECTED: Final = 2500
"""One in so many calls is looked at anew by each of those who correct: before the close, and twice after it."""
CORRECTED_LEAST: Final = 20
OTHERS: Final = 10
"""For so many calls of who is measured, others make one."""


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
    others: int
    """Customers who pay ahead, in other currencies, below resellers; they come after what is measured."""
    others_calls: int
    corrections: int
    """Entries of recalculations."""
    correction_lines: int
    notes: int
    """On bills whose calls were corrected."""
    usage_micros: dict[str, int]
    """By currency."""
    examined: Took
    """By the doctor."""


def measure(server: Postgres, calls: int, customers: int, processes: int) -> Found:
    """Every figure, in order; raises AssertionError where the books differ."""
    from tests.bench.books import agreed
    from tests.bench.corrections import correct
    from tests.bench.month import prepare
    from tollgate.actions.summaries import roll_up
    from tollgate.jobs.doctor import WRONG, Finding, examine
    from tollgate.store.models import Invoice, InvoiceLine

    month = prepare(customers, datetime.now(UTC))
    tell(f"{customers} customers; calls are made")
    month.call(month.begin_on, month.end_on, calls, month.callers)
    rolled_up = medial(server, roll_up, before=forget_summaries)
    tell(f"{calls} calls rolled up: {rolled_up}")
    size: list[int] = []
    exported = medial(server, lambda: size.append(export(month)))
    tell(f"{calls} calls exported, {size[0] >> 20} MB: {exported}")
    breakouts = broken_out(month, server)
    looked_at = max(CORRECTED_LEAST, calls // CORRECTED)
    corrections = correct(month, looked_at)
    tell(f"{corrections} corrections before the close")
    closed = close(month, server, processes)
    issued = Invoice.objects.filter(state="issued", kind="invoice").count()
    assert issued == customers, f"{issued} invoices of {customers} customers"
    lines = InvoiceLine.objects.count()
    corrections += go_on(month, calls, looked_at)
    roll_up()
    usage = agreed(month.account.pk)
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
        others=len(month.others),
        others_calls=month.made - calls - AFTER * customers,
        corrections=corrections,
        correction_lines=InvoiceLine.objects.filter(kind="correction").count(),
        notes=Invoice.objects.filter(recalculation__isnull=False, state="issued").count(),
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
        words: medial(
            server, partial(breakout, month.account, Question(dimensions=asked, from_at=begin, until_at=end), end)
        )
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


def go_on(month: Month, calls: int, looked_at: int) -> int:
    """Others call in the month and are billed for it, all call in the month after, people correct both, and that month
    is billed too; gives how many corrections that took."""
    from tests.bench.corrections import by_hand, correct

    month.join(max(1, len(month.callers) // 200))
    month.call(month.begin_on, month.end_on, calls // OTHERS, month.others)
    corrections = correct(month, looked_at)
    bill(month, month.end_on)
    month.call(month.end_on, month.after_on, AFTER * len(month.callers), month.callers)
    month.call(month.end_on, month.after_on, calls // OTHERS, month.others)
    by_hand(month)
    corrections += correct(month, looked_at)
    tell(f"{corrections} corrections after the close")
    bill(month, month.after_on)
    return corrections


def bill(month: Month, until_on: date) -> None:
    """All that is over by a day and on no document."""
    from tollgate.actions.invoice_runs import run_invoices
    from tollgate.store.models import Customer

    run_invoices(month.closed_at(until_on))
    parked = list(Customer.objects.exclude(parked_at=None).values_list("name", "parked_reason"))
    assert not parked, parked


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
        cursor.execute("TRUNCATE summary, resale_summary, outcome_summary")
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
            "DJANGO_SETTINGS_MODULE": "tollgate.config.settings",
        }
        migrated.fill(server.url)
        import django

        django.setup()
        found = measure(server, chosen.calls, chosen.customers, chosen.processes)
    print(json.dumps(asdict(found), indent=1))


if __name__ == "__main__":
    main()
