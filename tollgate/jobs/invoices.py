"""The unattended invoice run on every core: processes beside the worker share the customers, and give way to calls.

Few customers are billed by the worker itself. What a process leaves undone because it died, the next run does. Who is
billed and how is in `actions.invoice_runs`, imported where it is used: a new process reads this file before it has
set up Django.
"""

from __future__ import annotations

import os
import signal
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from multiprocessing import get_context
from typing import Final

LEAST: Final = 200
"""From so many customers on it pays to begin processes."""
AT_ONCE: Final = 20
"""Customers that a process takes at a time: no process waits long for another at the end."""
NICE: Final = 10


def run_on_every_core(at: datetime, *, processes: int | None = None, least: int = LEAST) -> int:
    """Bills every customer that is due; how many documents. Raises BrokenProcessPool when a process was killed."""
    from tollgate.actions.invoice_runs import due_customers, run_invoices

    found = due_customers()
    count = processes or len(os.sched_getaffinity(0))
    if count < 2 or len(found) < least:
        return len(run_invoices(at))
    parts = [found[place : place + AT_ONCE] for place in range(0, len(found), AT_ONCE)]
    with ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_begin) as pool:
        return sum(pool.map(_bill, parts, [at] * len(parts)))


def _begin() -> None:
    """A new process: Django on the database that the environment names. Ctrl-C is the worker's affair."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICE)
    import django

    django.setup()


def _bill(customer_ids: list[int], at: datetime) -> int:
    from tollgate.actions.invoice_runs import run_invoices

    return len(run_invoices(at, customer_ids=customer_ids))
