"""What most gateways say of a refund: that it is made, and later perhaps that it failed after all."""

from __future__ import annotations

from dataclasses import replace

from tollgate.gateways.payments.model import Event


def given_back(refund: Event, *, failed: bool) -> list[Event]:
    """A refund, and with one that failed its money's way back to us: together they move nothing.

    Both are said, as the refund may be booked already, or not.
    """
    if not failed:
        return [refund]
    back = replace(
        refund, kind="restored", external_id=f"{refund.external_id}:back", parent_id=refund.external_id, reference=""
    )
    return [refund, back]
