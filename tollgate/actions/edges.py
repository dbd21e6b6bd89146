"""Acts on edges: the switch nodes that ask us about calls."""

from __future__ import annotations

from collections.abc import Mapping
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
    url = value.strip() if isinstance(value, str) else ""
    parts = urlsplit(url)
    if url and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise checks.Unfit("Give the address of the edge's RPC, such as http://10.0.0.5:5070/RPC, or leave it empty.")
    return url


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
def update_edge(*, edge_id: int, **changes: Unpack[EdgeChanges]) -> Edge:
    """Changes a switch node; calls of a disabled one are refused."""
    return records.change(records.locked(Edge, edge_id), checks.cleaned(CHECKS, changes))
