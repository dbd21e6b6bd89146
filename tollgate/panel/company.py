"""A customer that is typed into a form by its name or account number: there may be too many to list.

Used by the `clean_customer_id` of every form that stands for all customers.
"""

from django import forms
from django.db.models import QuerySet

from tollgate.store.models import Customer


def customer_named(known: QuerySet[Customer], text: str) -> int:
    """The id of the customer of an account number, else of a name, as written or in other case.

    Raises ValidationError, also when only the case of their letters tells two names apart.
    """
    wanted = ({"number": text}, {"name": text}, {"name__iexact": text})
    found = next((rows for fit in wanted if (rows := list(known.filter(**fit)[:2]))), [])
    if not found:
        raise forms.ValidationError("There is no customer of this name or number.")
    if len(found) > 1:
        raise forms.ValidationError("Several customers have this name: give the account number.")
    return found[0].pk
