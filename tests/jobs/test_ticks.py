"""Claims about what ticks in the workers: a delayed save is done once, whoever dies in the middle of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack

import psycopg

from tests.jobs.installation import MODULE, ROOT, Installation

PUT_OFF = """
from datetime import UTC, datetime, timedelta
import django
django.setup()
from tollgate.actions.accounts import create_account
from tollgate.actions.acts import Actor, acting
from tollgate.actions.customers import create_customer
from tollgate.actions.delays import delay_save
from tollgate.actions.users import create_user, create_user_group
with acting(Actor("setup", frozenset({"*"}))):
    account = create_account(name="Demo Telecom", currency="EUR")
    group = create_user_group(name="Operators", acts=["*"])
    ann = create_user(name="Ann", email="ann@demo.example", password="correct horse battery", group_ids=[group.pk])
    ids = [create_customer(account_id=account.pk, name=f"Acme {n}", currency="EUR").pk for n in range(9)]
with acting(Actor(ann.email, frozenset({"*"}), "promised", "user", ann.pk)):
    for customer_id in ids:
        due_at = datetime.now(UTC) + timedelta(seconds=0 if customer_id == ids[0] else 1)
        delay_save(act="update_customer", arguments={"customer_id": customer_id, "channels": 5}, due_at=due_at)
print(ids[0])
"""


def until(true: Callable[[], object], what: str, timeout_s: float = 90) -> None:
    """Waits for it."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"still waiting: {what}"
        time.sleep(0.1)


def test_two_workers_do_each_delayed_save_once_though_one_is_killed_in_the_middle(empty: Installation) -> None:
    environment = empty.environment() | {"DJANGO_SETTINGS_MODULE": "tollgate.config.settings"}
    made = subprocess.run(
        [sys.executable, "-c", PUT_OFF], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    held = int(made.stdout)
    waiting = (
        "SELECT application_name FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    states = "SELECT state, count(*) FROM delayed_save GROUP BY state ORDER BY state"
    with ExitStack() as stack, psycopg.connect(empty.url) as holder:
        holder.execute("SELECT 1 FROM customer WHERE id = %s FOR UPDATE", [held])
        workers = {}
        for name in ("first", "second"):
            own = environment | {"PGAPPNAME": name}
            workers[name] = stack.enter_context(subprocess.Popen([*MODULE, "work"], cwd=ROOT, env=own))
            stack.callback(workers[name].kill)
        until(lambda: empty.rows(waiting), "a worker in the middle of the save whose customer is held")
        until(lambda: empty.rows(states) == [("done", 8), ("pending", 1)], "the other worker, which passes it by")
        ((busy,),) = empty.rows(waiting)
        os.kill(workers[busy].pid, signal.SIGKILL)
        workers[busy].wait()
        assert empty.rows(states) == [("done", 8), ("pending", 1)]
        holder.commit()
        until(lambda: empty.rows(states) == [("done", 9)], "the worker that lives takes it over")
        for worker in workers.values():
            worker.send_signal(signal.SIGTERM)
        assert [worker.wait(60) for name, worker in workers.items() if name != busy] == [0]
    assert empty.rows("SELECT DISTINCT channels FROM customer") == [(5,)]
    changes = "SELECT count(*), count(DISTINCT row_id) FROM audit WHERE table_name = 'customer' AND verb = 'UPDATE'"
    assert empty.rows(changes) == [(9, 9)]
