"""The programs of a SIP edge: which Debian packages they come from and which of those are not here."""

from __future__ import annotations

import shutil
from pathlib import Path

MODULE_FOLDERS = ("/usr/lib/*/kamailio/modules", "/usr/lib/kamailio/modules", "/usr/lib64/kamailio/modules")

_MODULES = {
    "kamailio": "dialog.so",
    "kamailio-extra-modules": "jansson.so",
    "kamailio-utils-modules": "http_client.so",
    "kamailio-postgres-modules": "db_postgres.so",
    "kamailio-sqlite-modules": "db_sqlite.so",
}


def find_modules() -> Path | None:
    """The folder of Kamailio's modules, None when it is not installed."""
    for pattern in MODULE_FOLDERS:
        for folder in sorted(Path("/").glob(pattern.lstrip("/"))):
            if (folder / "tm.so").exists():
                return folder
    return None


def program(name: str) -> str | None:
    """The path of a program; Debian keeps daemons where the search path of a user may not lead."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")


def missing(*, media: bool = True) -> list[str]:
    """The Debian packages a SIP edge needs that are not installed; empty when it can start."""
    modules = find_modules()
    absent = [package for package, module in _MODULES.items() if modules is None or not (modules / module).exists()]
    if program("kamailio") is None and "kamailio" not in absent:
        absent.insert(0, "kamailio")
    if media and program("rtpengine") is None:
        absent.append("rtpengine-daemon")
    return absent


def install_line(packages: list[str]) -> str:
    """What an administrator types to get the packages."""
    return f"apt-get install --no-install-recommends {' '.join(packages)}"
