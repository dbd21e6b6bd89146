"""Acts on edges: the switch nodes that ask us about calls."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, TypedDict, Unpack
from urllib.parse import urlsplit

from tollgate.actions import checks, records
from tollgate.actions.acts import act
from tollgate.store.models import Account, Edge


class EdgeFields(TypedDict, total=False):
    """What may be set on an edge."""

    kind: str
    rpc_url: str
    enabled: bool


class EdgeChanges(EdgeFields, total=False):
    """What may be changed on an edge."""

    name: str


def _address(value: object) -> str:
    """The installation's secret is sent there: a private address only, and no name that could lead elsewhere."""
    url = value.strip() if isinstance(value, str) else ""
    if url and not _is_private(url):
        raise checks.Unfit(
            "Give the private address of the edge's RPC, such as http://10.0.0.5:8060, or leave it empty."
        )
    return url


def _is_private(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = ip_address(parts.hostname or "")
        plain = parts.scheme == "http" and parts.path in {"", "/", "/RPC"} and not (parts.query or parts.username)
        return plain and parts.port is not None and (host.is_private or host.is_loopback) and not host.is_unspecified
    except ValueError:
        return False


CHECKS: Mapping[str, checks.Check] = {
    "name": checks.matching(r"[A-Za-z0-9._-]{1,64}", "Use 1 to 64 letters, digits, dots and dashes."),
    "kind": checks.one_of(("kamailio", "plain")),
    "rpc_url": _address,
    "enabled": checks.yes_no,
}


@act
def create_edge(*, account_id: int, name: str, **fields: Unpack[EdgeFields]) -> Edge:
    """Registers a switch node by the name it gives in every message."""
    given: dict[str, Any] = {**fields, "name": name}
    values = checks.cleaned(CHECKS, given)
    return records.create(Edge, {**values, "account_id": records.find(Account, account_id).pk})


@act
def update_edge(*, edge_id: int, version: int | None = None, **changes: Unpack[EdgeChanges]) -> Edge:
    """Changes a switch node; one that is disabled brings no new calls, and those it has go on to their end."""
    return records.change(records.locked(Edge, edge_id, version), checks.cleaned(CHECKS, changes))
