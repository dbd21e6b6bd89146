"""A row's place in a list as a word for an address: `after` and `before`.

To let another kind of value be sorted by, add its reader to `_READERS`.
"""

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from ipaddress import ip_network
from typing import Any
from uuid import UUID

from django.core.signing import BadSignature, Signer

from tollgate.ui.sources import Key


def write_key(key: Key, sort: str) -> str:
    """A key as a word for an address, signed, so that it fits no other sort and nobody can make one up."""
    value = key.value.isoformat() if isinstance(key.value, date | time) else str(key.value)
    words = [type(key.value).__name__, value, type(key.row_id).__name__, str(key.row_id)]
    return _signer(sort).sign_object(words)


def read_key(word: str, sort: str) -> Key | None:
    """The key of a word; None for one that is empty, tampered with or of another sort: the list then starts anew."""
    try:
        kind, text, id_kind, row_id = _signer(sort).unsign_object(word)
    except BadSignature:
        return None
    return Key(_READERS[kind](text), _READERS[id_kind](row_id)) if {kind, id_kind} <= _READERS.keys() else None


def _signer(sort: str) -> Signer:
    return Signer(salt=f"tollgate.ui.grid {sort}")


_READERS: Mapping[str, Any] = {
    "int": int,
    "str": str,
    "bool": lambda text: text == "True",
    "Decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "float": float,
    "UUID": UUID,
    "IPv4Network": ip_network,
    "IPv6Network": ip_network,
    "NoneType": lambda _: None,
}
