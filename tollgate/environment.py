"""The only reader of the process environment.

Every setting of the installation passes through `text`, `flag`, `number` or `secret`, by its full
name, so that one search finds all of them. To add one: call a reader where the setting is obeyed and
list the name in docs/reference/settings.md (a house test compares the two).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

DATABASE_URL_FILE: Final = "postgres.url"
YES: Final = frozenset({"1", "true", "yes", "on"})
NO: Final = frozenset({"0", "false", "no", "off"})


class SettingInvalid(ValueError):
    """A setting is missing or says something that cannot be obeyed; the message names it."""


def text(name: str, default: str | None = None) -> str:
    """The value of `name`, or `default` when it is unset or empty; without a default it must be set."""
    value = os.environ.get(name, "").strip()
    if value:
        return value
    if default is None:
        raise SettingInvalid(f"{name} must be set")
    return default


def flag(name: str, default: bool) -> bool:
    """A yes or no: 1, true, yes, on or 0, false, no, off, in any case."""
    value = text(name, "").lower()
    if not value:
        return default
    if value in YES:
        return True
    if value in NO:
        return False
    raise SettingInvalid(f"{name} must be yes or no, not {value!r}")


def number(name: str, default: int, *, least: int = 0, most: int = 2**31 - 1) -> int:
    """A whole number between `least` and `most`."""
    value = text(name, "")
    if not value:
        return default
    try:
        result = int(value)
    except ValueError:
        raise SettingInvalid(f"{name} must be a whole number, not {value!r}") from None
    if not least <= result <= most:
        raise SettingInvalid(f"{name} must be between {least} and {most}, not {result}")
    return result


def secret(name: str, default: str | None = None) -> str:
    """A value that may also live in a file: `NAME_FILE` names the file, its first line is the value."""
    path = text(f"{name}_FILE", "")
    if not path:
        return text(name, default)
    if text(name, ""):
        raise SettingInvalid(f"{name} and {name}_FILE are both set; keep one")
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as problem:
        raise SettingInvalid(f"{name}_FILE cannot be read: {problem}") from None
    if not lines or not lines[0].strip():
        raise SettingInvalid(f"{name}_FILE names an empty file: {path}")
    return lines[0].strip()


def export(name: str, value: str) -> None:
    """Set `name` for this process and its children."""
    os.environ[name] = value


def copy() -> dict[str, str]:
    """The whole environment, for child processes."""
    return dict(os.environ)


def data_folder() -> Path:
    """Where the installation keeps its files: the embedded database, keys, recordings.

    Root's own home is closed to the unprivileged user that runs the database, so root keeps its
    data where system services do.
    """
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    default = "/var/lib/tollgate" if root else "~/.local/share/tollgate"
    return Path(text("TOLLGATE_DATA", default)).expanduser().absolute()


def lake_folder() -> Path:
    """Where the files of the lake are: with several machines, a folder that all of them see."""
    return Path(text("TOLLGATE_LAKE_FOLDER", str(data_folder() / "lake"))).expanduser().absolute()


def kept_secret(name: str) -> str:
    """The secret in the file `name` of the data folder, made now if there is none; a passing one without a folder.

    Processes that start at the same moment agree: the secret is written aside and linked into place,
    and the first link wins.
    """
    path = data_folder() / name
    if not path.parent.is_dir():
        return secrets.token_urlsafe(48)
    if not path.exists():
        aside = path.with_name(f"{name}.{os.getpid()}")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    return path.read_text(encoding="ascii").strip()


def database_url() -> str:
    """The database of this installation: `TOLLGATE_DATABASE_URL`, or the embedded one of the data folder.

    Empty when neither is known, which is so before the embedded database has been started once.
    """
    url = given_database_url()
    if url:
        return url
    path = data_folder() / DATABASE_URL_FILE
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def given_database_url() -> str:
    """The server the operator chose instead of the embedded one; empty when none was."""
    url = secret("TOLLGATE_DATABASE_URL", "")
    if url:
        check_database_url(url)
    return url


def check_database_url(url: str) -> SplitResult:
    """The parts of a PostgreSQL address, or an error that says what is wrong with it."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise SettingInvalid("TOLLGATE_DATABASE_URL must start with postgresql://")
    if not parts.path.strip("/"):
        raise SettingInvalid("TOLLGATE_DATABASE_URL must name a database: postgresql://user:password@host:port/name")
    try:
        _ = parts.port
    except ValueError:
        raise SettingInvalid("TOLLGATE_DATABASE_URL has a port that is no number") from None
    return parts


def database_parts(url: str) -> dict[str, str]:
    """A PostgreSQL address as name, user, password, host and port; its query (`?sslmode=...`) follows as is."""
    parts = check_database_url(url)
    query = dict(parse_qsl(parts.query))
    return {
        "name": unquote(parts.path.strip("/")),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "host": unquote(parts.hostname or query.pop("host", "")),
        "port": str(parts.port or query.pop("port", "")),
        **query,
    }
