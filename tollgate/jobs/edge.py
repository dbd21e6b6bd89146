"""The SIP edge as one thing: Kamailio and rtpengine, configured, started, watched and stopped by us.

`Edge(settings).start()` returns when calls can come in; call `heal()` every second or so from the same (main) thread;
`stop()` ends both. What the routing does stands in `deploy/kamailio/kamailio.cfg`, what a site may choose in
`edge_settings.py`.
"""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from tollgate.jobs.children import start_child, stop_child
from tollgate.jobs.edge_programs import find_modules, install_line, missing, program
from tollgate.jobs.edge_settings import EdgeSettings, render_media, render_site
from tollgate.jobs.edge_store import prepare_database, prepare_spool
from tollgate.switches import kamailio_rpc

READY_S = 20.0
STOP_S = 8.0
LOG_MOST_BYTES = 20_000_000
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class EdgeMissing(RuntimeError):
    """Programs of the edge are not installed; the message holds the line that installs them."""


class EdgeNotStarted(RuntimeError):
    """Kamailio or rtpengine did not come up; the message carries the end of its log."""


class Edge:
    """One edge node on this machine."""

    def __init__(self, settings: EdgeSettings) -> None:
        self.settings = settings
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Prepares database, spool and configuration, starts both programs, waits until they answer. Idempotent."""
        absent = missing(media=self.settings.media)
        if absent:
            raise EdgeMissing(f"SIP needs Debian packages that are not installed; run: {install_line(absent)}")
        self._prepare()
        if self.settings.media:
            self.start_media()
        self.start_kamailio()
        return self

    def start_kamailio(self) -> None:
        """Starts Kamailio unless it runs, and waits until it answers."""
        if not self._running("kamailio"):
            site = str(self.settings.run_dir / "kamailio.cfg")
            # -DD: stays our child; no -P: a pid file that outlives a crash would keep the next start from happening
            self._launch("kamailio", ["-f", site, "-DD", "-E", "-m", "256", "-M", "16"])
            self._await("kamailio", self.answers)

    def start_media(self) -> None:
        """Starts rtpengine unless it runs, and waits until it answers."""
        if not self._running("rtpengine"):
            self._launch("rtpengine", ["--config-file", str(self.settings.run_dir / "rtpengine.conf")])
            self._await("rtpengine", self.media_answers)

    def heal(self) -> list[str]:
        """Starts again what has died, and keeps the logs from filling the disk.

        Returns what had died; raises EdgeNotStarted when it does not come back.
        """
        dead = [name for name, child in self._children.items() if child.poll() is not None]
        for name in dead:
            self._end_group(name)
            (self.start_media if name == "rtpengine" else self.start_kamailio)()
        for name in self._children:
            self._turn_log(name)
        return dead

    def stop(self) -> None:
        """Ends both programs; live dialogs are in the database for the next start. Idempotent."""
        for name in ("kamailio", "rtpengine"):
            child = self._children.get(name)
            if child is not None:
                stop_child(child, patience_s=STOP_S)
                self._end_group(name)
                del self._children[name]

    def kill(self, name: str = "kamailio") -> None:
        """What a crash does: the program and all its processes are gone at once."""
        self._end_group(name)

    def pid(self, name: str = "kamailio") -> int:
        return self._children[name].pid

    def rpc(self, body: bytes, *, timeout_s: float = 3.0) -> bytes:
        """One request of `switches.kamailio_rpc` and its answer. Raises OSError when the edge is away."""
        connection = http.client.HTTPConnection(self.settings.rpc_ip, self.settings.rpc_port, timeout=timeout_s)
        headers = {"Content-Type": "application/json", kamailio_rpc.SECRET_HEADER: self.settings.rpc_secret}
        try:
            connection.request("POST", kamailio_rpc.PATH, body, headers)
            response = connection.getresponse()
            answer = response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"edge {self.settings.name}: {error!r}") from error
        finally:
            connection.close()
        if response.status == http.HTTPStatus.FORBIDDEN:
            raise ConnectionError(f"edge {self.settings.name}: its secret is another one")
        return answer

    def answers(self) -> bool:
        """Whether Kamailio takes requests."""
        try:
            kamailio_rpc.check(self.rpc(kamailio_rpc.uptime_request(), timeout_s=1.0))
        except (OSError, kamailio_rpc.RpcError):
            return False
        return True

    def media_answers(self) -> bool:
        """Whether rtpengine takes orders."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            link.settimeout(0.3)
            try:
                link.sendto(b"tollgate d7:command4:pinge", (self.settings.listen_ip, self.settings.control_port))
                return b"pong" in link.recv(1500)
            except OSError:
                return False

    def log_text(self, name: str = "kamailio") -> str:
        """What the program wrote since the edge was first started here."""
        path = self._log(name)
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def _prepare(self) -> None:
        settings = self.settings
        settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.recording_dir.mkdir(exist_ok=True)
        password = prepare_database(settings)
        prepare_spool(settings.spool)
        modules = find_modules()
        assert modules is not None
        site = render_site(settings, database_password=password, modules=modules)
        self._write("kamailio.cfg", site)
        self._write("rtpengine.conf", render_media(settings))

    def _write(self, name: str, text: str) -> None:
        """Configuration holds secrets: for our eyes only."""
        path = self.settings.run_dir / name
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)

    def _log(self, name: str) -> Path:
        return self.settings.run_dir / f"{name}.log"

    def _turn_log(self, name: str) -> None:
        """Strangers can make a log grow; the program holds it open for appending, so it is emptied in place."""
        log = self._log(name)
        if log.stat().st_size > LOG_MOST_BYTES:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)

    def _launch(self, name: str, arguments: list[str]) -> None:
        path = program(name)
        assert path is not None
        with self._log(name).open("ab") as file:
            self._children[name] = start_child(
                [path, *arguments], folder=self.settings.run_dir, environment=ENVIRONMENT, log=file
            )

    def _await(self, name: str, ready: object) -> None:
        assert callable(ready)
        child = self._children[name]
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and child.poll() is None:
            if ready():
                return
            time.sleep(0.05)
        self._end_group(name)
        raise EdgeNotStarted(f"{name} did not start:\n{self.log_text(name)[-2000:]}")

    def _running(self, name: str) -> bool:
        child = self._children.get(name)
        return child is not None and child.poll() is None

    def _end_group(self, name: str) -> None:
        """No process of a dead program may go on holding its ports: ends them all and waits until they are gone."""
        group = self._children[name].pid
        deadline = time.monotonic() + STOP_S
        with suppress(ProcessLookupError, PermissionError):
            while time.monotonic() < deadline:
                os.killpg(group, signal.SIGKILL)
                self._children[name].poll()
                time.sleep(0.02)
