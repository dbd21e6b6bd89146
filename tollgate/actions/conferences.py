"""Acts on conference rooms: extensions whose calls go to a conference server of the operator's.

We mix no voices: the room's own server does. Here is who may call it, how many at once, and where it stands. To add a
field: its column, its line in `RoomFields` and in `CHECKS`, and what obeys it in `core.calls_local`.
"""

from __future__ import annotations

from typing import Any, TypedDict, Unpack

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse
from tollgate.actions.callee_addresses import check_place, check_room
from tollgate.actions.deleted_records import deleted, remove
from tollgate.actions.did_places import warn_of_calls_lost
from tollgate.actions.extensions import check_extensions
from tollgate.actions.in_service import check_in_service
from tollgate.core.extensions import Span
from tollgate.store.models import ConferenceRoom, Customer, Wallet

MOST_NUMBER = 10**12 - 1
TRANSPORTS = ("udp", "tcp", "tls")


class RoomFields(TypedDict, total=False):
    """What may be set beside name, extension and host. 0 channels: as many as like."""

    port: int | None
    transport: str
    channels: int
    shared: bool
    enabled: bool


class RoomChanges(RoomFields, total=False):
    """What may be changed."""

    name: str
    extension: int
    host: str


CHECKS = {
    "name": checks.text(required=True),
    "extension": checks.whole(0, MOST_NUMBER),
    "host": checks.host,
    "port": checks.optional(checks.whole(1, 65_535)),
    "transport": checks.one_of(TRANSPORTS),
    "channels": checks.channels,
    "shared": checks.yes_no,
    "enabled": checks.yes_no,
}


@act
def create_conference_room(
    *, customer_id: int, name: str, extension: int, host: str, **fields: Unpack[RoomFields]
) -> ConferenceRoom:
    """Gives a customer a conference room at an extension. Without a port: 5061 by TLS, else 5060.

    A customer with number blocks takes the extension from them; nobody takes one from the blocks of another.
    """
    given: dict[str, Any] = {**fields, "name": name, "extension": extension, "host": host}
    values = checks.cleaned(CHECKS, given)
    customer = records.locked(Customer, customer_id)
    check_in_service(customer)
    values["port"] = values.get("port") or usual_port(values.get("transport"))
    check_room(customer, values)
    check_extensions(customer, [_span(values["extension"])], field="extension")
    return records.create(ConferenceRoom, {**values, "customer_id": customer.pk, "account_id": customer.account_id})


@act
def update_conference_room(
    *, conference_room_id: int, version: int | None = None, **changes: Unpack[RoomChanges]
) -> ConferenceRoom:
    """Changes a room. The next call obeys it; who is in it stays."""
    values = checks.cleaned(CHECKS, changes)
    customer = records.locked(Customer, records.find(ConferenceRoom, conference_room_id).customer_id)
    room = records.locked(ConferenceRoom, conference_room_id, version)
    check_in_service(customer, "conference_room_id")
    if "port" in values and values["port"] is None:
        values["port"] = usual_port(values.get("transport", room.transport))
    check_room(customer, values, room)
    if "extension" in values:
        check_extensions(customer, [_span(values["extension"])], field="extension", had=[_span(room.extension)])
    return records.change(room, values)


@act
def delete_conference_room(*, conference_room_id: int, version: int | None = None) -> None:
    """Removes a room in which nobody is; its CDRs stay. For a week `restore_conference_room` undoes it."""
    room = records.locked(ConferenceRoom, conference_room_id, version)
    if Wallet.objects.filter(kind="conference_room", owner_id=room.pk, channels__gt=0).exists():
        raise refuse("conference_room_id", "There are calls in this room: disable it and wait for them to end.")
    warn_of_calls_lost(room)
    remove(room, account_id=room.account_id)


@act
def restore_conference_room(*, conference_room_id: int) -> ConferenceRoom:
    """Brings a deleted room back as it was, where its extension is still free."""
    was = deleted(ConferenceRoom, conference_room_id, "conference_room_id")
    check_place(was.record.customer, "host", was.record.host)
    check_extensions(was.record.customer, [_span(was.record.extension)], field="extension")
    return was.restore()


def usual_port(transport: str | None) -> int:
    """By RFC 3261 section 19.1.2."""
    return 5061 if transport == "tls" else 5060


def _span(number: int) -> Span:
    return Span(number, number)
