"""Whether the contacts of a customer can log in at another portal domain: an email is one contact's there.

The database decides (`contact_email_once`); this names what is in the way before anything is saved.
"""

from __future__ import annotations

from typing import Final

from django.db.models.functions import Lower

from tollgate.actions.acts import current, refuse
from tollgate.core.areas import may_read
from tollgate.store.models import Contact, Customer

EMAILS_TOLD: Final = 3


def check_logins(customer: Customer, domain_id: int | None) -> None:
    """Refuses a portal domain where somebody else logs in with an email of the customer's contacts.

    The emails are named as far as the actor may read the other contact; of others nobody hears which they are.
    """
    contacts = Contact.objects.annotate(lowered=Lower("email"))
    own = contacts.filter(customer=customer).values("lowered")
    met = contacts.filter(login_domain=domain_id or 0, lowered__in=own).exclude(customer=customer)
    found = list(met.order_by("lowered").values_list("lowered", "customer_id"))
    if not found:
        return
    actor = current.get()
    read = actor.kind != "user" or may_read("contacts", actor.areas, reseller=actor.reach is not None)
    emails = [email for email, owner in found if read and (actor.reach is None or owner in actor.reach)]
    if not emails:
        raise refuse("domain_id", "An email of its contacts cannot be used at this portal domain: choose another.")
    told = ", ".join(emails[:EMAILS_TOLD]) + (", …" if len(found) > len(emails[:EMAILS_TOLD]) else "")
    raise refuse("domain_id", f"Contacts of other customers log in there with {told}: give these another email first.")
