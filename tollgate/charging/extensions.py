"""Extensions behind addresses, as the snapshot knows them: of customers' PBXes and of conference rooms.

SIP users are found by their names, and are here only while they are disabled: such extensions stay in the book and are
refused, so that nobody pays a carrier for an extension. To let something else answer to extensions, add its rows.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable

import asyncpg

from tollgate.core.callee_addresses import comparable
from tollgate.core.extensions import Book, ExtensionsInvalid, Span, number_of, parse
from tollgate.core.snapshot import Callee

log = logging.getLogger(__name__)


def callees(
    endpoints: Iterable[asyncpg.Record], rooms: Iterable[asyncpg.Record], forbidden: Collection[str]
) -> Book[Callee]:
    """Who answers to which number, of the rows of one account. To `forbidden` hosts no call is sent."""
    found: list[tuple[Span, Callee]] = []
    for row in endpoints:
        if row["extensions"]:
            pbx = _pbx(row, forbidden)
            found += [(span, pbx) for span in _spans(row)]
        elif row["kind"] == "sip_user" and not row["enabled"]:
            number = number_of(row["username"])
            if number is not None:
                found.append((Span(number, number), _silent_phone(row)))
    for row in rooms:
        found.append((Span(row["extension"], row["extension"]), _room(row, forbidden)))
    return Book(found)


def _spans(row: asyncpg.Record) -> tuple[Span, ...]:
    try:
        return parse(row["extensions"])
    except ExtensionsInvalid as problem:
        log.error("endpoint %s is not called by its extensions: %s", row["id"], problem)
        return ()


def _closed(row: asyncpg.Record, host: str, forbidden: Collection[str]) -> str:
    if not row["enabled"]:
        return "disabled"
    if comparable(host) not in forbidden:
        return ""
    log.error("extensions at %s are not called: a carrier or an edge is there", host)
    return "address"


def _silent_phone(row: asyncpg.Record) -> Callee:
    return Callee(
        kind="endpoint",
        id=row["id"],
        customer_id=row["customer_id"],
        name=row["name"] or row["username"],
        host="",
        shared=row["shared"],
        closed="disabled",
    )


def _pbx(row: asyncpg.Record, forbidden: Collection[str]) -> Callee:
    host = row["delivery_host"] or str(row["network"].network_address)
    return Callee(
        kind="endpoint",
        id=row["id"],
        customer_id=row["customer_id"],
        name=row["name"] or str(row["network"]),
        host=host,
        port=row["delivery_port"],
        transport=row["delivery_transport"],
        shared=row["shared"],
        wallet_id=row["wallet_id"],
        limited=row["limited"],
        network=row["network"],
        closed=_closed(row, host, forbidden),
    )


def _room(row: asyncpg.Record, forbidden: Collection[str]) -> Callee:
    return Callee(
        kind="conference_room",
        id=row["id"],
        customer_id=row["customer_id"],
        name=row["name"],
        host=row["host"],
        port=row["port"],
        transport=row["transport"],
        shared=row["shared"],
        wallet_id=row["wallet_id"],
        closed=_closed(row, row["host"], forbidden),
    )
