"""A call's decision as JSON text: kept in `call.plan` while the call lives, then in `cdr.detail` for ever.

The text is put together from lines that are JSON already and taken apart at line breaks and tabs, which JSON never has
inside a string: so a rate that this process has seen before is read without a parser. To keep another fact, add it to
the line of its leg or route and to the reader below it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from tollgate.core.calls_types import (
    CarrierCost,
    Dropped,
    Leg,
    LiveCall,
    Minutes,
    Plan,
    RouteChoice,
    Settlement,
    StoredPlan,
    StoredRoute,
)
from tollgate.core.money import Method
from tollgate.core.rates import USUAL, Increments, Rate, Rounding, is_free, rate_from_json, rate_to_json
from tollgate.core.refusals import Refusal, Value
from tollgate.core.snapshot import Carrier, Gateway, Payer

HANG_UP_AT: Final = "hang_up_at"
"""In the gate of the hours: where they end the call."""
_CLOSES = ',"closes_at":"'
ATTESTED: Final = "attestation"
"""In the gate of the signature, its first value: what we say of the caller. Only where the call is signed by us."""
_SIGNED = f'{{"gate":"attestation","ok":true,"scope":"customer","values":{{"{ATTESTED}":"'
_MOST_RATES = 1 << 16
_known_rates: dict[str, Rate] = {}

_encode = json.JSONEncoder(separators=(",", ":")).encode


@lru_cache(maxsize=_MOST_RATES)
def quote(text: str) -> str:
    """A JSON string that PostgreSQL takes as well: it has no NUL and no half of a surrogate pair."""
    if "\0" in text or not text.isascii():
        text = text.replace("\0", "").encode("utf-8", "replace").decode()
    return _encode(text)


def value_text(value: Value) -> str:
    """One compared value as JSON."""
    if type(value) is int:
        return str(value)
    return quote(value) if isinstance(value, str) else _encode(value)


def values_text(values: Iterable[tuple[str, Value]]) -> str:
    """Compared values as a JSON object."""
    return "{" + ",".join([f"{quote(name)}:{value_text(value)}" for name, value in values]) + "}"


def gate_line(gate: str, ok: bool, scope: str, values: Iterable[tuple[str, Value]]) -> str:
    """One step of a decision."""
    done = "true" if ok else "false"
    return f'{{"gate":"{gate}","ok":{done},"scope":{quote(scope)},"values":{values_text(values)}}}'


class Numbers:
    """The numbers which one kind of gate compares for somebody: as a JSON line, or as the values of a refusal.

    Every call writes some of these lines, so the names are put into a template once.
    """

    __slots__ = ("_names", "_template")

    def __init__(self, *names: str) -> None:
        self._names = names
        self._template = ",".join([f'"{name}":%d' for name in names])

    def line(self, gate: str, scope: str, name: str, numbers: tuple[int, ...]) -> str:
        """The gate as passed."""
        values = f'{{"name":{quote(name)},{self._template % numbers}}}'
        return f'{{"gate":"{gate}","ok":true,"scope":"{scope}","values":{values}}}'

    def values(self, name: str, numbers: tuple[int, ...]) -> tuple[tuple[str, Value], ...]:
        """The same for a Refusal."""
        return (("name", name), *zip(self._names, numbers, strict=True))


def refused_line(refusal: Refusal) -> str:
    """The step at which a call was refused."""
    return gate_line(refusal.key, False, refusal.scope, refusal.values)


def rate_text(rate: Rate) -> str:
    """A rate with its card's roundings on one line: `RateRow.rate_json`. The usual ones go without saying."""
    rounding = rate.rounding
    if rounding == USUAL:
        return _encode(rate_to_json(rate))
    roundings = {
        "precision": rounding.precision,
        "method": rounding.method.value,
        "duration": rounding.duration.value,
        "increments": rounding.increments.value,
    }
    return _encode({**rate_to_json(rate), "rounding": roundings})


def read_rate(text: str) -> Rate:
    """The rate of `rate_text`; each is built once per process."""
    rate = _known_rates.get(text)
    if rate is None:
        rate = _rate(json.loads(text))
        if len(_known_rates) >= _MOST_RATES:
            _known_rates.clear()
        _known_rates[text] = rate
    return rate


def write_plan(
    plan: Plan, routes: Sequence[RouteChoice], dropped: Sequence[Dropped], gates: Sequence[str]
) -> tuple[str, StoredPlan]:
    """The text of `call.plan`, and what `read_plan` finds in it."""
    dropped_json = _dropped_text(dropped) if dropped else "[]"
    gates_json = f"[{','.join(gates)}]"
    bundles = f',"bundles":\n{_bundles_text(plan.bundles)}\n' if plan.bundles else ""
    closes = "" if plan.closes_at is None else f'{_CLOSES}{plan.closes_at.isoformat()}"'
    text = (
        f'{{"legs":[\n{_BETWEEN.join([leg.text for leg in plan.legs])}\n],'
        f'"routes":[\n{_BETWEEN.join([route.text for route in routes])}\n],'
        f'"dropped":\n{dropped_json}\n,"gates":\n{gates_json}\n{bundles}{closes}}}'
    )
    return text, StoredPlan(plan.legs, tuple(routes), dropped_json, gates_json, plan.bundles, plan.closes_at)


