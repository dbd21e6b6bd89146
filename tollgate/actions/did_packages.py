"""Packages for DIDs: which may be given, and what becomes of them when a DID leaves the customer that has it.

The customer pays for them while it has the DID. When the DID goes to somebody else or into the inventory they end, no
earlier than their minimum days are over: those are paid, as for any package that is ended.
"""

from __future__ import annotations

from tollgate.actions.acts import refuse, warn
from tollgate.actions.charges import today_of
from tollgate.actions.package_runs import close, lock_held
from tollgate.core.packages import earliest_end_on
from tollgate.store.models import Customer, CustomerPackage, Did, Package


def lock_did(did_id: int) -> Did:
    """The DID that a package is for, locked so that nobody takes it away meanwhile. Raises Invalid."""
    found = Did.objects.select_for_update(no_key=True).filter(pk=did_id).first()
    if found is None:
        raise refuse("did_id", "Choose a DID of this customer.")
    return found


def check_did(did: Did, customer: Customer, package: Package) -> None:
    """Refuses a DID that is not the customer's, and packages that are of a customer as a whole."""
    if did.customer_id != customer.pk:
        raise refuse("did_id", "Choose a DID of this customer.")
    if package.kind == "free_minutes":
        raise refuse("did_id", "Free minutes are of a customer and not of one of its DIDs: leave the DID out.")
    if package.minimum_spend:
        raise refuse("did_id", "A minimum spend is of all calls of a customer: leave the DID out.")


def end_packages_of(did: Did) -> None:
    """Ends the packages of a locked DID that is about to leave its customer: today, or with their minimum days."""
    for found in CustomerPackage.objects.filter(did=did, customer=did.customer).order_by("pk"):
        held = lock_held(found.pk)
        today = today_of(held.customer)
        least = earliest_end_on(held.starts_on, held.package.minimum_days)
        last = max(today, least) if held.starts_on <= today else today
        if held.ends_on is not None and held.ends_on <= last:
            continue
        close(held, last)
        if last > today:
            warn(f"{held.customer.name} pays for {held.package.name} until {last}: its minimum days.")
