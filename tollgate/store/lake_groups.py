"""The files of groups beside the files of calls: made of them, proved against them, and gone with them.

They hold nothing that the file of the day does not, so a question asks the calls where a day has none, or one that
cannot be read. The name says how they are made (`core.lake_groups.making`), so those of another version are not taken
for ours: the next night makes them anew.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import duckdb

from tollgate.core.lake_groups import making, sums
from tollgate.environment import lake_folder
from tollgate.store.lake_damage import digest, is_damaged
from tollgate.store.lake_engines import quoted
from tollgate.store.lake_files import LakeDiffers, into_place
from tollgate.store.models import LakeFile

MADE: Final = hashlib.sha256(making().encode()).hexdigest()[:8]
GROUP_ROWS: Final = 250_000
log = logging.getLogger(__name__)


def groups_of(path: Path) -> Path:
    """Where the groups are of the calls in a file."""
    return path.with_name(f"{path.stem}.groups-{MADE}.parquet")


def group_days(files: Iterable[LakeFile], *, hashed: bool = False) -> int:
    """Makes the groups that are missing of these files of calls, or damaged where that is to be looked for; how many.

    Of a day that cannot be grouped the calls are asked, so it stops nothing.
    """
    count = 0
    for file in files:
        path = lake_folder() / file.path
        made = groups_of(path)
        if not path.is_file() or (made.is_file() and not (hashed and is_damaged(made))):
            continue
        try:
            write_groups(path)
            count += 1
        except (LakeDiffers, duckdb.Error) as problem:
            log.critical("ALARM lake: the calls of %s are not grouped: %s", file.path, problem)
    return count


def write_groups(path: Path) -> None:
    """Makes the groups of the calls in a file. Raises LakeDiffers when they do not add up to what the calls do."""
    delete_groups(path)
    target = groups_of(path)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with duckdb.connect(config={"preserve_insertion_order": False}) as duck:
            duck.execute(f"CREATE VIEW lake_call AS SELECT * FROM read_parquet({quoted(path)})")  # noqa: S608 - our own file
            duck.sql(making()).write_parquet(str(aside), compression="zstd", row_group_size=GROUP_ROWS)
            duck.execute(f"CREATE VIEW lake_group AS SELECT * FROM read_parquet({quoted(aside)})")  # noqa: S608 - our own file
            told, known = (duck.execute(sums(table)).fetchall() for table in ("lake_group", "lake_call"))
        if told != known:
            raise LakeDiffers("the groups do not add up to what the calls do")
        into_place(aside, target, digest(aside))
    finally:
        aside.unlink(missing_ok=True)


def damaged_groups(file: LakeFile) -> str:
    """What is wrong with the groups of a file; nothing where there are none."""
    made = groups_of(lake_folder() / file.path)
    return f"{made.relative_to(lake_folder())} is not what was written" if made.is_file() and is_damaged(made) else ""


def delete_day(path: Path) -> None:
    """Deletes a file of the lake with what stands beside it."""
    for name in (path, path.with_name(f"{path.name}.sha256")):
        name.unlink(missing_ok=True)
    delete_groups(path)


def delete_groups(path: Path) -> None:
    """Deletes the groups of a file, whatever version made them."""
    for made in path.parent.glob(f"{path.stem}.groups-*"):
        made.unlink(missing_ok=True)