def read_plan(text: str) -> StoredPlan:
    """The plan of a live call."""
    _, leg_section, _, route_section, _, dropped_json, _, gates_json, *rest = text.split("\n")
    return StoredPlan(
        tuple([_read_leg(line) for line in _lines(leg_section)]),
        tuple([_read_route(line) for line in _lines(route_section)]),
        dropped_json,
        gates_json,
        _read_bundles(rest[1]) if len(rest) > 1 else (),
        datetime.fromisoformat(rest[-1][len(_CLOSES) : -2]) if rest[-1].startswith(_CLOSES) else None,
    )


def call_detail(call: LiveCall, settlement: Settlement) -> str:
    """`cdr.detail` of a call that was granted."""
    legs = ",".join(
        [
            f'{leg.text[:-1]},"held":{held},"cost":{cost.cost_micros},"overrun":{cost.overrun_micros},'
            f'"billed_s":{cost.billed_s}}}'
            for leg, held, cost in zip(call.plan.legs, call.held_micros, settlement.leg_costs, strict=True)
        ]
    )
    routes = ",".join([route.text for route in call.plan.routes])
    minutes = f'"minutes":{_minutes_text(call, settlement)},' if call.minutes_s else ""
    notes = _encode(settlement.notes) if settlement.notes else "[]"
    return (
        f'{{"gates":{call.plan.gates_json},"legs":[{legs}],"routes":[{routes}],"dropped":{call.plan.dropped_json},'
        f'"attempts":{call.attempts},"granted_s":{call.granted_s},"extended":{call.extended_count},'
        f'"route":{call.route_index or 0},{minutes}{_meta_text(call.plan.gates_json)}'
        f'"carrier":{_carrier_text(settlement.carrier)},"notes":{notes}}}'
    )


def refusal_detail(plan: Plan, refusal: Refusal) -> str:
    """`cdr.detail` of a call that was refused."""
    return (
        f'{{"gates":[{",".join(refusal.gates)}],"legs":[{",".join([leg.text for leg in plan.legs])}],"routes":[],'
        f'"dropped":{_dropped_text(plan.dropped)},"attempts":[],"refusal_values":{values_text(refusal.values)}}}'
    )


class SettledLeg(NamedTuple):
    """One payer's part of an ended call, as its CDR tells."""

    wallet_id: int
    currency: str
    rate: Rate
    cost_micros: int


class SettledCall(NamedTuple):
    """An ended call, as its CDR tells: what an adjustment starts from."""

    call_id: int
    granted_s: int
    legs: tuple[SettledLeg, ...]
    carrier: SettledLeg | None
    minutes: tuple[tuple[int, int], ...] = ()  # the wallet of each bundle, and the seconds used of it


def read_settled(call_id: int, detail: str, route: int | None = None) -> SettledCall:
    """The money of an ended call from its `cdr.detail`.

    `route` is the one that talked, where its CDR does not know: a call closed before its answer was heard of names the
    carrier who tried it last, unpaid.
    """
    data = json.loads(detail)
    legs = tuple(map(_settled_leg, data["legs"]))
    minutes = tuple([(bundle["wallet"], bundle["used_s"]) for bundle in data.get("minutes", ())])
    return SettledCall(call_id, data["granted_s"], legs, _settled_carrier(data, route), minutes)


def _settled_carrier(data: Mapping[str, Any], route: int | None) -> SettledLeg | None:
    routes, paid = data["routes"], data["carrier"]
    if paid is not None:
        return _settled_leg({**routes[data["route"]], **paid})
    index = data.get("route", 0) if route is None else route
    return _settled_leg({**routes[index], "cost": 0}) if index < len(routes) else None


_BETWEEN = ",\t"
_RATE = ',"rate":'


def _rate(data: dict[str, Any]) -> Rate:
    given = data.pop("rounding", None)
    if given is None:
        return rate_from_json(data)
    rounding = Rounding(
        given["precision"], Method(given["method"]), Method(given["duration"]), Increments(given["increments"])
    )
    return rate_from_json(data, rounding)


def leg_text(payer: Payer, *, book: str, card: str, prefix: str, destination: str, rate_json: str) -> str:
    """One payer's price as JSON; `card` is what `card_text` wrote."""
    return (
        f'{{"kind":"{payer.kind}","owner":{payer.id},"name":{quote(payer.name)},"wallet":{payer.wallet_id},'
        f'"book":"{book}","currency":"{payer.currency}",{card}'
        f'"prefix":"{prefix}","destination":{quote(destination)},"rate":{rate_json}}}'
    )


