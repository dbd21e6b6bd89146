"""What extensions must be, whatever has them: numbers of the customer's blocks, and nobody else's.

SIP users, IP endpoints and conference rooms share one registry, which triggers keep; the database refuses two that
share a number. A number of the public network is caught by whoever has it as an extension: emergency numbers are never
extensions, long ones only with a warning, and a reseller's user takes none but those of the customer's blocks. To give
extensions to something else, let its acts ask `check_extensions` before they save.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db.models import Q

from tollgate.actions import checks
from tollgate.actions.acts import current, refuse, warn
from tollgate.actions.endpoint_sharing import take_turns
from tollgate.core import extensions
from tollgate.core.extensions import ExtensionsInvalid, Span, beside, number_of
from tollgate.store.models import Customer, Endpoint, Extension, NumberBlock

DUPLICATE = "Duplicate User Detected"
SET_ASIDE = "This number is set aside: choose another."
NO_BLOCKS = "This customer has no number block to take it from: ask your provider for one."
EMERGENCY: Final = (112, 911)
"""What every mobile phone calls for help, wherever it is (ITU-T E.161.1)."""
MOST_SHORT: Final = 99_999_999
"""Longer numbers are those of the public network as a rule."""


def extensions_text(value: object) -> str:
    """The check of a field that names extensions: `2000-2049, 2060`, as it is stored."""
    text: str = checks.text(2000)(value)
    try:
        return extensions.write(extensions.parse(text))
    except ExtensionsInvalid as problem:
        raise checks.Unfit(str(problem)) from None


def check_user_name(customer: Customer, username: str) -> None:
    """Refuses a name for a SIP user that is outside its customer's blocks, inside those of another, or in use."""
    number = number_of(username)
    if number is not None:
        check_extensions(customer, [Span(number, number)], field="username")
        return
    take_turns(customer.account_id)  # no block is given away meanwhile
    own = _blocks(customer)
    if own:
        raise refuse("username", _words("a number", own))
    if username.isdigit() and current.get().reach is not None:
        raise refuse("username", NO_BLOCKS)
    bare = number_of(username.lstrip("0"))  # one that people would take for the other's
    if bare is not None and _set_aside([Span(bare, bare)], customer):
        raise refuse("username", SET_ASIDE)
    if Endpoint.objects.filter(account_id=customer.account_id, username=username).exists():
        raise refuse("username", DUPLICATE)


def check_extensions(customer: Customer, wanted: Sequence[Span], *, field: str, had: Sequence[Span] = ()) -> None:
    """Refuses numbers outside the customer's blocks, inside those of another, or in use; `had` are its own already."""
    take_turns(customer.account_id)
    new = beside(wanted, had)
    if not new:
        return
    _check_emergency(new, field)
    own = _blocks(customer)
    single = len(wanted) == 1 and wanted[0].first == wanted[0].last
    if own and beside(new, own):
        raise refuse(field, _words("a number" if single else "numbers", own))
    if not own and current.get().reach is not None:
        raise refuse(field, NO_BLOCKS)
    if not own and _set_aside(new, customer):
        raise refuse(field, SET_ASIDE)  # by whom is nobody else's business
    if not own and any(span.last > MOST_SHORT for span in new):
        warn("Numbers this long are numbers of the public network: who calls them reaches these extensions instead.")
    found = Extension.objects.filter(_meeting(new), account_id=customer.account_id)
    taken = found.order_by("first").first()
    if taken is not None:
        met = next(span for span in new if taken.first <= span.last and taken.last >= span.first)
        number = max(taken.first, met.first)
        raise refuse(field, DUPLICATE if single else f"{DUPLICATE}: {number}")  # whose it is, is nobody else's business


def _check_emergency(new: Sequence[Span], field: str) -> None:
    for number in EMERGENCY:
        if any(span.first <= number <= span.last for span in new):
            raise refuse(field, f"{number} is an emergency number: calls to it must go out.")


def _set_aside(spans: Sequence[Span], customer: Customer) -> bool:
    return NumberBlock.objects.filter(_meeting(spans), account_id=customer.account_id).exists()


def _blocks(customer: Customer) -> list[Span]:
    rows = NumberBlock.objects.filter(customer=customer).order_by("first").values_list("first", "last")
    return [Span(first, last) for first, last in rows]


def _words(what: str, own: Sequence[Span]) -> str:
    return f"Choose {what} of this customer's blocks: {', '.join(f'{span.first}-{span.last}' for span in own)}."


def _meeting(spans: Sequence[Span]) -> Q:
    """Rows with a first and a last number that share one with any of these."""
    found = Q(pk__in=())
    for span in spans:
        found |= Q(first__lte=span.last, last__gte=span.first)
    return found
