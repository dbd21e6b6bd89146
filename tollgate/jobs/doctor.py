"""`tollgate doctor`: is the installation whole, and are the books in order?

Each check is a function that yields findings; the books' checks are the named laws in `store/sql/ledger_laws*.sql`
(`LAWS`). To add a check, write its function and name it in `CHECKS`, or add a law to one of those files.
"""

from __future__ import annotations

import http.client
import logging
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import dict_row

from tollgate.core import audit_chain
from tollgate.core.routes import unknown_patterns
from tollgate.environment import lake_folder
from tollgate.jobs import charging_link
from tollgate.jobs.console import Commands, add_command, say
from tollgate.jobs.migrate import OLDEST
from tollgate.jobs.records import records
from tollgate.store.secrets import CannotUnseal, unseal
from tollgate.store.sql import load

OK: Final = "ok"
NOTE: Final = "note"  # something to know that is no fault, such as a part that does not run now
WRONG: Final = "WRONG"
CLOCK_TOLERANCE: Final = timedelta(seconds=2)
SHOWN_ROWS: Final = 10
LAWS: Final = ("ledger_laws", "ledger_laws_carriers")
"""The files of the laws of the books."""
BILLING: Final = "billing"
TOLD_MOST: Final = 500
MOST_ROWS: Final = 10_000
"""So many differences of a law are fetched."""

