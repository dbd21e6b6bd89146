"""Claims about `tollgate backup` and `tollgate restore`."""

from __future__ import annotations

import tarfile
from pathlib import Path

import psycopg
import pytest

from tests.jobs.installation import Installation
from tollgate.jobs.backup import _added
from tollgate.jobs.postgres import Postgres
from tollgate.store.secrets import seal

COUNTS = " UNION ALL ".join(f"SELECT count(*) FROM {table}" for table in ("cdr", "entry", "audit", "rate"))


def test_a_restored_installation_is_the_same_and_in_order_on_an_older_server_too(
    demo: Installation, oldest: Postgres, tmp_path: Path
) -> None:
    (demo.folder / "secret.key").write_text("the old key\n")
    (demo.folder / "recordings").mkdir()
    (demo.folder / "recordings" / "call.wav").write_bytes(b"RIFF")
    (demo.folder / "uploads").mkdir()
    (demo.folder / "uploads" / "half-way.csv").write_text("name\nAcme\n")
    written = demo.ok("lake", "export")["written"]
    assert written
    file = tmp_path / "all.tar"
    assert demo.ok("backup", str(file))["files"] >= 3 + 2 * len(written)
    assert file.stat().st_mode & 0o777 == 0o600
    other = Installation(oldest.url, tmp_path / "other")
    findings = other.ok("restore", str(file))["findings"]
    assert {row["state"] for row in findings} <= {"ok", "note"}
    assert findings[0]["words"] == "the one that the backup was made with", "data.key is in it"
    assert other.rows(COUNTS) == demo.rows(COUNTS)
    assert other.ok("lake", "verify")["problems"] == []
    assert (other.folder / "secret.key").read_text() == "the old key\n"
    assert (other.folder / "recordings" / "call.wav").read_bytes() == b"RIFF"
    assert (other.folder / "uploads" / "half-way.csv").read_text() == "name\nAcme\n"
    assert other.fails("explain", "1").startswith("tollgate: no call is known")


def test_an_upload_that_is_taken_while_others_are_packed_is_left_out(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "all.tar", "w") as archive:
        assert not _added(archive, tmp_path / "taken.csv", "files/uploads/taken.csv")
        assert archive.getnames() == []


def test_a_file_of_the_lake_that_is_current_is_never_left_out_in_silence(
    own_demo: Installation, tmp_path: Path
) -> None:
    own_demo.ok("lake", "export")
    (path,) = own_demo.rows("SELECT min(path) FROM lake_file")[0]
    (own_demo.folder / "lake" / path).unlink()
    assert f"1 files of the lake are missing, {path} first" in own_demo.fails("backup", str(tmp_path / "all.tar"))
    with tarfile.open(tmp_path / "all.tar") as archive:
        assert "database.dump" in archive.getnames(), "what is there is kept all the same"
    with psycopg.connect(own_demo.url) as connection:
        connection.execute("UPDATE lake_file SET replaced_at = now() WHERE path = %s", [path])
    own_demo.ok("backup", str(tmp_path / "again.tar"))


def test_a_restore_without_the_data_key_that_was_a_setting_fails_and_says_which(
    own_demo: Installation, oldest: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = (own_demo.folder / "data.key").read_text().strip()
    monkeypatch.setenv("TOLLGATE_DATA_KEY", key)
    with psycopg.connect(own_demo.url) as connection:
        connection.execute(
            "INSERT INTO webhook (version, account_id, title, url, secret_sealed, events, enabled)"
            " VALUES (1, 1, 'CRM', 'https://crm.example', %s, '{}', true)", [seal("of the CRM")],
        )  # fmt: skip
    own_demo.settings["TOLLGATE_DATA_KEY"] = key
    (own_demo.folder / "data.key").unlink()
    file = tmp_path / "all.tar"
    assert "the data key is not in it: keep that of TOLLGATE_DATA_KEY" in own_demo.run("backup", str(file)).stdout
    other = Installation(oldest.url, tmp_path / "other")
    done = other.run("restore", str(file))
    assert done.returncode == 1, done.stdout
    assert "WRONG  data key: not the one that the backup was made with: the backup does not hold it" in done.stdout
    assert "WRONG  secrets: of " in done.stdout
    other.settings["TOLLGATE_DATA_KEY"] = key
    found = {row["check"]: row for row in other.ok("doctor")["findings"]}
    assert found["secrets"]["words"].startswith("the data key reads the newest of each of ")


def test_nothing_is_overwritten(demo: Installation, tmp_path: Path) -> None:
    file = tmp_path / "all.tar"
    file.write_text("mine")
    assert "exists already" in demo.fails("backup", str(file))
    assert file.read_text() == "mine"


def test_a_database_with_records_is_not_restored_into(demo: Installation, tmp_path: Path) -> None:
    file = tmp_path / "all.tar"
    demo.ok("backup", str(file))
    before = demo.rows(COUNTS)
    assert "not empty" in demo.fails("restore", str(file))
    assert demo.rows(COUNTS) == before


def test_what_is_no_backup_says_so(empty: Installation, tmp_path: Path) -> None:
    file = tmp_path / "some.tar"
    file.write_text("not a tar")
    assert "is not a backup" in empty.fails("restore", str(file))
    assert empty.rows("SELECT count(*) FROM account") == [(0,)]
