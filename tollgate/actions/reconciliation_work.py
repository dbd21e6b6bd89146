"""Compares a carrier's statement with our calls: read the files, match, write lines and sums, make them the ones that
count.

`compare_next` is the tick. A session's lock keeps each statement to one worker, and falls with it: lines of a run that
never came to its end count for nothing, and the next worker begins anew. No transaction lasts.
To compare another kind of file, add it to `core.carrier_files` and to `_added`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from django.db import connection, transaction

from tollgate.actions import records
from tollgate.actions.acts import Actor, NotFound, act, acting
from tollgate.actions.carrier_file_rows import rows_of, writing_of
from tollgate.actions.carrier_statements import compare_overlapping, lock_wallet, wallet_of
from tollgate.core.carrier_files import EPOCH, Reader, TheirCall, TheirTotal
from tollgate.core.carrier_prices import Candidate, Charged, explained
from tollgate.core.digits import MOST_DIGITS
from tollgate.core.reconciliation import Class, Line, Tolerance, clock_offset, lines
from tollgate.core.uploads import CellInvalid, Error
from tollgate.store.models import (
    CarrierFile,
    CarrierFormat,
    CarrierLine,
    CarrierStatement,
    CarrierSum,
    Rate,
)
from tollgate.store.queries.cards import price_of
from tollgate.store.queries.reconciliation import Unreadable, due, due_by, erased_count, gathered, put, sides

LOCKS: Final = 0x7011_C0DE
"""The first key of the advisory locks; the second is the statement's id."""
TRIES_MOST: Final = 3
"""So often a comparison is begun whose worker is killed, by its memory perhaps."""
TOTALS_MOST: Final = 200_000
AT_A_TIME: Final = 50_000
ERRORS_KEPT: Final = 1_000
EXPLAINED_MOST: Final = 100_000
EXPLAINED_AT_A_TIME: Final = 2_000
COLUMNS: Final = (
    "statement_id", "run", "kind", "how", "file_id", "line", "call_id", "started_at", "their_at", "number",
    "destination", "their_duration_ms", "our_duration_ms", "currency", "their_micros", "our_micros",
    "difference_micros", "explanation",
)  # fmt: skip
SUMS: Final = """
INSERT INTO carrier_sum (statement_id, run, kind, destination, currency, their_calls, our_calls, their_duration_s,
                         our_duration_s, their_micros, our_micros, difference_micros)
SELECT statement_id, run, kind, destination, currency, count(their_micros), count(our_micros),
       COALESCE(sum(their_duration_ms), 0)::bigint / 1000, COALESCE(sum(our_duration_ms), 0)::bigint / 1000,
       COALESCE(sum(their_micros), 0), COALESCE(sum(our_micros), 0), COALESCE(sum(difference_micros), 0)
FROM carrier_line WHERE statement_id = %s AND run = %s
GROUP BY statement_id, run, kind, destination, currency
"""
log = logging.getLogger(__name__)


def compare_next() -> bool:
    """Compares the first statement that waits and that no other worker has; whether there was one."""
    waiting = CarrierStatement.objects.filter(state="waiting").order_by("pk")
    for statement_id in list(waiting.values_list("pk", flat=True)[:20]):
        with _held(statement_id) as mine:
            statement = waiting.filter(pk=statement_id).select_related("carrier").first() if mine else None
            if statement is not None:
                compare(statement)
                return True
    return False


def compare(statement: CarrierStatement) -> None:
    """Compares one statement. What is wrong with it is kept with it."""
    with acting(Actor("reconciliation", frozenset({"begin_comparison"}))):
        begun = begin_comparison(statement_id=statement.pk, version=statement.version)
    if begun is None:
        return
    statement, run = begun, begun.run + 1
    files: list[dict[str, Any]] = []
    with _unhurried():
        _forget(statement, besides=statement.run)
        try:
            figures, problem = _compared(statement, run, files), ""
        except (CellInvalid, Unreadable) as fault:
            figures, problem = {}, str(fault)
        except Exception as fault:  # a statement that fails must not be tried for ever
            log.exception("statement %s is not compared", statement.pk)
            figures, problem = {}, f"It failed by a fault of the program ({type(fault).__name__})."
        _keep(statement, run, figures, files, problem)
        kept = CarrierStatement.objects.filter(pk=statement.pk).values_list("run", flat=True).first()
        _forget(statement, besides=kept or 0)