Connection = psycopg.Connection[dict[str, Any]]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says. `rows` are the differences found; `counted` says the words of so many of them."""

    check: str
    state: str
    words: str
    rows: tuple[dict[str, Any], ...] = ()
    counted: Callable[[int], str] | None = None


def register(commands: Commands) -> None:
    """Adds the command."""
    add_command(commands, "doctor", run=run, words="check the installation and the books", machine=True)


def run(arguments: Namespace) -> int:
    """Prints every finding; exit 1 when one of them is wrong."""
    with records() as url:
        findings = examine(url)
    report(arguments, findings)
    return 1 if any(finding.state == WRONG for finding in findings) else 0


def report(arguments: Namespace, findings: list[Finding]) -> None:
    """The findings as lines, the differences below them."""
    lines: list[str] = []
    for finding in findings:
        lines.append(f"{finding.state:<6} {finding.check.replace('_', ' ')}: {finding.words}")
        lines += [f"         {_plain(row)}" for row in finding.rows[:SHOWN_ROWS]]
    say(arguments, "\n".join(lines), findings=[_facts(finding) for finding in findings])


def examine(url: str) -> list[Finding]:
    """Every check. Needs the records. One that cannot be made to its end is wrong itself, and the others are made."""
    return list(_to_the_end("database", _examined(url)))


def _examined(url: str) -> Iterator[Finding]:
    """Each statement, and so each law, has an unchanging view of its own: one view for all would keep the dead versions
    of hot rows from being removed for as long as the doctor looks.
    """
    read_only = "-c default_transaction_read_only=on"
    with psycopg.connect(url, row_factory=dict_row, autocommit=True, options=read_only) as connection:
        for check in CHECKS:
            yield from _to_the_end(check.__name__.strip("_"), check(connection))


def _to_the_end(name: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    try:
        yield from findings
    except Exception as problem:
        log.exception("%s cannot be examined", name)
        words = " ".join(f"could not be examined: {type(problem).__name__} {problem}".split())
        yield Finding(name, WRONG, words[:TOLD_MOST])


def told_to(account_id: int, findings: Sequence[Finding]) -> list[str]:
    """What people of an account are told of: what is wrong with it or with the whole, and whose billing rests."""
    told = []
    for finding in findings:
        own = [row for row in finding.rows if row.get("account_id", account_id) == account_id]
        wrong = finding.state == WRONG
        if (wrong and not finding.rows) or (own and (wrong or finding.check == BILLING)):
            words = finding.counted(len(own)) if finding.counted else finding.words
            told.append(f"{finding.check.replace('_', ' ')}: {words}"[:TOLD_MOST])
    return told


def _version(connection: Connection) -> Iterator[Finding]:
    version = connection.info.server_version
    state = OK if version >= OLDEST else WRONG
    yield Finding("database", state, f"PostgreSQL {version // 10_000}.{version % 10_000}")


def _migrations(_: Connection) -> Iterator[Finding]:
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connections["default"])
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    names = ", ".join(str(migration) for migration, _ in missing)
    yield Finding("migrations", WRONG if missing else OK, f"run `tollgate migrate`: {names}" if missing else "complete")


def _partitions(connection: Connection) -> Iterator[Finding]:
    tomorrow = f"cdr_{datetime.now(UTC) + timedelta(days=1):%Y%m%d}"
    row = connection.execute(
        "SELECT to_regclass(%s) IS NOT NULL AS ahead, (SELECT count(*) FROM cdr_default) AS homeless", [tomorrow]
    ).fetchone()
    assert row is not None
    if row["homeless"]:
        yield Finding("partitions", NOTE, f"{row['homeless']} CDRs are in none: reports on them are slow")
    words = "made ahead" if row["ahead"] else "none for tomorrow: `tollgate work` makes them"
    yield Finding("partitions", OK if row["ahead"] else NOTE, words)


def _clock(connection: Connection) -> Iterator[Finding]:
    row = connection.execute("SELECT clock_timestamp() AS at").fetchone()
    assert row is not None
    apart = abs(datetime.now(UTC) - row["at"])
    state = OK if apart <= CLOCK_TOLERANCE else WRONG
    yield Finding("clock", state, f"{apart.total_seconds():.3f} s apart from the database's")


def _parts(connection: Connection) -> Iterator[Finding]:
    """Charging and the edges may be stopped on purpose: that is a note."""
    up = charging_link.healthy()
    words = "answers" if up else "does not answer: calls are refused until it runs"
    yield Finding("charging", OK if up else NOTE, words)
    for edge in connection.execute("SELECT name, rpc_url FROM edge WHERE enabled AND rpc_url <> '' ORDER BY name"):
        reached = _answers(edge["rpc_url"])
        yield Finding("edge", OK if reached else NOTE, f"{edge['name']} {'answers' if reached else 'does not answer'}")


def _answers(url: str) -> bool:
    """Whether anything speaks HTTP there."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=2.0)
    try:
        connection.request("GET", parts.path or "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _payment_notices(connection: Connection) -> Iterator[Finding]:
    """Money that gateways told of in the last week and that nobody could book: it waits in the payment log."""
    statement = (
        "SELECT account_id, id AS payment_event_id, at, left(note, 200) AS note FROM payment_event"
        " WHERE state = 'failed' AND at > now() - interval '7 days' ORDER BY id"
    )
    rows = tuple(connection.execute(statement).fetchall())

    def counted(count: int) -> str:
        return f"{count} are not booked: see the payment log" if count else "all booked"

    yield Finding("payment_notices", WRONG if rows else OK, counted(len(rows)), rows, counted)


def _billing(connection: Connection) -> Iterator[Finding]:
    """Customers whose billing rests until a person has looked."""
    statement = (
        "SELECT account_id, id AS customer_id, name, left(parked_reason, 200) AS reason FROM customer"
        " WHERE parked_at IS NOT NULL AND deleted_at IS NULL ORDER BY id"
    )
    rows = tuple(connection.execute(statement).fetchall())

    def counted(count: int) -> str:
        people = f"{count} customer{'' if count == 1 else 's'}"
        return f"it rests for {people}: see Money, Invoices" if count else "rests for nobody"

    yield Finding(BILLING, NOTE if rows else OK, counted(len(rows)), rows, counted)


def _unbilled(connection: Connection) -> Iterator[Finding]:
    """Customers of whom a period is over for longer than the run may need, with a call that no document bears."""
    statement = load("invoices")["closed_and_unbilled"].replace("$1", "now()")
    rows = tuple(connection.execute(statement.encode()).fetchall())

    def counted(count: int) -> str:
        people = f"{count} customer{'' if count == 1 else 's'}"
        return f"{people} not billed for periods that are over: see the worker's log" if count else "all that is over"

    yield Finding("closed_periods", WRONG if rows else OK, counted(len(rows)), rows, counted)


def _summaries(connection: Connection) -> Iterator[Finding]:
    """How far the summaries have come: of calls from before there were any, day by day."""
    row = connection.execute(
        "SELECT rolled_at AT TIME ZONE 'UTC' AS rolled, within_at AT TIME ZONE 'UTC' AS within FROM summary_progress"
    ).fetchone()
    assert row is not None
    if row["within"] is None:
        yield Finding("summaries", OK, f"as of {row['rolled']:%Y-%m-%d %H:%M:%S} UTC")
    else:
        words = f"calls are being added day by day: those before {row['within']:%Y-%m-%d %H:%M} UTC are in"
        yield Finding("summaries", NOTE, words)


def _dial_patterns(connection: Connection) -> Iterator[Finding]:
    """Expressions of routes that cannot be read and so match no number, such as some that older versions knew."""
    routes = connection.execute(
        "SELECT id, name, enabled, dial_patterns FROM ingress_route WHERE dial_patterns LIKE '%^%' ORDER BY id"
    ).fetchall()
    rows = tuple(
        {"ingress_route_id": route["id"], "name": route["name"], "enabled": route["enabled"], "pattern": text}
        for route in routes
        for text in unknown_patterns([line.strip() for line in route["dial_patterns"].splitlines()])
    )
    words = f"{len(rows)} match no number, because they cannot be read: write them anew" if rows else "all can be read"
    yield Finding("dial_patterns", WRONG if rows else OK, words, rows)


def _stir_certificates(connection: Connection) -> Iterator[Finding]:
    """Certificates in use that sign nothing, or soon will not: they expire, or their keys were sealed by another data
    key."""
    statement = (
        "SELECT account_id, name, expires_at, key_sealed, expires_at < now() + interval '14 days' AS ending"
        " FROM stir_certificate AS one WHERE enabled"
        " AND (is_default OR EXISTS (SELECT FROM cli_rule WHERE certificate_id = one.id)) ORDER BY expires_at"
    )
    found = connection.execute(statement).fetchall()
    rows = tuple(
        {"account_id": row["account_id"], "name": row["name"], "expires_at": row["expires_at"], "key": key}
        for row in found
        for key in ("read" if _is_unsealed(row["key_sealed"]) else "sealed by another data key",)
        if row["ending"] or key != "read"
    )

    def counted(count: int) -> str:
        return f"{count} expire within 14 days or have no key: see STIR/SHAKEN" if count else "all that are used sign"

    yield Finding("stir_certificates", WRONG if rows else OK, counted(len(rows)), rows, counted)


def _secrets(connection: Connection) -> Iterator[Finding]:
    """Whether the data key is the one that secrets were sealed with: the newest of each kind is unsealed."""
    newest = {kind: connection.execute(statement.encode()).fetchone() for kind, statement in load("sealed").items()}
    kinds = {kind: row for kind, row in newest.items() if row is not None}
    rows = tuple(
        {"kind": kind.replace("_", " "), "id": row["id"]}
        for kind, row in kinds.items()
        if not _is_unsealed(row["sealed"])
    )
    words = (
        f"of {len(rows)} kinds out of {len(kinds)} the newest was sealed by another data key: give that key as"
        " TOLLGATE_DATA_KEY or TOLLGATE_DATA_KEY_FILE, or enter them anew"
        if rows
        else f"the data key reads the newest of each of {len(kinds)} kinds"
    )
    yield Finding("secrets", WRONG if rows else OK, words, rows)


def _is_unsealed(sealed: str) -> bool:
    try:
        return bool(unseal(sealed))
    except CannotUnseal:
        return False


def _books(connection: Connection) -> Iterator[Finding]:
    for file in LAWS:
        for name, statement in load(file).items():
            yield from _to_the_end(name, _law(connection, name, statement))


def _law(connection: Connection, name: str, statement: str) -> Iterator[Finding]:
    # a plan for all rows, of which no more are fetched than memory bears
    text = f"WITH difference AS MATERIALIZED (\n{statement}\n) SELECT * FROM difference LIMIT {MOST_ROWS}"  # noqa: S608 - our own law
    rows = tuple(connection.execute(text.encode()).fetchall())
    counted = partial(_differences, " or more" if len(rows) == MOST_ROWS else "")
    yield Finding(name, WRONG if rows else OK, counted(len(rows)), rows, counted)


def _differences(beyond: str, count: int) -> str:
    return f"{count}{beyond} difference{'' if count == 1 else 's'}" if count else "holds"


def _audit_chain(connection: Connection) -> Iterator[Finding]:
    """The log of changes against its seals; the hash of the last may be noted elsewhere, to know the log by later."""
    with connection.transaction(), connection.cursor("audit_chain") as cursor:
        cursor.itersize = 10_000
        cursor.execute(load("audit_chain")["chain"].encode())
        found = audit_chain.examine(audit_chain.Link(row["audit_id"], row["row"], row["hash"]) for row in cursor)
    if isinstance(found, audit_chain.Broken):
        yield Finding("audit_chain", WRONG, f"row {found.audit_id} of the audit log {found.how}")
    else:
        erased = f", people erased from {found.erased_count}" if found.erased_count else ""
        if found.unsealed_count:
            erased += f" (of {found.unsealed_count} the erasure waits for its own seal)"
        yield Finding("audit_chain", OK, f"{found.sealed_count} rows sealed{erased}, the last as {found.head.hex()}")


def _lake(connection: Connection) -> Iterator[Finding]:
    """Whether the files of the lake are there and as long as they were; `tollgate lake verify` reads them too."""
    folder = lake_folder()
    kept = connection.execute(
        "SELECT path, bytes_count, kind FROM lake_file WHERE replaced_at IS NULL AND erased_at IS NULL ORDER BY path"
    ).fetchall()
    wrong = tuple(row for row in kept if _size(folder / row["path"]) != row["bytes_count"])
    words = f"{len(wrong)} of {len(kept)} files are missing or cut" if wrong else f"{len(kept)} files"
    yield Finding("lake", WRONG if wrong else OK, words, wrong)
    from tollgate.store.lake_groups import are_whole  # names tables, so Django has to be there

    days = [folder / row["path"] for row in kept if row["kind"] == "call"]
    bare = sum(path.is_file() and not are_whole(path) for path in days)
    words = f"{bare} of {len(days)} days lack groups, which the next night makes: breakouts of them take longer"
    yield Finding("lake_groups", NOTE if bare else OK, words if bare else f"those of {len(days)} days")


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.exists() else None


def _facts(finding: Finding) -> dict[str, Any]:
    rows = [_plain(row) for row in finding.rows]
    return {"check": finding.check, "state": finding.state.lower(), "words": finding.words, "rows": rows}


def _plain(row: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in row.items()}


CHECKS: Final[tuple[Callable[[Connection], Iterator[Finding]], ...]] = (
    _version,
    _migrations,
    _partitions,
    _clock,
    _parts,
    _audit_chain,
    _lake,
    _payment_notices,
    _billing,
    _unbilled,
    _summaries,
    _dial_patterns,
    _stir_certificates,
    _secrets,
    _books,
)
