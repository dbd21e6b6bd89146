"""Which days the lake lacks or holds outdated, and the writing of them.

A closed day is written once; it is compared again for a week, and whenever one of its calls is corrected. Of a day that
has left the database the file is the truth: calls that come to it later are added to what it has. What is gone or
damaged is written anew as long as the database has what was in it. To look further back, raise `COMPARED_DAYS`, or ask
`tollgate lake verify`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.db import connection

from tollgate.core.lake import day_begins, is_closed
from tollgate.environment import lake_folder
from tollgate.store.lake_damage import digest
from tollgate.store.lake_files import DAY, LakeDiffers, database_sums, missing_ids, posted_until, verify, write_day
from tollgate.store.lake_groups import damaged_groups, delete_day, group_days
from tollgate.store.models import Account, LakeFile
from tollgate.store.queries.statements import rows

COMPARED_DAYS: Final = 7
KEPT_AFTER: Final = timedelta(days=1)
KINDS: Final = ("call", "entry")
ONE_WRITER: Final = 0x7011_1A4E  # key of the advisory lock that the writer of the lake holds
log = logging.getLogger(__name__)


def write_closed_days(at: datetime, *, hashed: bool = False) -> list[LakeFile]:
    """Brings the lake up to date; gives the files written. Does nothing while another process does it.

    Whether a file is what was written is told by its length, and by its hash too where it is to be `hashed`.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [ONE_WRITER])
        if cursor.fetchone() != (True,):
            return []
        try:
            written = [
                file for account in Account.objects.order_by("pk") for file in _written(account, at, hashed=hashed)
            ]
            current = LakeFile.objects.filter(kind="call", replaced_at=None, erased_at=None)
            group_days(current.order_by("-day_on", "account_id"), hashed=hashed)
            return written
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ONE_WRITER])


def closed_days(account: Account, at: datetime) -> Iterator[date]:
    """The closed days with calls in the database, oldest first."""
    first = rows("lake", "first_start", account.pk)[0].started_at
    if first is None:
        return
    day = first.astimezone(UTC).date()
    while is_closed(day, at):
        if rows("lake", "has_calls", account.pk, day_begins(day), day_begins(day) + DAY)[0].found:
            yield day
        day += DAY


def delete_replaced(at: datetime) -> int:
    """Deletes the files whose place a later version took a day ago; how many."""
    old = LakeFile.objects.filter(replaced_at__lt=at - KEPT_AFTER, erased_at=None)
    folder = lake_folder()
    count = 0
    for file in old:
        delete_day(folder / file.path)
        file.erased_at = at
        file.save(update_fields=["erased_at"])
        count += 1
    return count


def differences(at: datetime) -> list[str]:
    """What is not as it should be: files against the manifest, the manifest against the days the database has."""
    found = []
    for account in Account.objects.order_by("pk"):
        here, whole = set(closed_days(account, at)), days_here()
        for file in LakeFile.objects.filter(account=account, replaced_at=None, erased_at=None).order_by(
            "day_on", "kind"
        ):
            try:
                verify(file)
            except LakeDiffers as problem:
                found.append(str(problem))
                continue
            found += damaged_groups(file)
            if file.day_on in here and not _is_current(file, whole):
                found.append(f"{file.path} is outdated: the database holds something else of that day")
    return found


def days_here() -> set[date]:
    """The days that the database has whole: those with a partition of their own."""
    return {row.day_on for row in rows("lake", "partitions")}


def _is_current(file: LakeFile, whole: set[date]) -> bool:
    """Whether the file holds what the database does, and more where its day has left the database."""
    if file.kind == "call" and file.day_on not in whole:
        return not missing_ids(file)
    return bool(database_sums(file.kind, file.account_id, file.day_on) == file.sums)


def _written(account: Account, at: datetime, *, hashed: bool) -> Iterator[LakeFile]:
    for kind, day, kept in _due(account, at, hashed=hashed):
        try:
            yield write_day(kind, account.pk, day, at, kept=kept)
        except LakeDiffers as problem:
            log.critical("ALARM lake: %s", problem)


def _due(account: Account, at: datetime, *, hashed: bool) -> Iterator[tuple[str, date, LakeFile | None]]:
    """What is missing or spoiled; what changed of the last days; entries of days whose calls were corrected since;
    calls that came to days that have left the database, with the file that these are added to."""
    whole, until_at = days_here(), posted_until()
    current = {(file.kind, file.day_on): file for file in LakeFile.objects.filter(account=account, replaced_at=None)}
    spoiled = {place for place, file in current.items() if file.erased_at is None and _is_spoiled(file, hashed=hashed)}
    suspected = {
        (kind, day)
        for day in closed_days(account, at)
        for kind in KINDS
        if (kind, day) not in current or day not in whole or not is_closed(day + COMPARED_DAYS * DAY, at)
    }
    corrected = {
        ("entry", row.day_on)
        for row in rows("lake", "last_corrections", account.pk)
        if (file := current.get(("entry", row.day_on))) is not None and row.at >= file.written_at
    }
    for kind, day in sorted(suspected | corrected | spoiled):
        file = current.get((kind, day))
        if file is None:
            yield kind, day, None
        elif (kind, day) in spoiled:
            if kind == "entry" or day in whole:
                yield kind, day, None
            else:
                log.critical("ALARM lake: %s is missing or damaged, and only a backup has that day still", file.path)
        elif file.erased_at is not None:
            continue
        elif not _is_current(file, whole):
            yield kind, day, file if kind == "call" and day not in whole else None
        elif (kind, day) in corrected:  # the correction is in it: it was posted while the file was about to be written
            LakeFile.objects.filter(pk=file.pk).update(written_at=until_at)


def _is_spoiled(file: LakeFile, *, hashed: bool) -> bool:
    """Whether the file is not what was written. Where the lake itself is not there, nothing is known of its files."""
    path = lake_folder() / file.path
    if not path.is_file():
        return path.parents[1].is_dir()
    return path.stat().st_size != file.bytes_count or (hashed and digest(path) != file.sha256)
