"""`tollgate backup FILE` and `tollgate restore FILE`: the whole installation in one file.

The file is a tar of `manifest.json`, `database.dump` (pg_dump's own format), the files of the data folder named in
`KEPT`, those that wait between the steps of an upload among them, and the files of the lake, wherever that is. The dump
holds our schema only: an edge keeps its dialogs in a schema of its own and makes it anew. A data key that is a setting
is in no backup: the manifest has its fingerprint, by which a restore knows it. To back up another file, add its pattern
to `KEPT`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from argparse import Namespace
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

import psycopg
from psycopg import sql

from tollgate import __version__, environment
from tollgate.environment import lake_folder
from tollgate.jobs import doctor
from tollgate.jobs.console import CommandFailed, Commands, add_command, say
from tollgate.jobs.migrate import migrate
from tollgate.jobs.postgres import serving
from tollgate.jobs.postgres_programs import ProgramsMissing, major_of, sources
from tollgate.jobs.records import records
from tollgate.store.secrets import fingerprint, key_is_a_setting
from tollgate.store.sql import load

KEPT: Final = ("*.key", "*.secret", "demo-logins.txt", "recordings/**/*", "uploads/*")
MANIFEST: Final = "manifest.json"
DUMP: Final = "database.dump"
FILES: Final = "files/"
LAKE: Final = "lake/"
FORMAT: Final = 1
CURRENT: Final = "SELECT path FROM lake_file WHERE replaced_at IS NULL AND erased_at IS NULL"
SETTING: Final = re.compile(rb"SET (\w+) = ")
KEEP_KEY: Final = (
    "the data key is not in it: keep that of TOLLGATE_DATA_KEY or TOLLGATE_DATA_KEY_FILE, a restore needs it"
)
FIRST_RECORD: Final = b"-- Name: "


def register(commands: Commands) -> None:
    """Adds the commands."""
    for name, run, words in (
        ("backup", run_backup, "write the whole installation to a file"),
        ("restore", run_restore, "read a backup into an empty database"),
    ):
        add_command(commands, name, run=run, words=words, machine=True).add_argument("file", type=Path, metavar="FILE")


def run_backup(arguments: Namespace) -> int:
    """Writes the file; it appears whole or not at all, readable by its owner only."""
    target: Path = arguments.file.absolute()
    if target.exists():
        raise CommandFailed(f"{target} exists already")
    folder = environment.data_folder()
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    with (
        records() as url,
        psycopg.connect(url, autocommit=True) as connection,
        tempfile.TemporaryDirectory(prefix="tollgate-backup-") as work,
    ):
        connection.execute(load("lake")["keep_files"].encode())
        current = {path for (path,) in connection.execute(CURRENT)}
        dump = Path(work) / DUMP
        run_program("pg_dump", url, "--format=custom", "--no-owner", "--schema=public", f"--file={dump}")
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                archive = tarfile.open(fileobj=file, mode="w")  # noqa: SIM115 - _pack closes it
                count, lost = _pack(archive, dump, folder, current)
            aside.replace(target)
        except OSError as problem:
            raise CommandFailed(f"{target} cannot be written: {problem.strerror}") from None
        finally:
            aside.unlink(missing_ok=True)
    size_mb = target.stat().st_size // 2**20
    words = f"wrote {target}: {size_mb} MB, the database and {count} files"
    needed = key_is_a_setting()
    say(arguments, f"{words}\n{KEEP_KEY}" if needed else words, file=str(target), files=count, data_key_needed=needed)
    if lost:
        raise CommandFailed(f"{len(lost)} files of the lake are missing, {lost[0]} first: see `tollgate lake verify`")
    return 0


def run_restore(arguments: Namespace) -> int:
    """Reads a backup into an empty database and an installation that does not run; then looks whether all is well."""
    folder = environment.data_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with serving(folder) as url, tempfile.TemporaryDirectory(prefix="tollgate-restore-") as work:
        made_with = _unpack(arguments.file, Path(work))
        _empty(url)
        read_dump(Path(work) / DUMP, url)
        migrate(url)
        _number_anew(url)
        count = _put_back(Path(work) / FILES, folder) + _put_back(Path(work) / LAKE, lake_folder())
        findings = [*_key_found(made_with), *doctor.examine(url)]
    words = f"restored {arguments.file}: the database and {count} files"
    say(arguments, words, restored=str(arguments.file), files=count)
    doctor.report(arguments, findings)
    return 1 if any(finding.state == doctor.WRONG for finding in findings) else 0


def _key_found(made_with: str) -> Iterator[doctor.Finding]:
    """Whether the data key of this installation is that of the backup, whose fingerprint is "" in older ones."""
    if not made_with:
        yield doctor.Finding("data_key", doctor.NOTE, "the backup does not tell which it was made with")
    elif fingerprint() == made_with:
        yield doctor.Finding("data_key", doctor.OK, "the one that the backup was made with")
    else:
        why = "the backup does not hold it"
        if key_is_a_setting():
            why = (
                "TOLLGATE_DATA_KEY or TOLLGATE_DATA_KEY_FILE gives another (give none if data.key of the backup is it)"
            )
        words = (
            f"not the one that the backup was made with: {why}. Without it passwords, PINs and sealed secrets are lost:"
            " give it as TOLLGATE_DATA_KEY or TOLLGATE_DATA_KEY_FILE and run `tollgate doctor` before anything else"
        )
        yield doctor.Finding("data_key", doctor.WRONG, words)


def run_program(name: str, url: str, *options: str) -> None:
    """One of PostgreSQL's programs on the database behind `url`; its password never shows in the list of processes."""
    command, surroundings = _command(name, url)
    done = subprocess.run([*command, *options], capture_output=True, text=True, env=surroundings, check=False)
    if done.returncode:
        raise CommandFailed(f"{name} failed: {done.stderr.strip()[-800:]}")


