"""Who is under a legal hold: nothing of them is deleted while it lasts, whatever the days of retention say."""

from __future__ import annotations

from tollgate.store.models import Customer
from tollgate.store.queries.statements import rows


def held_customers() -> list[int]:
    """Those whose hold was not released, and of a reseller those that are, or ever were, below it."""
    return [row.customer_id for row in rows("lake", "held_customers")]


def held_now(customer_id: int) -> bool:
    """Whether a customer is held; the answer stays true until the transaction ends, as no hold is placed meanwhile."""
    above = [row.reseller_id for row in rows("lake", "resellers_of", customer_id)]
    list(Customer.objects.select_for_update(no_key=True).filter(pk__in=[customer_id, *above]).order_by("pk"))
    return customer_id in held_customers()
