"""What the database forgets because the lake has it, and what the lake forgets because its days are over.

A day leaves the database as a whole, oldest first, and only when nothing can be lost: every account lets it go, its
files are what the database holds, no call that began before its end goes on or may still be told its end, and every
charged call is on an issued document. A day without calls goes as soon as the days of others that old may go.
`archived_call` keeps what the ledger's entries need. Of a customer under a legal hold the lake forgets
nothing. To demand something else before a day goes, add it to `why_kept`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb
from django.db import OperationalError, connection, transaction

from tollgate.core.calls_settle import LATE_WINDOW
from tollgate.core.lake import day_begins
from tollgate.environment import lake_folder
from tollgate.store.lake_damage import digest
from tollgate.store.lake_engines import quoted
from tollgate.store.lake_files import DAY, LakeDiffers, database_sums, file_sums, into_place, verify
from tollgate.store.lake_groups import delete_day
from tollgate.store.models import Account, LakeFile
from tollgate.store.queries.held import held_customers
from tollgate.store.queries.statements import rows
from tollgate.store.sql import load

KINDS: Final = ("call", "entry")
log = logging.getLogger(__name__)


def archive_days(at: datetime) -> tuple[list[date], str]:
    """Drops the days that only the lake is to keep; gives them, and why the next one stays ("" when none is due)."""
    dropped: list[date] = []
    for day in _partitions():
        reason = why_kept(day, at)
        if reason:
            return dropped, "" if reason == NOT_DUE else f"{day} stays in the database: {reason}"
        try:
            _drop(day)
        except OperationalError as problem:
            return dropped, f"{day} stays in the database: calls were in the way ({problem})"
        dropped.append(day)
    return dropped, ""


NOT_DUE: Final = "not due"


def why_kept(day: date, at: datetime) -> str:
    """Why a day stays in the database; "" when it may go."""
    known = list(Account.objects.order_by("pk"))
    accounts = [account for account in known if _has_calls(account, day)]
    if not accounts:  # nobody loses anything, so who keeps calls for ever has no say
        accounts = [account for account in known if account.cdr_live_days is not None]
    if not accounts or any(_is_young(account, day, at) for account in accounts):
        return NOT_DUE
    begin, end = day_begins(day), day_begins(day) + DAY
    unresolved = rows("lake", "unresolved_calls", begin, end)[0].calls
    if unresolved and end + LATE_WINDOW > at:
        return f"the true end of {unresolved} unresolved calls may come until {end + LATE_WINDOW:%Y-%m-%d}"
    if rows("lake", "live_calls_since", end)[0].calls:
        return "a call that began before its end still goes on"
    unbilled = [row.customer_id for row in rows("lake", "unbilled_customers", begin, end)]
    if unbilled:
        return f"calls of {len(unbilled)} customers are on no issued document (customer {unbilled[0]})"
    return _not_in_lake(day)


def _has_calls(account: Account, day: date) -> bool:
    return bool(rows("lake", "has_calls", account.pk, day_begins(day), day_begins(day) + DAY)[0].found)


def _is_young(account: Account, day: date, at: datetime) -> bool:
    days = account.cdr_live_days
    return days is None or day_begins(day) + (days + 1) * DAY > at


def erase_days(at: datetime) -> list[LakeFile]:
    """Deletes the files whose days in the archive are over, but not what a legal hold keeps; gives what was erased.

    Nothing while a backup is made: the next night does it, unless the backup is made at the same hour every night.
    """
    if not rows("lake", "begin_erasing")[0].begun:
        if any(_over(at)):
            log.critical("ALARM lake: nothing is erased though days are over: a backup is being made at this hour")
        return []
    try:
        return _erase(at)
    finally:
        rows("lake", "end_erasing")


def _erase(at: datetime) -> list[LakeFile]:
    erased = []
    for file in list(_over(at)):
        held = held_customers()  # some may have been placed meanwhile
        try:
            if _erased(file, held, at):
                erased.append(file)
        except (OSError, duckdb.Error) as problem:  # the others are erased all the same
            log.critical("ALARM lake: %s is not erased: %s", file.path, problem)
    return erased


def _over(at: datetime) -> Iterator[LakeFile]:
    """Current files of days that the database has forgotten and whose days in the archive are over."""
    here = set(_partitions())
    for account in Account.objects.exclude(cdr_archive_days=None).order_by("pk"):
        last = (at.astimezone(UTC) - timedelta(days=account.cdr_archive_days or 0)).date()
        kept = LakeFile.objects.filter(account=account, replaced_at=None, erased_at=None, day_on__lt=last)
        yield from (file for file in kept.order_by("day_on", "kind") if file.day_on not in here)


def _erased(file: LakeFile, held: list[int], at: datetime) -> bool:
    """Erases one file, or all of it that is not held; whether anything was."""
    folder = lake_folder()
    target = folder / file.path
    if not target.exists():
        if not target.parents[1].is_dir():
            raise FileNotFoundError(f"{target.parents[1]} is not there: is the lake mounted?")
        log.critical("ALARM lake: %s was missing when its days were over: it counts as erased", file.path)
    elif held:
        with duckdb.connect() as duck:
            duck.execute("CREATE VIEW kept AS " + _select(target, f"customer_id IN ({', '.join(map(str, held))})"))
            ((kept_count,),) = duck.execute("SELECT count(*) FROM kept").fetchall()
            if kept_count == file.rows_count:
                return False
            if kept_count:
                aside = folder / f"{file.path}.{os.getpid()}"
                duck.sql("SELECT * FROM kept ORDER BY started_us, id").write_parquet(str(aside), compression="zstd")
                _keep_held(file, aside, kept_count, at)
    delete_day(target)
    file.erased_at = at  # only now: until then the next night tries again
    file.save(update_fields=["erased_at"])
    return True


def _select(path: Path, condition: str) -> str:
    return f"SELECT * FROM read_parquet({quoted(path)}) WHERE {condition}"  # noqa: S608 - our own file and numbers


def _keep_held(file: LakeFile, aside: Path, rows_count: int, at: datetime) -> None:
    """The next version, with the held customers alone."""
    path = f"{file.path.rpartition('/')[0]}/v{file.version + 1}.parquet"
    target = lake_folder() / path
    sha256 = digest(aside)
    into_place(aside, target, sha256)
    with transaction.atomic():
        LakeFile.objects.filter(pk=file.pk).update(replaced_at=at)
        LakeFile.objects.create(
            account_id=file.account_id,
            kind=file.kind,
            day_on=file.day_on,
            version=file.version + 1,
            path=path,
            rows_count=rows_count,
            bytes_count=target.stat().st_size,
            sums=file_sums(file.kind, file.account_id, file.day_on, target),
            sha256=sha256,
        )


def _partitions() -> list[date]:
    """The days that have a partition, oldest first."""
    return [row.day_on for row in rows("lake", "partitions")]


def _not_in_lake(day: date) -> str:
    """What is wrong with the files of a day; "" when they are what the database holds."""
    accounts = [account for account in Account.objects.order_by("pk") if _has_calls(account, day)]
    for account in accounts:
        for kind in KINDS:
            file = LakeFile.objects.filter(account=account, kind=kind, day_on=day, replaced_at=None).first()
            if file is None:
                return f"it is not in the lake of {account}"
            try:
                verify(file)
            except LakeDiffers as problem:
                return str(problem)
            if database_sums(kind, account.pk, day) != file.sums:
                return f"{file.path} is outdated"
    return ""


def _drop(day: date) -> None:
    """The partition goes, what the entries need stays. Waits no longer than calls can bear for the lock."""
    begin, end = day_begins(day), day_begins(day) + DAY
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(f"LOCK TABLE cdr_{day:%Y%m%d} IN SHARE MODE")
        cursor.execute(
            load("lake")["keep_skeletons"].replace("$1", "%(begin)s").replace("$2", "%(end)s"),
            {"begin": begin, "end": end},
        )
        cursor.execute(f"DROP TABLE cdr_{day:%Y%m%d}")
