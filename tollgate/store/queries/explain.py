"""One call told step by step: how it was decided, where it was offered, what it cost and which entries it left.

A CDR carries all of it in `detail`, a live call in `plan`; nothing is looked up in today's cards but their names. The
price of each leg is derived anew from the stored rate by `core.rates.explain` and compared with what was charged. To
tell one more fact, read it in `_explanation` and give it a field of `Explanation`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from tollgate.core.calls import read_rate
from tollgate.core.field_words import sentence
from tollgate.core.money import format_micros, format_nanos
from tollgate.core.rates import Explained, Line, LineKind, explain
from tollgate.core.rates_engine import rounded_s
from tollgate.store.models import CDR, Call, Card, Entry, Revision
from tollgate.store.queries.customers import COMPANY

# A gate is named after the refusal it may give; passed, it is called by what was found.
GATES_PASSED = {
    "time_restricted": "Day and time",
    "no_ingress_route": "Ingress route",
    "number_invalid": "Number",
    "no_rate": "Price",
    "cli_restricted": "Caller's number",
    "cli_unknown": "CLI pool",
    "no_carrier": "Carriers",
    "attestation": "Signature",
    "rate_capped": "Price cap",
    "connect_cost_blocked": "Connect fee",
    "conference_full": "People in the room",
    "did": "DID",
    **{f"channels_{scope}": "Channels" for scope in ("customer", "endpoint", "route", "carrier", "did")},
    **{f"cps_{scope}": "Calls per second" for scope in ("customer", "endpoint", "route", "carrier", "did")},
}

ABOUT = "≈ "
"""Before an amount that decimals cannot say exactly."""


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One line of a price: what happened, and what it adds (empty for a line that adds nothing)."""

    words: str
    amount: str = ""


@dataclass(frozen=True, slots=True)
class GateStep:
    """One gate of the decision with the values it compared, as people read them."""

    key: str
    ok: bool
    scope: str
    values: tuple[tuple[str, str], ...]

    @property
    def title(self) -> str:
        """The gate's name for people."""
        return (GATES_PASSED.get(self.key) if self.ok else None) or sentence(self.key)


@dataclass(frozen=True, slots=True)
class PricedLeg:
    """What one payer paid, or what we owe the carrier, and why."""

    kind: str  # customer, reseller or carrier
    name: str
    owner_id: int | None
    currency: str
    card_id: int | None
    card: str
    revision: int | None
    prefix: str
    destination: str
    held_micros: int | None
    cost_micros: int
    overrun_micros: int
    billed_s: int
    lines: tuple[PriceLine, ...]
    differs: bool  # the rate alone gives another cost than was charged


