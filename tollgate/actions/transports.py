"""The transports by which calls leave, and what is said where an edge cannot use one.

An act that takes a transport asks `warn_of_tls` with what it is about to save.
"""

from __future__ import annotations

from tollgate.actions.acts import warn
from tollgate.store.models import Edge

NO_TLS = (
    "The Kamailio edge sends calls by UDP and TCP only: it can send none there by TLS. Choose UDP or TCP, or leave "
    "these calls to a switch that speaks TLS."
)


def warn_of_tls(account_id: int, transport: object) -> None:
    """Warns of TLS where an edge of the account cannot send it."""
    if transport == "tls" and Edge.objects.filter(account_id=account_id, kind="kamailio", enabled=True).exists():
        warn(NO_TLS)