def read_dump(dump: Path, url: str) -> None:
    """Reads a dump into the database behind `url`, whole or not at all.

    `pg_restore` begins with settings of its own version and gives up at one that an older server does not know. So
    `psql` runs what it writes, but for those.
    """
    with psycopg.connect(url) as connection:
        known = {name for (name,) in connection.execute("SELECT name FROM pg_settings")}
    psql, surroundings = _command("psql", url)
    reader = [*psql, "--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1"]
    writer = [str(Path(psql[0]).with_name("pg_restore")), "--no-owner", "--schema=public", "--file=-", str(dump)]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(writer, stdout=subprocess.PIPE, stderr=said, env=surroundings) as script,
        subprocess.Popen(reader, stdin=subprocess.PIPE, stderr=said, env=surroundings) as server,
    ):
        assert script.stdout is not None
        assert server.stdin is not None
        with suppress(BrokenPipeError), server.stdin as told:
            told.write(b"BEGIN;\n")
            told.writelines(_without_unknown(script.stdout, known))
            if script.wait() == 0:  # else nothing is committed
                told.write(b"COMMIT;\n")
        script.stdout.close()
        if server.wait() or script.wait():
            said.seek(0)
            raise CommandFailed(f"pg_restore failed: {said.read().decode(errors='replace').strip()[-800:]}")


def _without_unknown(script: IO[bytes], known: Collection[str]) -> Iterator[bytes]:
    """The lines of a script, but for settings at its head that the server does not know."""
    for line in script:
        setting = SETTING.match(line)
        if not setting or setting[1].decode() in known:
            yield line
        if line.startswith(FIRST_RECORD):
            break
    yield from script


def _command(name: str, url: str) -> tuple[list[str], dict[str, str]]:
    """A program of PostgreSQL that fits the server behind `url`, told where that is; and its surroundings."""
    with psycopg.connect(url) as connection:
        server = connection.info.server_version // 10_000
    fit = (found for found in sources() if (found / name).exists() and (major_of(found) or 0) >= server)
    folder = next(fit, None)
    if folder is None:
        raise ProgramsMissing(f"{name} of PostgreSQL {server} or later is needed: install PostgreSQL {server}")
    parts = environment.database_parts(url)
    surroundings = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGPASSWORD": parts["password"]}
    where = [f"--host={parts['host']}", f"--port={parts['port'] or 5432}", f"--username={parts['user']}"]
    return [str(folder / name), *where, f"--dbname={parts['name']}", "--no-password"], surroundings


