"""The files of groups beside the files of calls: made of them, proved against them, and gone with them.

They hold nothing that the file of the day does not, so a question asks the calls where a day has none, or one that
cannot be read, and all groups where a smaller level (`core.lake_groups.LEVELS`) is missing. The name says how they are
made (`core.lake_groups.making_of`), so those of another version are not taken for ours: the next night makes them anew.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

import duckdb

from tollgate.core.lake_groups import ALL_GROUPS, BY_CLI, BY_HOUR, LEVELS, making, making_of, sums
from tollgate.environment import lake_folder
from tollgate.store.lake_damage import digest, is_damaged
from tollgate.store.lake_engines import quoted
from tollgate.store.lake_files import LakeDiffers, into_place
from tollgate.store.models import LakeFile

MADE: Final = hashlib.sha256(making().encode()).hexdigest()[:8]
SMALLER: Final = {BY_HOUR: "hours", BY_CLI: "clis"}
"""How the files of the other levels are called, each by its own making too."""
MADE_OF_ALL: Final = {
    level: hashlib.sha256(f"{making()} {making_of(level)}".encode()).hexdigest()[:8] for level in SMALLER
}
GROUP_ROWS: Final = 250_000
log = logging.getLogger(__name__)


def groups_of(path: Path, level: str = ALL_GROUPS) -> Path:
    """Where the groups of a level are of the calls in a file."""
    made = MADE if level == ALL_GROUPS else f"{SMALLER[level]}-{MADE_OF_ALL[level]}"
    return path.with_name(f"{path.stem}.groups-{made}.parquet")


def are_whole(path: Path) -> bool:
    """Whether the calls in a file have their groups, of every level."""
    return all(groups_of(path, level).is_file() for level in LEVELS)


def group_days(files: Iterable[LakeFile], *, hashed: bool = False) -> int:
    """Makes the groups that are missing of these files of calls, or damaged where that is to be looked for; of how many
    days.

    Of a day that cannot be grouped the calls are asked, so it stops nothing.
    """
    count = 0
    for file in files:
        path = lake_folder() / file.path
        missing = [level for level in LEVELS if _is_missing(groups_of(path, level), hashed=hashed)]
        if not missing or not path.is_file():
            continue
        if ALL_GROUPS not in missing and is_damaged(groups_of(path, ALL_GROUPS)):
            missing = list(LEVELS)  # what is made of a damaged file would be as wrong, and pass for whole
        try:
            write_groups(path, missing)
            count += 1
        except (LakeDiffers, duckdb.Error) as problem:
            log.critical("ALARM lake: the calls of %s are not grouped: %s", file.path, problem)
    return count


def write_groups(path: Path, levels: Collection[str] = tuple(LEVELS)) -> None:
    """Makes the groups of the calls in a file, of these levels: all of them where all groups are among them, of which
    the others are made. Raises LakeDiffers when they do not add up to what the calls do."""
    made = [level for level in (ALL_GROUPS, *SMALLER) if level in levels or ALL_GROUPS in levels]
    kept = {groups_of(path, level) for level in LEVELS if level not in made}
    _delete(other for other in _beside(path) if other not in {*kept, *map(_note, kept)})
    with duckdb.connect(config={"preserve_insertion_order": False}) as duck:
        duck.execute(f"CREATE VIEW lake_call AS SELECT * FROM read_parquet({quoted(path)})")  # noqa: S608 - our own file
        for level in made:
            if level != ALL_GROUPS:
                _show(duck, ALL_GROUPS, groups_of(path))
            _write(duck, level, groups_of(path, level))


def _write(duck: duckdb.DuckDBPyConnection, level: str, target: Path) -> None:
    """A level of the groups of the calls that the connection knows, under its name when it adds up."""
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        duck.sql(making_of(level)).write_parquet(str(aside), compression="zstd", row_group_size=GROUP_ROWS)
        _show(duck, level, aside)
        hours = LEVELS[level].hours
        told, known = (duck.execute(sums(table, hours=hours)).fetchall() for table in (level, "lake_call"))
        if told != known:
            raise LakeDiffers("the groups do not add up to what the calls do")
        into_place(aside, target, digest(aside))
    finally:
        aside.unlink(missing_ok=True)


def _show(duck: duckdb.DuckDBPyConnection, level: str, path: Path) -> None:
    duck.execute(f"CREATE OR REPLACE VIEW {level} AS SELECT * FROM read_parquet({quoted(path)})")  # noqa: S608 - our own file


def damaged_groups(file: LakeFile) -> Iterator[str]:
    """What is wrong with the groups of a file; nothing where there are none."""
    for level in LEVELS:
        made = groups_of(lake_folder() / file.path, level)
        if made.is_file() and is_damaged(made):
            yield f"{made.relative_to(lake_folder())} is not what was written"


def delete_day(path: Path) -> None:
    """Deletes a file of the lake with what stands beside it."""
    _delete([path, _note(path), *_beside(path)])


def _is_missing(made: Path, *, hashed: bool) -> bool:
    return not made.is_file() or (hashed and is_damaged(made))


def _note(path: Path) -> Path:
    """Where the checksum of a file is."""
    return path.with_name(f"{path.name}.sha256")


def _beside(path: Path) -> list[Path]:
    """The groups of a file and their checksums, whatever version made them."""
    return list(path.parent.glob(f"{path.stem}.groups-*"))


def _delete(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
