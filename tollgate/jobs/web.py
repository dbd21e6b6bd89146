"""`tollgate web`: serves the pages with gunicorn."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any, cast
from wsgiref.types import WSGIApplication

from gunicorn.app.base import BaseApplication
from gunicorn.util import import_app

from tollgate import environment
from tollgate.jobs.console import Commands, add_command, say
from tollgate.jobs.postgres import serving


def register(commands: Commands) -> None:
    """Adds the command."""
    add_command(commands, "web", run=run, words="serve the pages: panel, portal and REST API", machine=True)


def address() -> tuple[str, int]:
    """Where the pages are served."""
    return environment.text("TOLLGATE_WEB_HOST", "127.0.0.1"), environment.number("TOLLGATE_WEB_PORT", 8000, most=65535)


class Web(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn in this process: its workers share one listening socket."""

    def __init__(self, *, ready: Callable[[], None], stopped: Callable[[], None]) -> None:
        self._ready, self._stopped = ready, stopped
        super().__init__()

    def load_config(self) -> None:
        """Our settings instead of a file's."""
        host, port = address()
        settings: dict[str, Any] = {
            "bind": f"{host}:{port}",
            "workers": environment.number("TOLLGATE_WEB_WORKERS", 2, least=1, most=64),
            "worker_class": "gthread",
            "threads": 8,
            "limit_request_line": 8190,
            "preload_app": True,
            "timeout": 60,
            "graceful_timeout": 5,
            "max_requests": 20_000,
            "max_requests_jitter": 2_000,
            "worker_tmp_dir": "/dev/shm",  # noqa: S108  # a heartbeat file, which must never wait for a disk
            "control_socket_disable": True,
            "proc_name": "tollgate web",
            "loglevel": "warning",
            "when_ready": lambda _server: self._ready(),
            "on_exit": lambda _server: self._stopped(),
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> WSGIApplication:
        """The pages, loaded once before the workers are forked."""
        return cast(WSGIApplication, import_app("tollgate.config.wsgi:application"))


def run(arguments: Namespace) -> int:
    """Serves until it is told to stop."""
    folder = environment.data_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with serving(folder) as url:
        environment.export("TOLLGATE_DATABASE_URL", url)
        host, port = address()
        where = f"http://{host}:{port}/"
        Web(
            ready=lambda: say(arguments, f"pages are served at {where}", web=where),
            stopped=lambda: say(arguments, "stopped", stopped=True),
        ).run()
    return 0
