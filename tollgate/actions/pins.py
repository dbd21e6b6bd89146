"""Acts on the PINs of customers: drawn or chosen, told once, kept as a mark (store/pins.py).

No act gives back a record that has a PIN in it, so none is put off, and no log or delayed save ever holds one.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q

from tollgate.actions import records
from tollgate.actions.acts import Invalid, NotFound, act, current, refuse, warn
from tollgate.actions.in_service import check_in_service
from tollgate.core.pins import is_crowded, is_trivial
from tollgate.store.models import AccessNumber, Customer, Endpoint, Pin
from tollgate.store.pins import mark

MOST_DRAWS: Final = 50
EASY: Final = "This PIN is among the first that anybody would try: choose another."


@dataclass(frozen=True, slots=True)
class PinGiven:
    """A customer's new PIN. What is not told now can never be told."""

    customer_id: int
    customer: str
    number: str
    access_number_id: int | None
    pin: str


@act
def generate_pin(*, customer_id: int, access_number_id: int | None = None) -> PinGiven:
    """Draws a new PIN for a customer, at one access number or at all; the old one is void. It is told this once."""
    customer = records.locked(Customer, customer_id)
    check_in_service(customer)
    place = _place(customer, access_number_id)
    _tell_crowded(customer, place)
    return _drawn(customer, place)


@act
def set_pin(*, customer_id: int, pin: str, access_number_id: int | None = None) -> bool:
    """Gives a customer the PIN that somebody has chosen; an empty one takes its PIN away. Whether it has one now.

    Who may see some customers only draws PINs: a refusal of a chosen one would tell that another customer has it.
    """
    customer = records.locked(Customer, customer_id)
    if pin == "":
        Pin.objects.filter(customer=customer).delete()
        return False
    check_in_service(customer)
    if current.get().reach is not None:
        raise refuse("pin", "Let the PIN be drawn: only users of the account choose PINs.")
    length = customer.account.pin_length
    if not (pin.isascii() and pin.isdigit() and len(pin) == length):
        raise refuse("pin", f"A PIN here has {length} digits: the options say how many.")
    if is_trivial(pin):
        raise refuse("pin", EASY)
    place = _place(customer, access_number_id)
    _tell_crowded(customer, place)
    _keep(customer, place, pin)
    return True


@act
def clear_pin(*, customer_id: int) -> None:
    """Takes a customer's PIN away: no call is its any more by PIN."""
    Pin.objects.filter(customer=records.locked(Customer, customer_id)).delete()


def check_presenting(values: Mapping[str, Any], endpoint: Endpoint | None = None) -> None:
    """Whose PIN is presented pays, whoever presents it: so only the account's own users say who may, and from where."""
    if current.get().reach is None:
        return
    was = endpoint is not None and endpoint.presents_pins
    if values.get("presents_pins", was) != was:
        raise refuse("presents_pins", "Only users of the account let an endpoint present PINs.")
    if endpoint is not None and was and values.get("network", endpoint.network) != endpoint.network:
        raise refuse("network", "This endpoint presents PINs: only users of the account move it.")


def _place(customer: Customer, access_number_id: int | None) -> AccessNumber | None:
    """Access numbers are the account's: whoever may give a PIN may name one."""
    if access_number_id is None:
        return None
    found = AccessNumber.objects.filter(account=customer.account_id, pk=access_number_id).first()
    if found is None:
        raise NotFound(f"There is no accessnumber {access_number_id}.")
    return found


def _drawn(customer: Customer, place: AccessNumber | None) -> PinGiven:
    length = customer.account.pin_length
    for _ in range(MOST_DRAWS):
        pin = str(secrets.randbelow(10**length)).zfill(length)
        if is_trivial(pin):
            continue
        try:
            _keep(customer, place, pin)
        except Invalid:
            continue
        return PinGiven(customer.pk, customer.name, customer.number, place.pk if place else None, pin)
    raise refuse("pin", f"Nearly all PINs of {length} digits are taken: make them longer in the options.")


def _keep(customer: Customer, place: AccessNumber | None, pin: str) -> None:
    """Stores the mark in place of the one before. Raises Invalid for a PIN that holds there already."""
    values: dict[str, Any] = {
        "access_number_id": place.pk if place else None,
        "mark": mark(customer.account_id, pin),
        "set_at": records.now(),
    }
    held = Pin.objects.select_for_update().filter(customer=customer).first()
    if held is None:
        records.create(Pin, {**values, "customer_id": customer.pk})
    else:
        records.change(held, values)


def _tell_crowded(customer: Customer, place: AccessNumber | None) -> None:
    """Says so where guessing pays."""
    held = Pin.objects.filter(customer__account=customer.account_id)
    if place is not None:
        held = held.filter(Q(access_number=place) | Q(access_number=None))
    length, count = customer.account.pin_length, held.count()
    if is_crowded(length, count + 1):
        warn(f"There are {count} PINs already, too many for {length} digits: make new ones longer in the options.")
