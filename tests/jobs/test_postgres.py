"""The embedded PostgreSQL: made once, recovered after a crash, never trusting, never another version's."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests import migrated
from tollgate.jobs import postgres_programs
from tollgate.jobs.postgres import AlreadyRunning, NotStarted, Postgres, WrongVersion, serving


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder inside one that only we may enter, as in root's home."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    return private / "data"


@pytest.fixture
def server(folder: Path) -> Iterator[Postgres]:
    """A running server of this test's own."""
    with Postgres(folder) as running:
        yield running


def wait_until(truth: Callable[[], bool]) -> None:
    """Waits for something to become true."""
    deadline = time.monotonic() + 60
    while not truth():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_was_committed_survives_a_kill_of_the_server(server: Postgres) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept (amount_micros bigint)")
        connection.execute("INSERT INTO kept VALUES (3000)")
    assert server.pid is not None
    os.kill(server.pid, 9)
    wait_until(lambda: not server.running)
    server.start()
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT amount_micros FROM kept").fetchall() == [(3000,)]


def test_a_second_start_keeps_address_and_data(folder: Path) -> None:
    with Postgres(folder) as first:
        address = first.url
        with psycopg.connect(first.url) as connection:
            connection.execute("CREATE TABLE kept ()")
    with Postgres(folder) as second, psycopg.connect(second.url) as connection:
        assert second.url == address
        connection.execute("SELECT FROM kept")


def test_a_stopped_server_leaves_no_process_and_no_pid_file(server: Postgres) -> None:
    pid = server.pid
    server.stop()
    assert not Path(f"/proc/{pid}").exists()
    assert not (server.cluster / "postmaster.pid").exists()


def test_a_data_folder_of_another_major_version_is_refused_untouched(folder: Path) -> None:
    with Postgres(folder) as server:
        mark = server.cluster / "PG_VERSION"
    mark.write_text("9\n")
    before = sorted(path.name for path in server.cluster.iterdir())
    with pytest.raises(WrongVersion, match=r"made by PostgreSQL 9, but this Tollgate brings PostgreSQL \d+"):
        Postgres(folder).start()
    assert sorted(path.name for path in server.cluster.iterdir()) == before


def test_nobody_enters_without_the_password(server: Postgres) -> None:
    for address in (server.url.replace(server.password, "wrong"), server.url.replace("127.0.0.1", "[::1]")):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(address)
    assert "trust" not in [
        line.split()[-1]
        for line in (server.cluster / "pg_hba.conf").read_text().splitlines()
        if line and not line.startswith("#")
    ]


def test_secrets_and_socket_are_private(server: Postgres) -> None:
    for name in ("postgres.password", "postgres.url"):
        assert stat.S_IMODE((server.data / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(server.cluster.stat().st_mode) == 0o700
    assert (server.cluster / f".s.PGSQL.{server.port}").is_socket()


def test_the_server_never_runs_as_root(server: Postgres) -> None:
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0


def test_checksums_are_on_and_commits_are_durable(server: Postgres) -> None:
    with psycopg.connect(server.url) as connection:
        for setting in ("data_checksums", "fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)


def test_a_second_owner_of_one_data_folder_is_refused(server: Postgres) -> None:
    with pytest.raises(AlreadyRunning, match="already run by another Tollgate"):
        Postgres(server.data).start()


def test_a_command_uses_the_running_server_or_starts_it_for_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOLLGATE_DATABASE_URL", raising=False)
    with serving(folder) as url, psycopg.connect(url), serving(folder) as same:
        assert same == url
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_a_taken_port_is_replaced_by_a_free_one(folder: Path) -> None:
    with Postgres(folder, durable=False) as first:
        taken = first.port
        other = folder.parent / "other"
        other.mkdir(mode=0o700)
        (other / "postgres.port").write_text(str(taken))
        with Postgres(other, durable=False) as second, psycopg.connect(second.url):
            assert second.port != taken


def test_a_server_that_died_comes_back_where_its_clients_know_it_or_not_at_all(folder: Path) -> None:
    server = Postgres(folder, durable=False)
    with server, psycopg.connect(server.url), closing(socket.socket()) as other:
        port = server.port
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not server.running)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(NotStarted, match=f"another program holds port {port}"):
            server.start()
        other.close()
        with psycopg.connect(server.start().url):
            assert server.port == port


def test_the_file_of_a_dead_server_whose_process_id_is_reused_does_not_stop_a_start(folder: Path) -> None:
    with Postgres(folder) as server:
        note = (server.cluster / "postmaster.pid").read_text().split("\n")
    note[0] = str(os.getpid())
    (server.cluster / "postmaster.pid").write_text("\n".join(note))
    with Postgres(folder) as again, psycopg.connect(again.url):
        assert again.running


def test_programs_copied_out_of_a_private_folder_still_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_programs, "COPIES", tmp_path)
    wheel = next(postgres_programs.sources())
    if "site-packages" not in wheel.parts:
        pytest.skip("the wheel does not fit this machine")
    folder = postgres_programs.copied(wheel, 18)
    assert folder.is_relative_to(tmp_path)
    for program in ("initdb", "postgres", "psql", "pg_dump"):
        assert subprocess.run([folder / program, "--version"], check=False, capture_output=True).returncode == 0
    assert postgres_programs.copied(wheel, 18) == folder


def test_a_folder_closed_to_others_hides_its_programs_from_an_unprivileged_user(tmp_path: Path) -> None:
    program = tmp_path / "postgres"
    program.touch(mode=0o755)
    tmp_path.chmod(0o700)
    stranger = postgres_programs.Servant(uid=tmp_path.stat().st_uid + 12345, gid=tmp_path.stat().st_gid + 12345)
    assert not stranger.may_run(program)
    assert stranger.may_run(Path("/usr/bin/env").resolve())


def test_debians_programs_are_the_second_source(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    debian = [migrated.debian("15"), *postgres_programs.sources()]
    monkeypatch.setattr(postgres_programs, "sources", lambda: iter([folder / "nothing", *debian]))
    with Postgres(folder) as server, psycopg.connect(server.url) as connection:
        assert connection.info.server_version // 10_000 == 15


def test_a_machine_without_any_programs_is_told_what_helps(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_programs, "sources", lambda: iter([]))
    with pytest.raises(postgres_programs.ProgramsMissing, match="apt-get install postgresql"):
        Postgres(folder).start()
