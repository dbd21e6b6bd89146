"""How commands speak to the running charging service: JSON over HTTP, with the installation's secret."""

from __future__ import annotations

import http.client
import json
from typing import Any, Final

from tollgate.jobs import charge
from tollgate.jobs.console import CommandFailed

TIMEOUT_S: Final = 5.0


def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The answer to one question. Raises CommandFailed with the service's words when it refuses the question."""
    host, port = charge.address()
    connection = http.client.HTTPConnection(_reachable(host), port, timeout=TIMEOUT_S)
    headers = {"Content-Type": "application/json", "X-Tollgate-Secret": charge.secret()}
    try:
        connection.request("POST", path, json.dumps(body).encode(), headers)
        answer = connection.getresponse()
        text = answer.read()
    except OSError as problem:
        raise CommandFailed(
            f"the charging service at {host}:{port} does not answer ({problem}): start it with `tollgate run`"
        ) from None
    finally:
        connection.close()
    try:
        said = json.loads(text)
    except ValueError:
        said = {}
    if answer.status != 200:
        raise CommandFailed(f"the charging service answered {answer.status}: {said.get('detail', answer.reason)}")
    return dict(said)


def healthy() -> bool:
    """Whether the service answers and has its database."""
    host, port = charge.address()
    connection = http.client.HTTPConnection(_reachable(host), port, timeout=2.0)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
