"""Who answers questions about the files of the lake: DuckDB in this process, or a Spark cluster.

`TOLLGATE_LAKE` chooses: nothing for DuckDB, `spark://host:port` for Spark, which then has to see the same folder. To
add an engine, write a class with the methods of `LakeEngine`, give it its marks in `core.lake.Engine`, and choose it in
`engine_of_installation`.
"""

from __future__ import annotations

import csv
import importlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import uuid4

import duckdb
import pyarrow as pa

from tollgate import environment
from tollgate.core.lake import Engine, Statement
from tollgate.store.lake_damage import telling

CANCELED_EVERY_S: Final = 0.2


Names = Mapping[str, Sequence[tuple[int, str]]]
"""Tables of id and name."""
Beside = Mapping[str, pa.Table]
"""Tables in memory that a text names beside those of files."""
BATCH_ROWS: Final = 5_000


class QuestionTooLong(Exception):
    """The answer took longer than it may."""


class LakeEngine(Protocol):
    """What a question of the lake needs. Each raises `lake_damage.DayUnreadable` for a file that cannot be read."""

    engine: Engine

    def rows(
        self,
        statement: Statement,
        tables: Mapping[str, Sequence[Path]],
        *,
        beside: Beside | None = None,
        limit_s: int = 0,
    ) -> list[tuple[Any, ...]]:
        """The answer; `tables` names the Parquet files behind each name of the text.

        Raises QuestionTooLong after `limit_s` seconds, unless that is 0.
        """

    def batches(
        self, statement: Statement, tables: Mapping[str, Sequence[Path]], *, beside: Beside | None = None
    ) -> Iterator[list[tuple[Any, ...]]]:
        """The answer, some rows at a time, however long it is."""

    def write_csv(
        self,
        statement: Statement,
        tables: Mapping[str, Sequence[Path]],
        target: Path,
        *,
        names: Names | None = None,
        header: bool = True,
    ) -> None:
        """The answer as a CSV file; `names` are tables of id and name beside the files."""


def engine_of_installation() -> LakeEngine:
    """The engine that `TOLLGATE_LAKE` names."""
    chosen = environment.text("TOLLGATE_LAKE", "duckdb")
    if chosen.startswith("spark://"):
        return SparkLake(chosen)
    if chosen != "duckdb":
        raise environment.SettingInvalid("TOLLGATE_LAKE must be duckdb or spark://host:port")
    return DuckLake()


class DuckLake:
    """DuckDB in this process: every question has a database of its own in memory, with nothing to install or load."""

    engine = Engine.duckdb

    def __init__(self, threads: int | None = None) -> None:
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": False,
        }
        if threads is not None:
            self._config["threads"] = threads

    def rows(
        self,
        statement: Statement,
        tables: Mapping[str, Sequence[Path]],
        *,
        beside: Beside | None = None,
        limit_s: int = 0,
    ) -> list[tuple[Any, ...]]:
        """The answer."""
        reading = telling(tables, but=QuestionTooLong)
        with reading, duckdb.connect(config=self._config) as connection, _ended_after(connection, limit_s):
            _show(connection, tables, beside)
            return connection.execute(statement.text, statement.values).fetchall()

    def batches(
        self, statement: Statement, tables: Mapping[str, Sequence[Path]], *, beside: Beside | None = None
    ) -> Iterator[list[tuple[Any, ...]]]:
        """The answer, some rows at a time."""
        with telling(tables, but=QuestionTooLong), duckdb.connect(config=self._config) as connection:
            _show(connection, tables, beside)
            asked = connection.execute(statement.text, statement.values)
            while found := asked.fetchmany(BATCH_ROWS):
                yield found

    def write_csv(
        self,
        statement: Statement,
        tables: Mapping[str, Sequence[Path]],
        target: Path,
        *,
        names: Names | None = None,
        header: bool = True,
    ) -> None:
        """The answer as a CSV file, written by all threads."""
        with telling(tables, but=QuestionTooLong), duckdb.connect(config=self._config) as connection:
            _show(connection, tables)
            for name, rows in (names or {}).items():
                known = pa.table({"id": [row[0] for row in rows], "name": [row[1] for row in rows]}, schema=_NAMES)
                connection.register(name, known)
            connection.sql(statement.text, params=statement.values).write_csv(str(target), header=header)


_NAMES: Final = pa.schema([("id", pa.int64()), ("name", pa.string())])


@contextmanager
def _ended_after(connection: duckdb.DuckDBPyConnection, limit_s: int) -> Iterator[None]:
    """Interrupts what the connection does when the time is over."""
    timer = threading.Timer(limit_s, connection.interrupt)
    if limit_s:
        timer.start()
    try:
        yield
    except duckdb.InterruptException:
        raise _too_long(limit_s) from None
    finally:
        timer.cancel()


def _show(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Sequence[Path]], beside: Beside | None = None
) -> None:
    for name, files in tables.items():
        listed = ", ".join(quoted(path) for path in files)
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet([{listed}])")  # noqa: S608 - our own files
    for name, table in (beside or {}).items():
        connection.register(name, table)


