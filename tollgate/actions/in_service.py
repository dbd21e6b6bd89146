"""Whether a customer is in service: nothing is given to a deleted one, and nothing of it is changed, until it is back.

An act that adds something to a customer, or changes what belongs to one, asks `check_in_service` before it saves. What
only takes away or ends something does not ask, nor what tells of the past: money that has moved, documents, notes,
legal holds and erasures. `restore_customer` brings a customer back as it was.
"""

from __future__ import annotations

from typing import Final

from tollgate.actions.acts import refuse
from tollgate.store.models import Customer

DELETED: Final = "The customer is deleted: restore it first."


def check_in_service(customer: Customer | None, field: str = "customer_id") -> None:
    """Refuses a deleted customer under the field of the act that leads to it; nobody is in service too."""
    if customer is not None and customer.deleted_at is not None:
        raise refuse(field, DELETED)