def _pack(archive: tarfile.TarFile, dump: Path, folder: Path, current: Collection[str]) -> tuple[int, list[str]]:
    """Everything into one tar. Returns how many files of the data folder and the lake went with it, and which files of
    the lake that are current are missing."""
    with archive:
        manifest = {
            "format": FORMAT,
            "tollgate": __version__,
            "made_at": datetime.now(UTC).isoformat(),
            "data_key_fingerprint": fingerprint(),
        }
        note = dump.with_name(MANIFEST)
        note.write_text(json.dumps(manifest), encoding="utf-8")
        archive.add(note, MANIFEST)
        archive.add(dump, DUMP)
        files = [path for pattern in KEPT for path in sorted(folder.glob(pattern)) if path.is_file()]
        count = sum(_added(archive, path, FILES + str(path.relative_to(folder))) for path in files)
        lake = lake_folder()
        days = [path for path in sorted(lake.rglob("day=*/[!.]*")) if path.is_file()]
        names = [str(path.relative_to(lake)) for path in days]
        packed = {name for path, name in zip(days, names, strict=True) if _added(archive, path, LAKE + name)}
    return count + len(packed), sorted(set(current) - packed)


def _added(archive: tarfile.TarFile, path: Path, name: str) -> bool:
    """Puts a file into the tar; one that is deleted meanwhile, such as an upload that was taken or a version of a day
    that another took the place of, is left out."""
    try:
        archive.add(path, name)
    except FileNotFoundError:
        return False
    return True


def _unpack(file: Path, into: Path) -> str:
    """Writes what is in the tar into a folder; gives the fingerprint of the data key that it was made with."""
    try:
        with tarfile.open(file) as archive:
            for member in archive:
                _unpack_one(archive, member, into)
        manifest = json.loads((into / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, tarfile.TarError, ValueError) as problem:
        raise CommandFailed(f"{file} is not a backup: {problem}") from None
    if manifest.get("format") != FORMAT or not (into / DUMP).exists():
        raise CommandFailed(f"{file} was made by another version ({manifest.get('tollgate')}) and cannot be read")
    return str(manifest.get("data_key_fingerprint", ""))


def _unpack_one(archive: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    """Writes one file below the folder, as its own; Python 3.11.2 has no filter that does so. Raises TarError."""
    path = (into / member.name).resolve()
    if not path.is_relative_to(into.resolve()) or not (member.isdir() or member.isfile()):
        raise tarfile.TarError(f"{member.name!r} is no file of a backup")
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    source = archive.extractfile(member)
    assert source is not None
    with source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
    path.chmod(member.mode & 0o755 | 0o600)
    os.utime(path, (member.mtime, member.mtime))


def _empty(url: str) -> None:
    """Refuses a database that holds an account; one that was only migrated is cleared."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT to_regclass('public.account') IS NOT NULL").fetchone()
        if row == (True,) and connection.execute("SELECT count(*) FROM account").fetchone() != (0,):
            raise CommandFailed("the database is not empty: TOLLGATE_DATA or TOLLGATE_DATABASE_URL names another")
        owner = connection.execute("SELECT current_user").fetchone()
        assert owner is not None
        connection.execute("DROP SCHEMA IF EXISTS public CASCADE")
        connection.execute(sql.SQL("CREATE SCHEMA public AUTHORIZATION {}").format(sql.Identifier(owner[0])))


def _number_anew(url: str) -> None:
    """The server numbers its transactions from its own beginning: the summaries go on above all that were given."""
    with psycopg.connect(url) as connection:
        connection.execute(load("summaries")["moved"].encode())


def _put_back(files: Path, folder: Path) -> int:
    """The kept files into the data folder: keys of the backup win over those of a first start."""
    found = [path for path in sorted(files.rglob("*")) if path.is_file()] if files.exists() else []
    for path in found:
        target = folder / path.relative_to(files)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
        target.chmod(0o600)
    return len(found)