@dataclass(frozen=True, slots=True)
class OfferedRoute:
    """A gateway that the edge might try, in order."""

    carrier_id: int
    carrier: str
    gateway_id: int
    gateway: str
    cld: str
    currency: str
    card: str
    prefix: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class DroppedRoute:
    """A carrier or gateway left out, and why."""

    carrier: str
    gateway: str
    why: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TriedRoute:
    """One attempt and how it went."""

    number: int
    carrier: str
    gateway: str
    sip: int | None
    why: str
    pdd_ms: int | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known of one call."""

    gates: tuple[GateStep, ...]
    legs: tuple[PricedLeg, ...]
    routes: tuple[OfferedRoute, ...]
    dropped: tuple[DroppedRoute, ...]
    attempts: tuple[TriedRoute, ...]
    entries: tuple[Entry, ...]
    refusal_values: tuple[tuple[str, str], ...]
    granted_s: int | None
    extended_count: int | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Names:
    """What ids in a detail are called today."""

    cards: Mapping[int, str]
    revisions: Mapping[int, int]


def explain_cdr(cdr: CDR) -> Explanation:
    """An ended call, in three queries."""
    detail = cdr.detail or {}
    names = _names(detail, cdr.carrier_card_id, cdr.carrier_revision_id)
    legs = [_payer_leg(row, number, cdr, names) for number, row in enumerate(detail.get("legs", []))]
    if carrier := detail.get("carrier"):
        legs.append(_carrier_leg(carrier, cdr, names))
    return _explanation(detail, legs, names, cdr.account_id, cdr.pk, chosen=_chosen(cdr, detail))


def explain_call(call: Call) -> Explanation:
    """A live call: what was decided and is offered; it has no price yet."""
    detail = json.loads(call.plan)
    names = _names(detail, None, None)
    chosen = call.route_index if call.answered_at is not None else None
    return _explanation(detail, [], names, call.account_id, call.pk, chosen=chosen)


def price_lines(explained: Explained, currency: str) -> tuple[PriceLine, ...]:
    """The lines of an explanation and its total, which they sum to."""
    lines = [PriceLine(_words(line, explained, currency), _amount(line)) for line in explained.lines]
    total = f"{format_micros(explained.cost_micros)} {currency}"
    return (*lines, PriceLine(f"Charge, {explained.billed_s} s billed", total))


def shown(values: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    """Compared values as people read them: amounts in units, thousandths as decimals."""
    return tuple(_shown(name, value) for name, value in (values or {}).items())


def _explanation(
    detail: Mapping[str, Any],
    legs: list[PricedLeg],
    names: _Names,
    account_id: int,
    call_id: int,
    *,
    chosen: int | None,
) -> Explanation:
    entries = Entry.objects.filter(account_id=account_id, call_id=call_id).select_related("wallet").order_by("id")
    entries = entries.annotate(company=COMPANY)
    return Explanation(
        gates=tuple(
            GateStep(row["gate"], row["ok"], row.get("scope", ""), shown(row.get("values")))
            for row in detail.get("gates", [])
        ),
        legs=tuple(legs),
        routes=tuple(_offered(row, number == chosen, names) for number, row in enumerate(detail.get("routes", []))),
        dropped=tuple(
            DroppedRoute(row["carrier"], row["gateway"], row["why"], shown(row.get("values")))
            for row in detail.get("dropped", [])
        ),
        attempts=tuple(_tried(row, number) for number, row in enumerate(detail.get("attempts", []), start=1)),
        entries=tuple(entries),
        refusal_values=shown(detail.get("refusal_values")),
        granted_s=detail.get("granted_s"),
        extended_count=detail.get("extended"),
        notes=tuple(str(note) for note in detail.get("notes", [])),
    )


def _names(detail: Mapping[str, Any], card_id: int | None, revision_id: int | None) -> _Names:
    rows: Iterable[Mapping[str, Any]] = [*detail.get("legs", []), *detail.get("routes", [])]
    card_ids = {found for found in (card_id, *(row.get("card") for row in rows)) if found}
    revision_ids = {found for found in (revision_id, *(row.get("revision") for row in rows)) if found}
    return _Names(
        dict(Card.objects.filter(pk__in=card_ids).values_list("id", "name")),
        dict(Revision.objects.filter(pk__in=revision_ids).values_list("id", "number")),
    )


def _payer_leg(row: Mapping[str, Any], number: int, cdr: CDR, names: _Names) -> PricedLeg:
    minutes = (cdr.detail or {}).get("minutes", ()) if number == 0 else ()
    free_s = sum(bundle["used_s"] for bundle in minutes)
    explained = _derived(row, cdr, free_s)
    cost = int(row.get("cost", 0))
    lines = [PriceLine(f"{bundle['used_s']} s free, from {bundle['name']}") for bundle in minutes if bundle["used_s"]]
    if explained is not None:
        lines += price_lines(explained, row["currency"])
    elif lines:
        lines.append(PriceLine("Charge, nothing is left to pay", f"0 {row['currency']}"))
    return PricedLeg(
        kind="customer" if number == 0 else "reseller",
        name=row["name"],
        owner_id=row["owner"],
        currency=row["currency"],
        card_id=row.get("card"),
        card=names.cards.get(row.get("card", 0), ""),
        revision=names.revisions.get(row.get("revision", 0)),
        prefix=row.get("prefix", ""),
        destination=row.get("destination", ""),
        held_micros=row.get("held"),
        cost_micros=cost,
        overrun_micros=int(row.get("overrun", 0)),
        billed_s=int(row.get("billed_s", 0)),
        lines=tuple(lines),
        differs=explained is not None and explained.cost_micros != cost,
    )


def _carrier_leg(row: Mapping[str, Any], cdr: CDR, names: _Names) -> PricedLeg:
    routes = (cdr.detail or {}).get("routes", [])
    chosen = _chosen(cdr, cdr.detail or {})
    route = routes[chosen] if chosen is not None else {}
    explained = _derived({**route, **row}, cdr)
    return PricedLeg(
        kind="carrier",
        name=route.get("carrier", ""),
        owner_id=cdr.carrier_id,
        currency=row["currency"],
        card_id=cdr.carrier_card_id,
        card=names.cards.get(cdr.carrier_card_id or 0, ""),
        revision=names.revisions.get(cdr.carrier_revision_id or 0),
        prefix=route.get("prefix", ""),
        destination="",
        held_micros=None,
        cost_micros=int(row["cost"]),
        overrun_micros=0,
        billed_s=int(row.get("billed_s", 0)),
        lines=price_lines(explained, row["currency"]) if explained else (),
        differs=explained is not None and explained.cost_micros != int(row["cost"]),
    )


def _derived(row: Mapping[str, Any], cdr: CDR, free_s: int = 0) -> Explained | None:
    """The price from the stored rate, of what free minutes leave; none for a call that nobody answered or paid."""
    if cdr.answered_at is None or "rate" not in row:
        return None
    rate, rest_ms = read_rate(json.dumps(row["rate"])), cdr.duration_ms - free_s * 1000
    if free_s and (rest_ms <= 0 or rounded_s(rate, rest_ms) == 0):
        return None
    return explain(rate, cdr.answered_at + timedelta(seconds=free_s), rest_ms)


def _chosen(cdr: CDR, detail: Mapping[str, Any]) -> int | None:
    """Which of the offered routes carried the call."""
    if cdr.answered_at is None:
        return None
    for number, row in enumerate(detail.get("routes", [])):
        if (row.get("carrier_id"), row.get("gateway_id")) == (cdr.carrier_id, cdr.gateway_id):
            return number
    return None


def _offered(row: Mapping[str, Any], chosen: bool, names: _Names) -> OfferedRoute:
    return OfferedRoute(
        carrier_id=row["carrier_id"],
        carrier=row["carrier"],
        gateway_id=row["gateway_id"],
        gateway=row["gateway"],
        cld=row.get("cld", ""),
        currency=row["currency"],
        card=names.cards.get(row.get("card", 0), ""),
        prefix=row.get("prefix", ""),
        chosen=chosen,
    )


def _tried(row: Mapping[str, Any], number: int) -> TriedRoute:
    at = row.get("at")
    return TriedRoute(
        number=number,
        carrier=row.get("carrier") or "",
        gateway=row.get("gateway") or "",
        sip=row.get("sip"),
        why=row.get("why") or "",
        pdd_ms=row.get("pdd_ms"),
        at=datetime.fromisoformat(at) if isinstance(at, str) else None,
    )


def _shown(name: str, value: object) -> tuple[str, str]:
    words = name.replace("_", " ")
    if isinstance(value, int) and not isinstance(value, bool):
        for ending, text in (("_micros", format_micros), ("_nanos", format_nanos)):
            if name.endswith(ending):
                return words.rsplit(" ", 1)[0], text(value)
        if name.endswith("_milli"):
            return words.rsplit(" ", 1)[0], format_micros(value * 1000)
    if isinstance(value, bool):
        return words, "yes" if value else "no"
    return words, "(none)" if value is None or value == "" else str(value)


def _amount(line: Line) -> str:
    """The nanos of a line, exactly where decimals can say it."""
    nanos: Fraction = line.amount_nanos
    if not nanos and line.kind not in (LineKind.step, LineKind.connect_fee):
        return ""
    return format_nanos(nanos.numerator) if nanos.denominator == 1 else f"{ABOUT}{format_nanos(round(nanos))}"


def _words(line: Line, explained: Explained, currency: str) -> str:
    match line.kind:
        case LineKind.duration:
            return f"Talked {format_micros(explained.duration_ms * 1000)} s, rounded to {line.to_s} s"
        case LineKind.zero_call:
            return "An answered call of zero seconds bills its first increment"
        case LineKind.grace:
            return f"Within the grace of {line.to_s} s: free"
        case LineKind.included:
            return f"The first {line.to_s} s are included"
        case LineKind.connect_fee:
            return "Connect fee"
        case LineKind.step:
            price = f"{format_nanos(line.price_nanos)} {currency} per {line.per_s} s"
            return f"Seconds {line.from_s} to {line.to_s} at {price}, in increments of {line.increment_s} s"
        case LineKind.minimum:
            return "Up to the minimum of a call"
        case LineKind.maximum:
            return "Down to the maximum of a call"
        case LineKind.rounding:
            return "Rounded as the card says"