def _keep(
    statement: CarrierStatement, run: int, figures: dict[str, Any], files: list[dict[str, Any]], problem: str
) -> None:
    with acting(Actor("reconciliation", frozenset({"keep_comparison"}))):
        try:
            keep_comparison(
                statement_id=statement.pk,
                version=statement.version,
                run=run,
                figures=figures,
                files=files,
                problem=problem,
            )
        except NotFound:  # the statement, or a file of it, was deleted in the meantime
            log.info("statement %s has changed while it was compared", statement.pk)


@act
def begin_comparison(*, statement_id: int, version: int) -> CarrierStatement | None:
    """Counts that a comparison begins; none when the statement has changed, or was begun too often."""
    statement = records.locked(CarrierStatement, statement_id)
    if statement.version != version:
        return None
    tries = int(statement.figures.get("tries", 0))
    if tries >= TRIES_MOST:
        problem = f"The worker came to its end {tries} times while comparing: are the files too large for its memory?"
        records.change(statement, {"state": "failed", "problem": problem, "run": 0, "figures": {}})
        return None
    return records.change(statement, {"figures": {**statement.figures, "tries": tries + 1}})


@act
def keep_comparison(
    *,
    statement_id: int,
    version: int,
    run: int,
    figures: Mapping[str, Any],
    files: Sequence[Mapping[str, Any]],
    problem: str,
) -> bool:
    """Makes a run the one that counts, unless the statement was changed in the meantime; whether it did."""
    lock_wallet(wallet_of(records.find(CarrierStatement, statement_id).carrier))
    statement = records.locked(CarrierStatement, statement_id)
    if statement.version != version:
        return False
    for told in files:
        values = {name: value for name, value in told.items() if name != "file_id"}
        records.change(records.locked(CarrierFile, told["file_id"]), values)
    if problem:
        records.change(statement, {"state": "failed", "problem": problem, "run": 0, "figures": {}})
        return True
    done = {"state": "compared", "problem": "", "run": run, "figures": dict(figures), "compared_at": records.now()}
    compare_overlapping(records.change(statement, done))
    return True


@contextmanager
def _held(statement_id: int) -> Iterator[bool]:
    """Whether the statement is this session's for the block, or for the transaction that is open."""
    keys = [LOCKS, statement_id % 2**31]
    within = connection.in_atomic_block
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory{'_xact' if within else ''}_lock(%s, %s)", keys)
        mine = cursor.fetchone() == (True,)
    yield mine
    if mine and not within:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", keys)


