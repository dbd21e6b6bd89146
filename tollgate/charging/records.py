"""Rows become snapshots: the tables as last read, and the frozen objects of `core.snapshot` built from them.

To let calls obey a new column: add it to the statement in `charging_snapshot.sql`, to the class in `core.snapshot`, and
to the builder here. A new table also needs its place in `TABLES` and, if one changed row should not rebuild its whole
account, in `changes`.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import asyncpg

from tollgate.charging import aliases, dids, packages, stir
from tollgate.charging.cards import Library
from tollgate.charging.changes import Changes
from tollgate.charging.clis import Rota, rules_of
from tollgate.charging.extensions import callees
from tollgate.charging.networks import AddressBook, endpoint_of
from tollgate.charging.payers import bundle, opening, payer, pools_dids
from tollgate.core import localization, refusals
from tollgate.core.aliases import Aliases
from tollgate.core.callee_addresses import comparable, host_of
from tollgate.core.extensions import Book
from tollgate.core.hours import HoursInvalid
from tollgate.core.localization import Localization, LocalizationInvalid
from tollgate.core.rewrites import RewriteInvalid
from tollgate.core.routes import unknown_patterns
from tollgate.core.snapshot import (
    Bundle,
    Callee,
    Card,
    Carrier,
    Did,
    EdgeInfo,
    Option,
    Payer,
    Recorder,
    Route,
    Snapshot,
    Source,
)

log = logging.getLogger(__name__)

Row = asyncpg.Record
TABLES: Final = {
    "account": "accounts",
    "edge": "edges",
    "customer": "customers",
    "contact": "contacts",
    "verified_cli": "verified_clis",
    "cli_rule": "cli_rules",
    "stir_certificate": "stir_certificates",
    "alias": "aliases",
    "localization": "localizations",
    "tag": "tags",
    "customer_tag": "customer_tags",
    "bundle": "bundles",
    "customer_package": "recorders",
    "endpoint": "endpoints",
    "conference_room": "conference_rooms",
    "did": "dids",
    "did_price": "did_prices",
    "ingress_route": "ingress_routes",
    "route_option": "route_options",
    "card": "cards",
    "carrier": "carriers",
    "gateway": "gateways",
}
"""Table -> the statement that reads it. `revision` is read with its card."""


@dataclass(slots=True)
class Routes:
    """Ingress routes by the customer, or by the tag, that has them; those of tags with the currency of their card."""

    own: defaultdict[int, list[Route]] = field(default_factory=lambda: defaultdict(list))
    by_tag: defaultdict[int, list[tuple[str, Route]]] = field(default_factory=lambda: defaultdict(list))

    def of_tags(self, tag_ids: Iterable[int], currency: str) -> tuple[Route, ...]:
        """What a customer's tags bring it: only what is sold in its currency."""
        found = [route for tag_id in tag_ids for own, route in self.by_tag.get(tag_id, ()) if own == currency]
        return tuple(sorted(found, key=_by_id))


_by_id = attrgetter("id")


