"""Claims about the lake on a real Spark cluster: a standalone master with two workers says what PostgreSQL says.

`make test-spark` runs them; without PySpark they are skipped.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.actions.bills import correct
from tests.actions.cast import EURO
from tests.actions.test_correction_notes import FEBRUARY, MARCH, World, billed
from tests.actions.test_invoice_runs import BEGIN
from tests.store.lake_cast import Traffic
from tests.store.test_lake import AT, BREAKOUTS, DAYS, SEARCHES, same_as_recalculation
from tollgate.core.breakout import Cut, Question
from tollgate.core.lake import (
    Breakout,
    Condition,
    Engine,
    Group,
    Search,
    Span,
    Statement,
    day_begins,
    search_statement,
)
from tollgate.store.lake_days import write_closed_days
from tollgate.store.lake_engines import DuckLake, LakeEngine, QuestionTooLong, SparkLake
from tollgate.store.models import Invoice, InvoiceLine, LakeFile, Rate
from tollgate.store.queries import lake
from tollgate.store.queries.breakout import breakout, every_group
from tollgate.store.queries.lake_rating import rerate

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason="make test-spark installs PySpark"),
    pytest.mark.filterwarnings("ignore"),  # PySpark's own
]
CALLS = 5_000


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A standalone master and two workers of one core each, on loopback."""
    import pyspark

    home = Path(str(pyspark.__file__)).parent
    work = tmp_path_factory.mktemp("spark")
    port, pages, first, second = (free_port() for _ in range(4))
    address = f"spark://127.0.0.1:{port}"
    surroundings = os.environ | {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": str(work)}
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    deploy = "org.apache.spark.deploy"
    commands = [[f"{deploy}.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(pages)]]
    commands += [
        [
            f"{deploy}.worker.Worker", address, "--host", "127.0.0.1", "--cores", "1", "--memory", "1g",
            "--webui-port", str(own), "--work-dir", str(work),
        ]
        for own in (first, second)
    ]  # fmt: skip
    with ExitStack() as stack:
        for place, command in enumerate(commands):
            log = stack.enter_context((work / f"{place}.log").open("wb"))
            process = subprocess.Popen(
                [home / "bin" / "spark-class", *command], env=surroundings, stdout=log, stderr=subprocess.STDOUT
            )
            stack.callback(process.wait, 300)
            stack.callback(process.terminate)
            if place == 0:
                until(lambda: b"Workers" in page(pages))
        until(lambda: page(pages).count(b"ALIVE") >= 3)  # the master and both workers
        yield address
        running: Any = importlib.import_module("pyspark.sql").SparkSession.getActiveSession()
        if running is not None:
            running.stop()


def page(port: int) -> bytes:
    """The master's own page; nothing while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return bytes(answer.read())
    except OSError:
        return b""


def until(holds: Any) -> None:
    """Waits until it holds."""
    deadline = time.monotonic() + 600
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.3)


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def same_breakouts(traffic: Traffic, span: Span, spark: SparkLake) -> None:
    """That the page of breakouts and its files tell the same, whoever answers of the lake's days."""
    asked: tuple[tuple[tuple[str, ...], Cut], ...] = (
        (("month", "week", "country"), Cut()),
        (("number", "day"), Cut(3)),
        (("cli", "destination"), Cut(3, "cli")),
        (("number", "reseller"), Cut(3, "cost_micros")),
    )
    for dimensions, cut in asked:  # the first day is told by its calls, because an hour of it is asked in part
        question = Question(dimensions=dimensions, from_at=span.from_at, until_at=AT)
        told, known = (breakout(traffic.account, question, AT, cut=cut, engine=one) for one in (spark, DuckLake()))
        assert told == known
    every, known_groups = (
        list(every_group(traffic.account, question, AT, cut=cut, engine=one)) for one in (spark, DuckLake())
    )
    assert every == known_groups


def statement_of(span: Span) -> Statement:
    """A question that takes for ever."""
    found = search_statement(Search("call", ("id",)), span, Engine.spark)
    found.text = "SELECT sum(a.id * b.id % 7) FROM range(4000000) AS a CROSS JOIN range(4000000) AS b"
    found.values = {}
    return found


def test_two_workers_say_what_postgresql_says(master: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    monkeypatch.setenv("TOLLGATE_STATEMENT_LIMIT_S", "0")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # Spark takes its time to begin
    traffic = Traffic()
    for day in DAYS:
        traffic.day(day, CALLS)
    traffic.correct(3, 17)
    span = Span(traffic.account.pk, day_begins(DAYS[0]) + timedelta(minutes=7), AT)
    before = [lake.breakout(question, span, AT) for question in BREAKOUTS]
    listed = [lake.search(question, span, AT) for question in SEARCHES]
    assert len(write_closed_days(AT)) == 6
    assert len(lake.sides_of("entry", span, AT + timedelta(days=1)).files) == 3
    spark = SparkLake(master)
    assert [lake.breakout(question, span, AT, engine=spark) for question in BREAKOUTS] == before
    assert [lake.search(question, span, AT, engine=spark) for question in SEARCHES] == listed
    same_breakouts(traffic, span, spark)
    session: Any = importlib.import_module("pyspark.sql").SparkSession.getActiveSession()
    known = session.sparkContext._jsc.sc()
    until(lambda: known.getExecutorMemoryStatus().size() == 3)  # two workers and the driver

    question, files = statement_of(span), {"lake_call": lake.sides_of("call", span, AT).files}
    with pytest.raises(QuestionTooLong):
        spark.rows(question, files, limit_s=2)  # comes back at all because the cluster was told to end it
    with ThreadPoolExecutor(1) as other:
        waits = other.submit(spark.rows, question, files, limit_s=8)
        until(spark._turn.locked)
        with pytest.raises(QuestionTooLong):
            spark.rows(question, files, limit_s=1)
        with pytest.raises(QuestionTooLong):
            waits.result()
    assert [lake.breakout(one, span, AT, engine=spark) for one in BREAKOUTS[:1]] == before[:1], "and takes the next"

    again = rerate(span, AT, engine=spark)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT customer_id, currency, count(*), sum(cost_micros) FROM cdr WHERE answered_at IS NOT NULL"
            " AND started_at >= %s GROUP BY 1, 2 ORDER BY 2, 1",
            [span.from_at],
        )
        told = cursor.fetchall()
    assert [(one.customer_id, one.currency, one.calls, one.charged_micros) for one in again] == told
    assert {(one.different, one.unrated, one.difference_micros) for one in again} == {(0, 0, 0)}
    Rate.objects.filter(prefix="44").update(price_nanos=15_000_001, increment_s=7, initial_s=30)
    dearer = rerate(span, AT, engine=spark)
    assert dearer == rerate(span, AT, engine=DuckLake())
    assert any(one.different for one in dearer)
    same_as_recalculation(traffic, span, dearer)


BILLED = Breakout(
    "entry",
    ("amount_micros",),
    ("owner_id",),
    Group(
        (
            Condition("owner_kind", "eq", "customer"),
            Condition("kind", "in", ("call", "overrun", "adjustment", "correction")),
        )
    ),
)
"""What the ledger has charged customers for calls, corrections included."""


def charged_in(invoice: Invoice, engine: LakeEngine | None = None) -> dict[int, int]:
    """What the calls of an invoice's period came to before tax, by customer."""
    assert invoice.usage_from_at is not None
    assert invoice.usage_until_at is not None
    span = Span(invoice.account_id, invoice.usage_from_at, invoice.usage_until_at)
    return {int(str(owner)): -int(str(micros)) for owner, _, micros in lake.breakout(BILLED, span, AT, engine=engine)}


def documents_of(invoice: Invoice) -> tuple[int, int]:
    """What documents bill of the calls of an invoice's period before tax: their lines as exactly as they are made, and
    the net of these documents without what rounding to cents has added."""
    lines = InvoiceLine.objects.filter(
        invoice__customer_id=invoice.customer_id,
        kind__in=("usage", "correction"),
        usage_from_at__gte=invoice.usage_from_at,
        usage_from_at__lt=invoice.usage_until_at,
    ).exclude(invoice__state="void")
    documents = {line.invoice for line in lines.select_related("invoice")}
    sign = {"credit_note": -1}
    exact = sum(sign.get(line.invoice.kind, 1) * line.exact_micros for line in lines)
    net = sum(sign.get(one.kind, 1) * (one.net_micros - one.rounding_micros) for one in documents)
    return exact, net


def test_documents_bill_what_two_workers_add_up(master: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))
    monkeypatch.setenv("TOLLGATE_STATEMENT_LIMIT_S", "0")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    baltic = World()
    dana = World.of(baltic, "Dana")
    baltic.costs(2 * EURO)
    for one, odd in ((baltic, 7), (dana, 4_999)):
        one.talks([one.baltic], 2 * EURO, 2 * EURO + odd, 2 * EURO)
        one.talks([one.baltic], 5 * EURO + odd, at=BEGIN + timedelta(days=35))
    correct(dana.baltic, 333_333)  # before its invoice, which bills what is left
    for one in (baltic, dana):
        billed(one.baltic, FEBRUARY)
        billed(one.baltic, MARCH)
    baltic.costs(1_500_001)
    baltic.recalculated()
    invoices = list(Invoice.objects.filter(kind="invoice").order_by("pk"))
    notes = list(Invoice.objects.filter(kind="credit_note"))
    assert (len(invoices), len(notes)) == (4, 2)
    known = [charged_in(invoice) for invoice in invoices]
    assert write_closed_days(AT)
    LakeFile.objects.update(written_at=AT + timedelta(hours=1))  # nothing of the last minutes may be missing in them
    assert len(lake.sides_of("entry", Span(baltic.account.pk, BEGIN, MARCH), AT).files) == 2
    spark = SparkLake(master)
    for invoice, before in zip(invoices, known, strict=True):
        told = charged_in(invoice, spark)
        assert told == before == charged_in(invoice, DuckLake())
        assert documents_of(invoice) == (told[invoice.customer_id],) * 2
    noted = {note.corrects_id for note in notes}
    assert all(
        charged_in(invoice, spark)[invoice.customer_id] < invoice.exact_micros
        for invoice in invoices
        if invoice.pk in noted
    ), "the notes count"
