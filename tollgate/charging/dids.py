"""DIDs and the carriers that call them, as the snapshot knows them.

To let calls obey a new column of a DID: add it to the statement in `charging_snapshot.sql`, to `core.snapshot.Did` and
to `_did` here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_network

import asyncpg

from tollgate.core.callee_addresses import address_of
from tollgate.core.dids import DestinationsInvalid, Place, parse
from tollgate.core.snapshot import Callee, Did, Gateway, Network, Recorder, Source

log = logging.getLogger(__name__)


def by_number(rows: Iterable[asyncpg.Record], recorders: Mapping[int, tuple[Recorder, ...]]) -> dict[str, Did]:
    """The DIDs of rows; `recorders` are packages with call recording, by the id of the DID that they are for."""
    return {row["number"]: _did(row, recorders.get(row["id"], ())) for row in rows}


def _did(row: asyncpg.Record, recorders: tuple[Recorder, ...]) -> Did:
    places = _places(row)
    return Did(
        id=row["id"],
        number=row["number"],
        wallet_id=row["wallet_id"],
        limited=row["limited"],
        customer_id=row["customer_id"],
        cards=_cards(row),
        carrier_id=row["carrier_id"],
        carrier_card_id=row["carrier_card_id"],
        places=places,
        servers={place: _server(row, place) for place in places if not place.extension},
        order=row["order"],
        recording=row["recording"],
        recorders=recorders,
        pai_mode=row["pai_mode"],
        max_duration_s=row["max_duration_s"],
        enabled=row["enabled"],
    )


def _cards(row: asyncpg.Record) -> dict[int, int]:
    cards = dict(zip(row["reseller_ids"], row["reseller_card_ids"], strict=True))
    return cards if row["card_id"] is None else {**cards, row["customer_id"]: row["card_id"]}


def _places(row: asyncpg.Record) -> tuple[Place, ...]:
    try:
        return parse(row["destinations"])
    except DestinationsInvalid as problem:
        log.error("DID %s is not delivered: %s", row["id"], problem)
        return ()


def _server(row: asyncpg.Record, place: Place) -> Callee:
    return Callee(
        kind="did",
        id=row["id"],
        customer_id=row["customer_id"] or 0,
        name=place.text,
        host=place.host,
        port=place.port,
        transport=place.transport,
    )


def sources(
    carriers: Iterable[asyncpg.Record], gateways: Mapping[int, list[asyncpg.Record]]
) -> Iterator[tuple[Network, Source]]:
    """The networks that carriers call from: addresses of their gateways, and what is said of each."""
    for row in carriers:
        for found in gateways.get(row["id"], ()):
            address = address_of(found["host"])
            if address is not None:
                yield ip_network(address), Source(row["id"], gateway(found))
        for network in row["networks"]:
            yield network, Source(row["id"])


def gateway(row: asyncpg.Record) -> Gateway:
    """A gateway of its row."""
    return Gateway(
        id=row["id"],
        name=row["name"],
        wallet_id=row["wallet_id"],
        limited=row["limited"],
        host=row["host"],
        port=row["port"],
        transport=row["transport"],
        weight=row["weight"],
        strip_digits=row["strip_digits"],
        prefix=row["prefix"],
    )