@contextmanager
def _unhurried() -> Iterator[None]:
    """No statement of the session is cut off by its time: a million calls take longer than a page may."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET statement_timeout")


def _forget(statement: CarrierStatement, *, besides: int) -> None:
    """Deletes what other runs left, part by part."""
    CarrierSum.objects.filter(statement=statement).exclude(run=besides).delete()
    while True:
        old = CarrierLine.objects.filter(statement=statement).exclude(run=besides).values("pk")[:AT_A_TIME]
        if not CarrierLine.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()[0]:
            return


def _compared(statement: CarrierStatement, run: int, read: list[dict[str, Any]]) -> dict[str, Any]:
    """Writes the lines and sums of a run; gives its other figures, and in `read` what became of each file."""
    how = CarrierFormat.objects.filter(carrier=statement.carrier).first() or CarrierFormat(carrier=statement.carrier)
    files = list(statement.files.order_by("pk"))
    with gathered(statement, how):
        totals = [total for file in files for total in _added(file, statement, read)]
        ours = due(statement.currency)
        figures: dict[str, Any] = {
            "our_calls": ours.calls, "our_duration_s": ours.duration_ms // 1000, "our_micros": ours.micros,
            "erased_count": erased_count(statement), "basis": "invoice", "billed_micros": ours.micros,
        }  # fmt: skip
        if any(file.kind == "calls" for file in files):
            figures |= {"basis": "calls"} | _matched(statement, run, how)
        elif totals:
            figures |= {"basis": "totals"} | _totals(statement, run, totals)
    return figures


def _added(file: CarrierFile, statement: CarrierStatement, told: list[dict[str, Any]]) -> list[TheirTotal]:
    """Brings the calls of a file to the side of the carrier, tells what is wrong with its rows; gives its totals."""
    reader = Reader(file.settings["columns"], writing_of(file.settings, statement))
    errors: list[tuple[int, str, str]] = []
    totals: list[TheirTotal] = []
    counted: Counter[str] = Counter()
    rows = rows_of(file)  # before COPY has the connection for itself

    def calls() -> Iterator[tuple[Any, ...]]:
        for line, cells in rows:
            read: TheirCall | TheirTotal | list[Error]
            read = reader.call(cells) if file.kind == "calls" else reader.total(cells)
            counted["rows"] += 1
            match read:
                case TheirCall():
                    yield _their_row(read, file.pk, line, before + counted["calls"])
                    counted["calls"] += 1
                case TheirTotal():
                    if len(totals) == TOTALS_MOST:
                        raise CellInvalid(f"This file has more than {TOTALS_MOST:,} totals: is it one of calls?")
                    totals.append(read)
                case _:
                    counted["bad"] += 1
                    if len(errors) < ERRORS_KEPT:
                        errors.extend((line, name, sentence) for name, sentence in read)

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_temp.their_call")
        before = int(cursor.fetchone()[0])
    put(calls())
    counts = {"rows_count": counted["rows"], "errors_count": counted["bad"]}
    told.append({"file_id": file.pk, **counts, "errors": [list(error) for error in errors[:ERRORS_KEPT]]})
    return totals


def _their_row(call: TheirCall, file_id: int, line: int, place: int) -> tuple[Any, ...]:
    return (
        place, call.key, call.number, call.at_ms, call.duration_ms, call.micros, call.currency, file_id, line,
        call.destination,
    )  # fmt: skip


def _matched(statement: CarrierStatement, run: int, how: CarrierFormat) -> dict[str, Any]:
    """Matches call by call."""
    tolerance = Tolerance(
        time_ms=how.time_tolerance_s * 1000, duration_ms=how.duration_tolerance_s * 1000,
        micros=how.cost_tolerance_micros,
    )  # fmt: skip
    found: Counter[str] = Counter()
    with sides() as (theirs, ours):
        offset = clock_offset(theirs, ours, tolerance)
        told = _told(lines(theirs, ours, tolerance, offset.ms), statement, run, found)
        while part := list(islice(told, AT_A_TIME)):
            _write(part)
    _explain(statement, run, how)
    with connection.cursor() as cursor:
        cursor.execute(SUMS, [statement.pk, run])
    names = ("their_calls", "their_micros", "their_duration_ms", "billed_micros", "by_key", "by_number")
    return {
        "offset_ms": offset.ms, "certain_count": offset.certain_count, "agreeing_count": offset.agreeing_count,
        **{name: found[name] for name in names},
    }  # fmt: skip


def _told(
    result: Iterable[Line], statement: CarrierStatement, run: int, found: Counter[str]
) -> Iterator[tuple[Any, ...]]:
    """The rows of a result; counts them in passing."""
    for line in result:
        their, our = line.their, line.our
        if their is not None and their.currency == statement.currency:
            found["their_calls"] += 1
            found["their_micros"] += their.micros
            found["their_duration_ms"] += their.duration_ms
            if our is not None and line.kind is not Class.doubled:
                found["billed_micros"] += our.micros if our.currency == statement.currency else 0
        if line.how and our is not None:
            found[f"by_{line.how}"] += 1
        yield _row(line, statement.pk, run)


def _row(line: Line, statement_id: int, run: int) -> tuple[Any, ...]:
    their, our = line.their, line.our
    either = our or their
    assert either is not None
    file_id, number, their_destination = their.rest if their else (None, None, "")
    call_id, our_destination, our_at_ms = our.rest if our else (None, "", str(either.at_ms))
    why = f"Billed by statement {our.billed_by} already" if our and our.billed_by else ""
    return (
        statement_id, run, line.kind.value, line.how, file_id, number, call_id, _at(int(our_at_ms)),
        _at(their.at_ms) if their else None, either.number, our_destination or their_destination,
        their.duration_ms if their else None, our.duration_ms if our else None, (their or either).currency,
        their.micros if their else None, our.micros if our else None, line.difference_micros, why,
    )  # fmt: skip


def _at(at_ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=at_ms)


def _write(rows: Sequence[Sequence[Any]]) -> None:
    """One part of the lines, in a transaction of its own."""
    statement = f"COPY carrier_line ({', '.join(COLUMNS)}) FROM STDIN"
    with transaction.atomic(), connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _totals(statement: CarrierStatement, run: int, totals: Sequence[TheirTotal]) -> dict[str, Any]:
    """The carrier's totals beside ours, by destination, by day, or by both, as its file tells them."""
    destinations, days = any(one.destination for one in totals), any(one.day for one in totals)
    ours = {(one.destination.lower(), one.day): one for one in due_by(statement, destinations=destinations, days=days)}
    theirs: dict[tuple[str, Any], list[TheirTotal]] = {}
    for total in totals:
        theirs.setdefault((total.destination.lower(), total.day), []).append(total)
    keys = sorted({*ours, *theirs}, key=lambda key: (key[0], str(key[1])))
    CarrierSum.objects.bulk_create(
        [_sum(statement, run, theirs.get(key, []), ours.get(key)) for key in keys], batch_size=1000
    )
    return {
        "their_micros": sum(total.micros for total in totals),
        "their_calls": sum(total.calls or 0 for total in totals),
        "their_duration_ms": sum(total.duration_ms or 0 for total in totals),
    }


