"""Where calls to a DID may be delivered: extensions that its customer may call, and addresses that calls may go to.

How a place is written is said by `core.dids`. To allow something else, read it there and ask here who may name it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tollgate.actions import checks
from tollgate.actions.acts import current, refuse, warn
from tollgate.actions.callee_addresses import OURS, check_place
from tollgate.actions.transports import warn_of_tls
from tollgate.core import dids
from tollgate.core.dids import DestinationsInvalid, Place
from tollgate.core.extensions import number_of
from tollgate.store.models import ConferenceRoom, Customer, Did, Endpoint, Extension

FIELD = "destinations"
MOST = 5000
MOST_TOLD = 3


def destinations_text(value: object) -> str:
    """The check of a field with a place on each line, as it is stored."""
    text: str = checks.text(MOST)(value)
    try:
        return dids.written(dids.parse(text))
    except DestinationsInvalid as problem:
        raise checks.Unfit(str(problem)) from None


def check_destinations(customer: Customer, places: Sequence[Place], had: Collection[Place] = ()) -> None:
    """Refuses what the customer may not be called at; `had` are places that are there already.

    A reseller's user names no address that our edges send calls to.
    """
    phones = [place for place in places if place.extension and _is_phone(customer, place.extension)]
    if phones and len(places) > 1:
        words = f"{phones[0].text} is a SIP user: it stands alone, because a phone is found where it has registered."
        raise refuse(FIELD, words)
    for place in places:
        if place.host and place not in had:
            if current.get().reach is not None:
                raise refuse(FIELD, OURS)
            check_place(customer, FIELD, place.host)
            warn_of_tls(customer.account_id, place.transport)


def warn_of_calls_lost(callee: Endpoint | ConferenceRoom) -> None:
    """Warns of DIDs whose calls go to what is about to be removed: of those that the actor may see."""
    found = Did.objects.filter(account_id=callee.account_id).exclude(destinations="")
    if not callee.shared:
        found = found.filter(customer_id=callee.customer_id)
    reach = current.get().reach
    if reach is not None:
        found = found.filter(customer_id__in=reach)
    username = callee.username if isinstance(callee, Endpoint) else None
    spans = list(callee.numbers.values_list("first", "last"))
    told: list[str] = []
    for number, text in found.order_by("number").values_list("number", "destinations").iterator():
        if any(_is_at(place.extension, username, spans) for place in dids.parse(text)):
            told.append(number)
        if len(told) > MOST_TOLD:
            break
    if told:
        more = ", …" if len(told) > MOST_TOLD else ""
        warn(f"Calls to DIDs went to it ({', '.join(told[:MOST_TOLD])}{more}): give those another destination.")


def _is_at(extension: str, username: str | None, spans: Sequence[tuple[int, int]]) -> bool:
    number = number_of(extension)
    return extension != "" and (
        extension == username or (number is not None and any(first <= number <= last for first, last in spans))
    )


def _is_phone(customer: Customer, extension: str) -> bool:
    """Whether a SIP user has it. Refuses what the customer may not call."""
    found = _callee(customer.account_id, extension)
    if found is None or not (found.shared or found.customer_id == customer.pk):
        words = f"{extension} is no SIP user, extension or conference room of {customer.name}, and no shared one."
        raise refuse(FIELD, words)
    return isinstance(found, Endpoint) and found.kind == "sip_user"


def _callee(account_id: int, extension: str) -> Endpoint | ConferenceRoom | None:
    """What answers to an extension, as calls within the net find it."""
    user = Endpoint.objects.filter(account_id=account_id, username=extension, kind="sip_user").first()
    number = number_of(extension)
    if user is not None or number is None:
        return user
    of_account = Extension.objects.filter(account_id=account_id, first__lte=number, last__gte=number)
    found = of_account.select_related("endpoint", "conference_room").first()
    return None if found is None else found.endpoint or found.conference_room
