"""The readers of the environment: exact about what they accept, and errors that name the setting."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tollgate import environment
from tollgate.environment import SettingInvalid


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but a data folder of this test's own."""
    for name in [name for name in os.environ if name.startswith("TOLLGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path))


def test_an_unset_or_empty_text_is_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.text("TOLLGATE_X", "default") == "default"
    monkeypatch.setenv("TOLLGATE_X", "  ")
    assert environment.text("TOLLGATE_X", "default") == "default"


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(SettingInvalid, match="TOLLGATE_X must be set"):
        environment.text("TOLLGATE_X")


@pytest.mark.parametrize(("value", "meaning"), [("yes", True), ("1", True), ("ON", True), ("no", False), ("0", False)])
def test_a_flag_is_a_yes_or_a_no(monkeypatch: pytest.MonkeyPatch, value: str, meaning: bool) -> None:
    monkeypatch.setenv("TOLLGATE_X", value)
    assert environment.flag("TOLLGATE_X", not meaning) is meaning


def test_a_flag_that_is_neither_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLGATE_X", "perhaps")
    with pytest.raises(SettingInvalid, match="TOLLGATE_X must be yes or no, not 'perhaps'"):
        environment.flag("TOLLGATE_X", False)


def test_a_number_stays_within_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLGATE_X", "65535")
    assert environment.number("TOLLGATE_X", 1, most=65535) == 65535
    monkeypatch.setenv("TOLLGATE_X", "65536")
    with pytest.raises(SettingInvalid, match="TOLLGATE_X must be between 0 and 65535, not 65536"):
        environment.number("TOLLGATE_X", 1, most=65535)
    monkeypatch.setenv("TOLLGATE_X", "1.5")
    with pytest.raises(SettingInvalid, match="TOLLGATE_X must be a whole number"):
        environment.number("TOLLGATE_X", 1)


def test_a_secret_may_live_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hidden\n")
    monkeypatch.setenv("TOLLGATE_X_FILE", str(tmp_path / "secret"))
    assert environment.secret("TOLLGATE_X") == "hidden"
    monkeypatch.setenv("TOLLGATE_X", "open")
    with pytest.raises(SettingInvalid, match="TOLLGATE_X and TOLLGATE_X_FILE are both set"):
        environment.secret("TOLLGATE_X")


@pytest.mark.parametrize(("content", "words"), [(None, "cannot be read"), ("\n", "names an empty file")])
def test_a_secret_file_that_says_nothing_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "secret").write_text(content)
    monkeypatch.setenv("TOLLGATE_X_FILE", str(tmp_path / "secret"))
    with pytest.raises(SettingInvalid, match=f"TOLLGATE_X_FILE {words}"):
        environment.secret("TOLLGATE_X")


def test_processes_that_start_at_once_agree_on_a_kept_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(environment.kept_secret, "key").result()
    assert environment.kept_secret("key") == first
    assert len(first) >= 48
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_without_a_data_folder_no_secret_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOLLGATE_DATA", str(tmp_path / "absent"))
    assert environment.kept_secret("key") != environment.kept_secret("key")
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://localhost/x", "must start with postgresql://"),
        ("postgresql://localhost", "must name a database"),
        ("postgresql://localhost:port/x", "a port that is no number"),
    ],
)
def test_a_database_address_that_cannot_work_is_refused(monkeypatch: pytest.MonkeyPatch, url: str, words: str) -> None:
    monkeypatch.setenv("TOLLGATE_DATABASE_URL", url)
    with pytest.raises(SettingInvalid, match=f"TOLLGATE_DATABASE_URL .*{words}"):
        environment.database_url()


def test_the_embedded_database_is_found_by_its_file(tmp_path: Path) -> None:
    assert environment.database_url() == ""
    (tmp_path / environment.DATABASE_URL_FILE).write_text("postgresql://a@127.0.0.1:1/b\n")
    assert environment.database_url() == "postgresql://a@127.0.0.1:1/b"


def test_a_database_address_comes_apart_as_written() -> None:
    parts = environment.database_parts("postgresql://ann:p%40ss@db.example:6432/toll?sslmode=require")
    assert parts == {
        "name": "toll",
        "user": "ann",
        "password": "p@ss",
        "host": "db.example",
        "port": "6432",
        "sslmode": "require",
    }
    assert environment.database_parts("postgresql:///toll?host=/run/pg")["host"] == "/run/pg"


def test_root_keeps_its_data_where_an_unprivileged_database_can_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOLLGATE_DATA")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert environment.data_folder() == Path("/var/lib/tollgate")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert environment.data_folder() == Path.home() / ".local/share/tollgate"