def quoted(path: Path) -> str:
    """A path as text of SQL."""
    return "'" + str(path).replace("'", "''") + "'"


WHOLE: Final = pa.decimal128(38, 0)
"""A whole number of any size, such as a sum."""
NARROW: Final = pa.decimal128(18, 0)
"""One that engines add up as quickly as any whole number."""
_SPARK_TYPES: Final = {
    pa.int64(): "bigint",
    pa.string(): "string",
    WHOLE: "decimal(38, 0)",
    NARROW: "decimal(18, 0)",
}


class SparkLake:
    """A Spark cluster (PySpark, and Java on this machine, are needed; `make test-spark` shows how)."""

    engine = Engine.spark
    _turn = threading.Lock()
    """One question at a time: the names of files belong to the session, which a process has once."""

    def __init__(self, master: str) -> None:
        self._session: Callable[[], Any] = lambda: _spark(master)

    def rows(
        self,
        statement: Statement,
        tables: Mapping[str, Sequence[Path]],
        *,
        beside: Beside | None = None,
        limit_s: int = 0,
    ) -> list[tuple[Any, ...]]:
        """The answer. The time that it waits for its turn counts: whoever asks waits no longer than `limit_s`."""
        begun = time.monotonic()
        if not self._turn.acquire(timeout=limit_s or -1):
            raise _too_long(limit_s)
        try:
            session = self._session()
            reading = telling(tables, but=QuestionTooLong)
            with reading, _canceled_after(session.sparkContext, limit_s, since=begun):
                return [tuple(row) for row in self._asked(statement, tables, beside).collect()]
        finally:
            self._turn.release()

    def batches(
        self, statement: Statement, tables: Mapping[str, Sequence[Path]], *, beside: Beside | None = None
    ) -> Iterator[list[tuple[Any, ...]]]:
        """The answer, some rows at a time; one partition at a time comes through this process."""
        with self._turn, telling(tables, but=QuestionTooLong):
            rows = map(tuple, self._asked(statement, tables, beside).toLocalIterator())
            while found := list(islice(rows, BATCH_ROWS)):
                yield found

    def write_csv(
        self,
        statement: Statement,
        tables: Mapping[str, Sequence[Path]],
        target: Path,
        *,
        names: Names | None = None,
        header: bool = True,
    ) -> None:
        """The answer as a CSV file: rows come one partition at a time through this process."""
        reading = telling(tables, but=QuestionTooLong)
        with self._turn, reading, target.open("w", encoding="utf-8", newline="") as file:
            session = self._session()
            for name, rows in (names or {}).items():
                session.createDataFrame(list(rows), "id bigint, name string").createOrReplaceTempView(name)
            answer = self._asked(statement, tables)
            writer = csv.writer(file, lineterminator="\n")
            if header:
                writer.writerow(answer.columns)
            writer.writerows(tuple(row) for row in answer.toLocalIterator())

    def _asked(self, statement: Statement, tables: Mapping[str, Sequence[Path]], beside: Beside | None = None) -> Any:
        session = self._session()
        for name, table in (beside or {}).items():
            known = ", ".join(f"{field.name} {_SPARK_TYPES[field.type]}" for field in table.schema)
            rows = [tuple(row.values()) for row in table.to_pylist()]
            session.createDataFrame(rows, known).createOrReplaceTempView(name)
        for name, files in tables.items():
            session.read.parquet(*(f"file://{path}" for path in files)).createOrReplaceTempView(name)
        return session.sql(statement.text, args=statement.values)


@contextmanager
def _canceled_after(context: Any, limit_s: int, *, since: float) -> Iterator[None]:
    """Cancels what this thread has the cluster do when the time is over, counted from an instant of `time.monotonic`.

    An answer takes several jobs, one after the other, so what begins after the first canceled one is canceled too.
    """
    if not limit_s:
        yield
        return
    group, done, over = f"question {uuid4().hex}", threading.Event(), threading.Event()

    def watch() -> None:
        if done.wait(max(0.0, since + limit_s - time.monotonic())):
            return
        over.set()
        while not done.wait(CANCELED_EVERY_S):
            context.cancelJobGroup(group)

    context.setJobGroup(group, f"at most {limit_s} s", interruptOnCancel=True)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    except Exception:
        if over.is_set():
            raise _too_long(limit_s) from None
        raise
    finally:
        done.set()
        watcher.join()


def _too_long(limit_s: int) -> QuestionTooLong:
    return QuestionTooLong(f"The lake had no answer after {limit_s} seconds.")


def _spark(master: str) -> Any:
    """The session of this process, which Spark keeps itself. ANSI rules: what leaves its range is an error."""
    try:
        spark: Any = importlib.import_module("pyspark.sql")
    except ImportError:
        raise environment.SettingInvalid(
            "TOLLGATE_LAKE names a Spark cluster, and PySpark is not installed: pip install 'tollgate-voip[spark]'"
        ) from None
    builder = spark.SparkSession.builder.master(master).appName("tollgate")
    for name, value in {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "8",
    }.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
