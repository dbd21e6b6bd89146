"""One question to a gateway by HTTP: to a checked address, no redirect followed, an answer of bounded length.

`post_form`, `post_json` and `ask` give the status and the body; who asks says what they mean. `agreed` is what they
mean with most gateways.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from urllib3.exceptions import HTTPError

from tollgate.gateways import in_time
from tollgate.gateways.addresses import Unreachable, reachable
from tollgate.gateways.in_time import pool_to
from tollgate.gateways.payments.model import Declined, NotReached

TIMEOUT_S: Final = 20
"""For a connection, and then for the whole dialogue over it."""
ANSWER_MOST: Final = 500_000
FINAL: Final = (400, 402, 404, 422)
"""Answers that stay as they are however often one asks; a login that does not fit may be put right."""


def post_form(url: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, bytes]:
    """Sends a form."""
    return ask("POST", url, body=urlencode(fields).encode(), headers=_typed(headers, "x-www-form-urlencoded"))


def post_json(url: str, value: object, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """Sends JSON."""
    return ask("POST", url, body=json.dumps(value).encode(), headers=_typed(headers, "json"))


def ask(method: str, url: str, *, body: bytes | None = None, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """The status and the body of the answer. Raises NotReached, whose sentence never has a key in it."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    try:
        address = reachable(host, port)[0]
        pool = pool_to(address, port, host if secure else "", whole_s=TIMEOUT_S)
        whole = {"Host": parts.netloc, **headers}
        return in_time.ask(pool, method, target, body=body, headers=whole, most=ANSWER_MOST)
    except Unreachable as problem:
        raise NotReached(str(problem)) from None
    except (HTTPError, OSError, ValueError) as problem:
        raise NotReached(f"{host} is not reached: {type(problem).__name__}.") from None


def agreed(status: int, found: dict[str, Any], *, who: str, words: object) -> dict[str, Any]:
    """An answer that is a yes. Raises Declined for a no, NotReached for all else, each with the gateway's words."""
    if 200 <= status < 300:
        return found
    said = str(words or "") or f"{who} answers {status}."
    raise Declined(said) if status in FINAL else NotReached(said)


def told(content: bytes) -> dict[str, Any]:
    """The JSON object of an answer; empty for anything else."""
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def part(found: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The object at a path into another; empty where there is none."""
    inner: Any = found
    for name in names:
        inner = inner.get(name) if isinstance(inner, Mapping) else None
    return inner if isinstance(inner, dict) else {}


def parts(found: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list in another; none where there is no list."""
    inner = found.get(name)
    return [one for one in inner if isinstance(one, dict)] if isinstance(inner, list) else []


def texts(found: Mapping[str, Any], *names: str, who: str) -> list[str]:
    """Values that an answer must have, as text. Raises NotReached."""
    values = [found.get(name) for name in names]
    if not all(values):
        raise NotReached(f"{who} answers without {' and '.join(names)}.")
    return [str(value) for value in values]


def basic(user: str, password: str) -> dict[str, str]:
    """The header of a login by name and password."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def _typed(headers: Mapping[str, str], kind: str) -> dict[str, str]:
    return {**headers, "Content-Type": f"application/{kind}"}