def _read_leg(line: str) -> Leg:
    head, _, rate_json = line.partition(_RATE)
    leg, rate = json.loads(head + "}"), read_rate(rate_json[:-1])
    return Leg(
        kind=leg["kind"],
        owner_id=leg["owner"],
        name=leg["name"],
        wallet_id=leg["wallet"],
        book=leg["book"],
        currency=leg["currency"],
        card_id=leg["card"],
        revision_id=leg["revision"],
        prefix=leg["prefix"],
        destination=leg["destination"],
        rate=rate,
        text=line,
        free=is_free(rate),
    )


class RouteText(NamedTuple):
    """The JSON line of a gateway, but for the numbers of a call."""

    head: str
    tail: str

    def of(self, cli: str, cld: str) -> str:
        """The line of one call."""
        return f'{self.head}"cli":{quote(cli)},"cld":{quote(cld)},{self.tail}'


def route_text(
    carrier: Carrier, gateway: Gateway, *, card: str, prefix: str, currency: str, rate_json: str
) -> RouteText:
    """A gateway at a price as JSON; `card` as for `leg_text`."""
    return RouteText(
        f'{{"carrier_id":{carrier.id},"carrier":{quote(carrier.name)},"gateway_id":{gateway.id},'
        f'"gateway":{quote(gateway.name)},',
        f'"wallet":{carrier.wallet_id},"gateway_wallet":{gateway.wallet_id},'
        f'"limited":[{int(carrier.limited)},{int(gateway.limited)}],"currency":"{currency}",'
        f'{card}"prefix":"{prefix}","rate":{rate_json}}}',
    )


def card_text(card_id: int, revision_id: int) -> str:
    """The part of a line that names the list of rates."""
    return f'"card":{card_id},"revision":{revision_id},'


def _read_route(line: str) -> StoredRoute:
    head, _, rate = line.partition(_RATE)
    route = json.loads(head + "}")
    carrier_limited, gateway_limited = route["limited"]
    return StoredRoute(
        carrier_id=route["carrier_id"],
        carrier=route["carrier"],
        gateway_id=route["gateway_id"],
        gateway=route["gateway"],
        carrier_wallet_id=route["wallet"],
        gateway_wallet_id=route["gateway_wallet"],
        carrier_limited=bool(carrier_limited),
        gateway_limited=bool(gateway_limited),
        currency=route["currency"],
        card_id=route["card"],
        revision_id=route["revision"],
        prefix=route["prefix"],
        rate=read_rate(rate[:-1]),
        text=line,
    )


def _bundles_text(bundles: Iterable[Minutes]) -> str:
    return _encode(
        [
            {"id": b.id, "name": b.name, "wallet": b.wallet_id, "ends_at": b.ends_at and b.ends_at.isoformat()}
            for b in bundles
        ]
    )


def _read_bundles(text: str) -> tuple[Minutes, ...]:
    return tuple(
        [
            Minutes(b["id"], b["name"], b["wallet"], b["ends_at"] and datetime.fromisoformat(b["ends_at"]))
            for b in json.loads(text)
        ]
    )


def _minutes_text(call: LiveCall, settlement: Settlement) -> str:
    used = settlement.minutes_s or (0,) * len(call.minutes_s)
    return _encode(
        [
            {"bundle": bundle.id, "name": bundle.name, "wallet": bundle.wallet_id, "held_s": held_s, "used_s": used_s}
            for bundle, held_s, used_s in zip(call.plan.bundles, call.minutes_s, used, strict=True)
        ]
    )


def _meta_text(gates_json: str) -> str:
    """What is remembered of a call by name, for who reads its record: the attestation that it was signed with."""
    place = gates_json.find(_SIGNED)
    return "" if place < 0 else f'"meta":{{"stir_shaken_attest":"{gates_json[place + len(_SIGNED)]}"}},'


def _lines(section: str) -> list[str]:
    return section.split(_BETWEEN) if section else []


def _dropped_text(dropped: Iterable[Dropped]) -> str:
    return (
        "["
        + ",".join(
            [
                f'{{"carrier":{quote(d.carrier)},"gateway":{quote(d.gateway)},"why":"{d.why}",'
                f'"values":{values_text(d.values)}}}'
                for d in dropped
            ]
        )
        + "]"
    )


def _carrier_text(carrier: CarrierCost | None) -> str:
    """What the route that talked has cost; its rate is told there."""
    if carrier is None:
        return "null"
    return (
        f'{{"wallet":{carrier.wallet_id},"currency":"{carrier.route.currency}","cost":{carrier.cost_micros},'
        f'"billed_s":{carrier.billed_s}}}'
    )


def _settled_leg(data: Mapping[str, Any]) -> SettledLeg:
    return SettledLeg(data["wallet"], data["currency"], read_rate(_encode(data["rate"])), data["cost"])