def _sum(statement: CarrierStatement, run: int, theirs: Sequence[TheirTotal], ours: Any) -> CarrierSum:
    their_micros, our_micros = sum(total.micros for total in theirs), ours.micros if ours else 0
    calls = [total.calls for total in theirs if total.calls is not None]
    durations = [total.duration_ms for total in theirs if total.duration_ms is not None]
    return CarrierSum(
        statement=statement, run=run, kind="total", currency=statement.currency,
        destination=ours.destination if ours else theirs[0].destination, day_on=ours.day if ours else theirs[0].day,
        their_calls=sum(calls) if calls else None, our_calls=ours.calls if ours else 0,
        their_duration_s=sum(durations) // 1000 if durations else None,
        our_duration_s=ours.duration_ms // 1000 if ours else 0,
        their_micros=their_micros, our_micros=our_micros, difference_micros=their_micros - our_micros,
    )  # fmt: skip


def _explain(statement: CarrierStatement, run: int, how: CarrierFormat) -> None:
    """Says of lines whose price differs which rate of the carrier's cards would give it."""
    wanted = CarrierLine.objects.filter(statement=statement, run=run, kind="rate").order_by("pk")
    prices: dict[int, Any] = {}
    done, last = 0, 0
    while done < EXPLAINED_MOST:
        part = list(wanted.filter(pk__gt=last)[:EXPLAINED_AT_A_TIME])
        if not part:
            return
        found = _candidates(statement, {line.number for line in part}, prices)
        for line in part:
            charged = Charged(line.started_at, line.their_duration_ms or 0, line.their_micros or 0)
            prefixes = (line.number[:length] for length in range(min(len(line.number), MOST_DIGITS) + 1))
            near = [one for prefix in prefixes for one in found.get(prefix, ())]
            line.explanation = explained(charged, near, tolerance_micros=how.cost_tolerance_micros)
        CarrierLine.objects.bulk_update(part, ["explanation"], batch_size=500)
        done, last = done + len(part), part[-1].pk


def _candidates(
    statement: CarrierStatement, numbers: Iterable[str], prices: dict[int, Any]
) -> dict[str, list[Candidate]]:
    """The rates of the carrier's cards by prefix, those that may rate the numbers."""
    prefixes = {number[:length] for number in numbers for length in range(min(len(number), MOST_DIGITS) + 1)}
    rates = Rate.objects.filter(
        revision__card__carrier=statement.carrier, revision__card__currency=statement.currency,
        revision__published_at__isnull=False, prefix__in=prefixes, blocked=False,
    ).select_related("revision__card")  # fmt: skip
    found: dict[str, list[Candidate]] = {}
    for rate in rates:
        revision = rate.revision
        price = prices.setdefault(rate.pk, price_of(revision.card, rate))
        one = Candidate(revision.card.name, revision.number, rate.prefix, price, revision.effective_at.astimezone(UTC))
        found.setdefault(rate.prefix, []).append(one)
    return found