class Records:
    """The rows of all accounts as last read, and what they become."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[int, Row]] = {table: {} for table in TABLES}
        self.revisions: dict[int, list[Row]] = {}
        self.library = Library()
        self.rota = Rota()
        self.by_account: dict[int, Snapshot] = {}

    def put(self, table: str, ids: Iterable[int] | None, rows: Iterable[Row]) -> Changes:
        """Takes rows in: all of a table (`ids` None, which notes nothing), or those found of some ids. The others of
        these are gone."""
        changes = Changes()
        fresh = {row["id"]: row for row in rows}
        if ids is None:
            self.rows[table] = fresh
            return changes
        held = self.rows[table]
        for identity in ids:
            self._note(changes, table, held.pop(identity, None))
        for row in fresh.values():
            self._note(changes, table, row)
        held.update(fresh)
        return changes

    def _note(self, changes: Changes, table: str, row: Row | None) -> None:
        if table == "route_option" and row is not None:
            table, row = "ingress_route", self.rows["ingress_route"].get(row["ingress_route_id"])
        if row is not None:
            changes.customers |= self._sharers(table, row)
            if table == "customer":  # whose zone may be another now: the days of packages for its DIDs go by it
                changes.dids |= {found["did_id"] for found in self._held(row["id"]) if found["did_id"] is not None}
        changes.note(table, row)

    def _held(self, customer_id: int) -> Iterable[Row]:
        return (row for row in self.rows["customer_package"].values() if row["customer_id"] == customer_id)

    def _sharers(self, table: str, row: Row) -> set[int]:
        """The customers that a record of several hangs on: a localization, a tag, a route or a CLI rule of a tag; and
        the one that may show a DID."""
        customers = self.rows["customer"].values()
        if table == "did":
            owner = self.rows["customer"].get(row["customer_id"])
            return {owner["id"]} if owner is not None and pools_dids(owner) else set()
        if table == "localization":
            return {found["id"] for found in customers if found["localization_id"] == row["id"]}
        if table == "cli_rule" and row["customer_id"] is None and row["tag_id"] is None:
            return {found["id"] for found in customers if found["account_id"] == row["account_id"]}
        tag_id = row["id"] if table == "tag" else row["tag_id"] if table in ("ingress_route", "cli_rule") else None
        return set() if tag_id is None else {found["id"] for found in customers if tag_id in found["tag_ids"]}

    def build(self) -> dict[int, Snapshot]:
        """Every account from its rows. Long when there are many, so it may run in a thread."""
        return {account_id: self._snapshot(row) for account_id, row in self.rows["account"].items()}

    def rebuild(self, changes: Changes) -> dict[int, Snapshot]:
        """The accounts after some changes; what did not change is kept."""
        result = {identity: found for identity, found in self.by_account.items() if identity in self.rows["account"]}
        for account_id in changes.accounts & self.rows["account"].keys():
            result[account_id] = self._snapshot(self.rows["account"][account_id])
        if changes.customers:
            self._rebuild_customers(result, changes.customers)
        for account_id in changes.endpoints & result.keys():
            result[account_id] = replace(result[account_id], **self._endpoints(account_id))
        for account_id in changes.aliases & result.keys():
            result[account_id] = replace(result[account_id], aliases=self._aliases_of_all(account_id))
        for account_id in changes.certificates & result.keys():
            result[account_id] = replace(result[account_id], **self._signing(account_id))
        self._rebuild_inbound(result, changes)
        self._rebuild_named(result, cards=changes.cards, carriers=changes.carriers)
        if changes.edges:
            result = {key: replace(found, edges=self._edges(key)) for key, found in result.items()}
        if changes.edges or changes.carriers:
            for account_id, found in result.items():
                if found.extensions:  # calls to them go nowhere where a gateway or an edge is
                    result[account_id] = replace(found, extensions=self._extensions(account_id))
        return result

    def _rebuild_customers(self, result: dict[int, Snapshot], ids: set[int]) -> None:
        ids = self._with_descendants(ids)
        routes = self._routes(ids)
        for account_id, snapshot in result.items():
            mine = {key for key in ids if key in snapshot.customers or self._owns("customer", key, account_id)}
            if mine:
                kept = {key: payer for key, payer in snapshot.customers.items() if key not in mine}
                wanted = [self.rows["customer"][key] for key in mine if key in self.rows["customer"]]
                customers = self._customers(wanted, routes, snapshot.account, kept)
                result[account_id] = replace(snapshot, customers=customers)

    def _rebuild_named(self, result: dict[int, Snapshot], *, cards: set[int], carriers: set[int]) -> None:
        gateways = self._gateways(carriers)
        for account_id, snapshot in result.items():
            if any(key in snapshot.cards or self._owns("card", key, account_id) for key in cards):
                kept = {key: card for key, card in snapshot.cards.items() if key not in cards}
                fresh = {key: self._card(key) for key in cards if self._owns("card", key, account_id)}
                result[account_id] = replace(result[account_id], cards=kept | fresh)
            if any(key in snapshot.carriers or self._owns("carrier", key, account_id) for key in carriers):
                stayed = {key: carrier for key, carrier in snapshot.carriers.items() if key not in carriers}
                mine = [key for key in carriers if self._owns("carrier", key, account_id)]
                renewed = {key: self._carrier(key, gateways) for key in mine}
                result[account_id] = replace(result[account_id], carriers=stayed | renewed)

    def _owns(self, table: str, key: int, account_id: int) -> bool:
        row = self.rows[table].get(key)
        return row is not None and row["account_id"] == account_id

    def _with_descendants(self, ids: set[int]) -> set[int]:
        result, added = set(ids), set(ids)
        while added:
            rows = self.rows["customer"].values()
            added = {row["id"] for row in rows if row["parent_id"] in added} - result
            result |= added
        return result

    def _snapshot(self, row: Row) -> Snapshot:
        account_id = row["id"]
        account = Payer(
            kind="account",
            id=account_id,
            name=row["name"],
            wallet_id=row["wallet_id"],
            depth=0,
            currency=row["currency"],
            status=row["status"],
            max_duration_s=None,
            recording=row["recording"],
        )
        customers = [found for found in self.rows["customer"].values() if found["account_id"] == account_id]
        gateways = self._gateways(None)
        return Snapshot(
            account=account,
            customers=self._customers(customers, self._routes(None), account, {}),
            cards={key: self._card(key) for key in self.rows["card"] if self._owns("card", key, account_id)},
            carriers={
                key: self._carrier(key, gateways)
                for key in self.rows["carrier"]
                if self._owns("carrier", key, account_id)
            },
            edges=self._edges(account_id),
            challenge_unknown=row["challenge_unknown"],
            auth_failure_count=row["auth_failure_count"],
            slice_s=row["slice_s"],
            validity_s=row["validity_s"],
            recording=row["recording"],
            answers=refusals.rewritten(json.loads(row["sip_rewrites"])),
            rota=self.rota,
            aliases=self._aliases_of_all(account_id),
            sources=self._sources(account_id),
            forbidden=frozenset(self._forbidden(account_id)),
            **self._dids(account_id),
            **self._signing(account_id),
            **self._endpoints(account_id),
        )

    def _rebuild_inbound(self, result: dict[int, Snapshot], changes: Changes) -> None:
        """Who calls DIDs, where none of them is sent, and those that changed: there may be very many others."""
        for account_id, found in result.items():
            fresh: dict[str, Any] = {}
            if any(key in found.carriers or self._owns("carrier", key, account_id) for key in changes.carriers):
                fresh["sources"] = self._sources(account_id)
            if changes.edges or "sources" in fresh:
                fresh["forbidden"] = frozenset(self._forbidden(account_id))
            if changes.dids:
                kept = {number: did for number, did in found.dids.items() if did.id not in changes.dids}
                fresh |= self._dids(account_id, changes.dids, kept)
            if "bringers" in fresh and fresh["bringers"] == found.bringers:
                del fresh["bringers"]
            result[account_id] = replace(found, **fresh) if fresh else found

    def _dids(
        self, account_id: int, ids: Iterable[int] | None = None, kept: Mapping[str, Did] | None = None
    ) -> dict[str, Any]:
        wanted = self.rows["did"] if ids is None else ids
        rows = [self.rows["did"][key] for key in wanted if self._owns("did", key, account_id)]
        recorders = self._recorders("did_id", {row["id"] for row in rows})
        found = {**(kept or {}), **dids.by_number(rows, recorders)}
        bringers = frozenset(did.carrier_id for did in found.values() if did.carrier_id is not None)
        return {"dids": found, "bringers": bringers}

    def _sources(self, account_id: int) -> AddressBook[Source]:
        carriers = [row for row in self.rows["carrier"].values() if row["account_id"] == account_id]
        return AddressBook(dids.sources(carriers, self._gateways(None)))

    def _signing(self, account_id: int) -> dict[str, Any]:
        return stir.signing(self.rows["stir_certificate"].values(), account_id)

    def _customers(
        self, rows: Iterable[Row], routes: Routes, account: Payer, known: dict[int, Payer]
    ) -> dict[int, Payer]:
        """Payers from the account downward, so that each finds its parents made. A customer in doubt is parked."""
        result, found = known, sorted(rows, key=lambda row: row["depth"])
        ids = {row["id"] for row in found}
        bundles = self._bundles(ids)
        recorders = self._recorders("customer_id", ids)
        rules = rules_of(self.rows["cli_rule"].values(), self.rows["tag"])
        own_aliases = aliases.by_customer(self.rows["alias"].values(), ids)
        for row in found:
            above = account if row["parent_id"] is None else result.get(row["parent_id"])
            if above is None:
                log.error("customer %s has no living parent: its calls are refused", row["id"])
                continue
            try:
                opened = opening(row["hours"])
            except HoursInvalid as problem:
                log.error("customer %s is parked, its calls are refused: hours: %s", row["id"], problem)
                continue
            try:
                own = self._localization(row["localization_id"])
            except LocalizationInvalid as problem:
                log.error("customer %s is parked, its calls are refused: localization: %s", row["id"], problem)
                continue
            account_row = self.rows["account"][row["account_id"]]
            result[row["id"]] = replace(
                payer(row, above),
                hours=opened,
                localization=own,
                valid_from_at=row["created_at"] if account_row["valid_from_creation"] else None,
                routes=tuple(sorted(routes.own.get(row["id"], ()), key=_by_id)),
                tag_routes=routes.of_tags(row["tag_ids"], row["currency"]),
                cli_rules=rules.of(row["id"], row["tag_ids"], row["account_id"]),
                aliases=own_aliases.get(row["id"]),
                bundles=tuple(bundles.get(row["id"], ())),
                recorders=recorders.get(row["id"], ()),
            )
        return result

    def _aliases_of_all(self, account_id: int) -> Aliases | None:
        return aliases.of_all(self.rows["alias"].values(), account_id)

    def _bundles(self, customer_ids: set[int]) -> dict[int, list[Bundle]]:
        """Free minutes by the customer that holds them, for these alone: others may have very many."""
        result: dict[int, list[Bundle]] = defaultdict(list)
        for row in self.rows["bundle"].values():
            if row["customer_id"] in customer_ids:
                result[row["customer_id"]].append(bundle(row))
        return result

    def _recorders(self, column: str, ids: set[int]) -> dict[int, tuple[Recorder, ...]]:
        """Packages with call recording of some customers, or for some DIDs by whoever has those now."""
        found = []
        for row in self.rows["customer_package"].values():
            if row[column] not in ids or (column == "customer_id" and row["did_number"]):
                continue
            if column == "did_id" and self.rows["did"][row["did_id"]]["customer_id"] != row["customer_id"]:
                continue
            found.append(row)
        return packages.recorders(found, column, self.rows["customer"], self.rows["account"])

    def _localization(self, localization_id: int | None) -> Localization | None:
        row = None if localization_id is None else self.rows["localization"].get(localization_id)
        if row is None:
            return None
        return Localization(row["name"], **{side: localization.parse(row[side]) for side in localization.SIDES})

    def _routes(self, customer_ids: set[int] | None) -> Routes:
        options: dict[int, list[Row]] = defaultdict(list)
        for option in self.rows["route_option"].values():
            options[option["ingress_route_id"]].append(option)
        result = Routes()
        for row in self.rows["ingress_route"].values():
            tag_id = row["tag_id"]
            if tag_id is not None:
                card, tag = self.rows["card"].get(row["card_id"]), self.rows["tag"].get(tag_id)
                if card is not None and tag is not None:
                    route = replace(_route(row, options.get(row["id"], [])), tag=tag["name"])
                    result.by_tag[tag_id].append((card["currency"], route))
            elif customer_ids is None or row["customer_id"] in customer_ids:
                result.own[row["customer_id"]].append(_route(row, options.get(row["id"], [])))
        return result

    def _endpoints(self, account_id: int) -> dict[str, Any]:
        book, users, secrets = [], {}, {}
        for row in self.rows["endpoint"].values():
            if row["account_id"] != account_id or not row["enabled"]:
                continue
            try:
                endpoint = endpoint_of(row)
            except RewriteInvalid as problem:
                log.error("endpoint %s is parked, its calls are refused: rewrites: %s", row["id"], problem)
                continue
            if row["kind"] == "ip":
                if row["sends_calls"]:
                    book.append((row["network"], endpoint))
            else:
                users[row["username"]] = endpoint
                secrets[row["username"]] = (row["realm"], row["ha1"])
        numbers = self._extensions(account_id)
        return {"networks": AddressBook(book), "users": users, "ha1": secrets, "extensions": numbers}

    def _extensions(self, account_id: int) -> Book[Callee]:
        endpoints, rooms = (
            [row for row in self.rows[table].values() if row["account_id"] == account_id]
            for table in ("endpoint", "conference_room")
        )
        return callees(endpoints, rooms, self._forbidden(account_id))

    def _forbidden(self, account_id: int) -> set[str]:
        """Where no call on our net is sent: a carrier would bill it, an edge send it to itself."""
        hosts = [row["host"] for row in self.rows["gateway"].values() if self._owns_gateway(row, account_id)]
        hosts += [host_of(row["rpc_url"]) for row in self.rows["edge"].values() if row["account_id"] == account_id]
        carriers = [row for row in self.rows["carrier"].values() if row["account_id"] == account_id]
        networks = [network for row in carriers for network in row["networks"]]
        hosts += [str(network.network_address) for network in networks if network.num_addresses == 1]
        return set(map(comparable, hosts)) - {""}

    def _owns_gateway(self, row: Row, account_id: int) -> bool:
        return self._owns("carrier", row["carrier_id"], account_id)

    def _card(self, card_id: int) -> Card:
        return self.library.card(self.rows["card"][card_id], self.revisions.get(card_id, []))

    def _gateways(self, carrier_ids: set[int] | None) -> dict[int, list[Row]]:
        result: dict[int, list[Row]] = defaultdict(list)
        for row in self.rows["gateway"].values():
            if carrier_ids is None or row["carrier_id"] in carrier_ids:
                result[row["carrier_id"]].append(row)
        return result

    def _carrier(self, carrier_id: int, gateways: Mapping[int, list[Row]]) -> Carrier:
        row = self.rows["carrier"][carrier_id]
        return Carrier(
            id=row["id"],
            name=row["name"],
            wallet_id=row["wallet_id"],
            currency=row["currency"],
            status=row["status"],
            limited=row["limited"],
            first_reply_s=row["first_reply_s"],
            pdd_s=row["pdd_s"],
            ring_s=row["ring_s"],
            pai_mode=row["pai_mode"],
            gateways=tuple(dids.gateway(gateway) for gateway in gateways.get(carrier_id, ())),
        )

    def _edges(self, account_id: int) -> dict[str, EdgeInfo]:
        return {
            row["name"]: EdgeInfo(row["id"], row["name"], row["kind"], row["rpc_url"], row["enabled"])
            for row in self.rows["edge"].values()
            if row["account_id"] == account_id
        }


def _route(row: Row, options: list[Row]) -> Route:
    patterns = tuple(line.strip() for line in row["dial_patterns"].splitlines() if line.strip())
    for text in unknown_patterns(patterns):
        log.error("ingress route %s: %s matches no number, because it is no expression we know", row["id"], text)
    return Route(
        id=row["id"],
        name=row["name"],
        wallet_id=row["wallet_id"],
        limited=row["limited"],
        tech_prefix=row["tech_prefix"],
        patterns=patterns,
        card_id=row["card_id"],
        strategy=row["strategy"],
        options=_shared(tuple(_option(option) for option in sorted(options, key=lambda option: int(option["id"])))),
        max_duration_s=row["max_duration_s"],
        media=row["media"],
        recording=row["recording"],
        profit_assurance=row["profit_assurance"],
        capped_price_nanos=row["capped_price_nanos"],
        block_connect_fee=row["block_connect_fee"],
    )


@lru_cache(maxsize=10_000)
def _shared(options: tuple[Option, ...]) -> tuple[Option, ...]:
    """Equal options are one object: what is found out of the carriers for one route holds for all of these."""
    return options


def _option(row: Row) -> Option:
    return Option(row["card_id"], row["position"], row["weight"], row["excluded"])
