"""Acts on ingress routes: which numbers a customer, or each with a tag, may call, by which card over which carriers.

A reseller's users make the routes of its customers: by the reseller's own cards, without a word about carriers
(`OPERATED`). Those are of the reseller's own route, which is not theirs to change. What the operator has chosen of
media and recording for a route of a customer holds for each route that they make for it, and for each that calls may
take instead of that one by what they change; the last route that has it is not theirs to remove.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from django.db.models import F

from tollgate.actions import checks, records
from tollgate.actions.acts import Invalid, NotEditable, act, current, refuse, warn
from tollgate.actions.deleted_records import deleted, remove
from tollgate.actions.did_cards import check_direction
from tollgate.actions.in_service import check_in_service
from tollgate.core import patterns
from tollgate.store.models import Call, Card, Customer, IngressRoute, RouteOption, Tag


class OptionFields(TypedDict, total=False):
    """A carrier card that the route may use."""

    card_id: int
    position: int
    weight: int
    excluded: bool


class RouteFields(TypedDict, total=False):
    """What may be set on an ingress route."""

    tech_prefix: str
    dial_patterns: str
    enabled: bool
    strategy: str
    channels: int
    cps_milli: int
    max_duration_s: int | None
    media: str
    recording: str
    profit_assurance: bool
    capped_price_nanos: int | None
    block_connect_fee: bool
    options: Sequence[OptionFields]


class RouteChanges(RouteFields, total=False):
    """What may be changed on a route."""

    name: str
    card_id: int


OPERATED = ("strategy", "options", "profit_assurance", "media", "recording")
"""Fields that say how calls reach carriers, and what is kept of them: nothing for a reseller's users."""
STAYING = {"media": "proxy", "recording": "inherit"}
"""Those that stay with a customer whatever routes its reseller's users make and remove, and what they are unless the
operator has chosen otherwise."""
TAKING = ("enabled", "tech_prefix", "dial_patterns")
"""Fields that say which calls take a route."""
STRATEGIES = ("lcr", "reverse_lcr", "manual", "weighted", "random")
OPTION_CHECKS: Mapping[str, checks.Check] = {
    "card_id": checks.record_id,
    "position": checks.whole(0, 10_000),
    "weight": checks.whole(0, 10_000),
    "excluded": checks.yes_no,
}


def _patterns(value: object) -> str:
    """One prefix, or regular expression starting with ^, on each line."""
    lines = [line.strip() for line in checks.text(20_000)(value).splitlines()]
    for number, line in enumerate(lines, start=1):
        if line.startswith("^"):
            try:
                patterns.parse(line, anywhere=True)
            except patterns.PatternInvalid as problem:
                raise checks.Unfit(f"Line {number}: {line} is not an expression we know. {problem}") from None
        elif line and not re.fullmatch(r"[0-9]{1,18}", line, re.ASCII):
            raise checks.Unfit(
                f"Line {number}: give the digits of a prefix, or a regular expression that starts with ^."
            )
    return "\n".join(line for line in lines if line)


def _options(value: object) -> list[dict[str, Any]]:
    """Checked rows; positions follow the list where none are given."""
    if not isinstance(value, (list, tuple)):
        raise checks.Unfit("Give a list of carrier cards.")
    rows: list[dict[str, Any]] = []
    for number, row in enumerate(value, start=1):
        try:
            values = checks.cleaned(OPTION_CHECKS, row)
        except Invalid as problem:
            raise checks.Unfit(f"Row {number}: {problem}") from None
        if "card_id" not in values:
            raise checks.Unfit(f"Row {number}: choose a carrier card.")
        rows.append({"position": number, **values})
    return rows


CHECKS: Mapping[str, checks.Check] = {
    "name": checks.text(required=True),
    "card_id": checks.record_id,
    "tech_prefix": checks.tech_prefix,
    "dial_patterns": _patterns,
    "enabled": checks.yes_no,
    "strategy": checks.one_of(STRATEGIES),
    "channels": checks.channels,
    "cps_milli": checks.cps_milli,
    "max_duration_s": checks.optional(checks.whole(1, 86_400)),
    "media": checks.one_of(("proxy", "direct")),
    "recording": checks.one_of(("inherit", "off", "on")),
    "profit_assurance": checks.yes_no,
    "capped_price_nanos": checks.optional(checks.amount(0, checks.MOST_NANOS, price=True)),
    "block_connect_fee": checks.yes_no,
    "options": _options,
}


@act
def create_ingress_route(*, customer_id: int, name: str, card_id: int, **fields: Unpack[RouteFields]) -> IngressRoute:
    """Lets a customer call what the patterns match, sold by a customer card, over the carrier cards listed."""
    given: dict[str, Any] = {**fields, "name": name, "card_id": card_id}
    values = checks.cleaned(CHECKS, given)
    _check_operated(values)
    options = values.pop("options", [])
    customer = records.find(Customer, customer_id)
    check_in_service(customer)
    _check_card(customer, values["card_id"])
    _check_options(customer, options)
    values.setdefault("profit_assurance", customer.account.profit_assurance_default)
    if current.get().reach is not None:
        values |= _staying(customer)
    route = records.create(IngressRoute, {**values, "customer_id": customer.pk})
    _save_options(route, options)
    _advise(route)
    return route


@act
def create_tag_route(*, tag_id: int, name: str, card_id: int, **fields: Unpack[RouteFields]) -> IngressRoute:
    """Lets every customer with a tag call what the patterns match, where no route of its own takes the number.

    Only customers in the currency of the card have it; channels and calls per second are those of all together.
    """
    given: dict[str, Any] = {**fields, "name": name, "card_id": card_id}
    values = checks.cleaned(CHECKS, given)
    options = values.pop("options", [])
    tag = records.find(Tag, tag_id)
    _check_card(tag, values["card_id"])
    _check_options(tag, options)
    values.setdefault("profit_assurance", tag.account.profit_assurance_default)
    route = records.create(IngressRoute, {**values, "tag_id": tag.pk})
    _save_options(route, options)
    _advise(route)
    return route


@act
def update_ingress_route(
    *, ingress_route_id: int, version: int | None = None, **changes: Unpack[RouteChanges]
) -> IngressRoute:
    """Changes a route; `options` replaces the whole list. The next call obeys it."""
    values = checks.cleaned(CHECKS, changes)
    _check_operated(values)
    options = values.pop("options", None)
    route = records.locked(IngressRoute, ingress_route_id, version)
    check_in_service(route.customer, "ingress_route_id")
    if values.get("card_id", route.card_id) != route.card_id:
        _check_card(route.owner, values["card_id"])
    took = [getattr(route, name) for name in TAKING]
    records.change(route, values)
    if current.get().reach is not None and took != [getattr(route, name) for name in TAKING]:
        _take_along(route)
    if options is not None:
        _check_options(route.owner, options)
        if _save_options(route, options):
            _next_version(route)
    _advise(route)
    return route


@act
def delete_ingress_route(*, ingress_route_id: int, version: int | None = None) -> None:
    """Removes a route that has no live calls; its CDRs stay. For a week `restore_ingress_route` undoes it."""
    route = records.locked(IngressRoute, ingress_route_id, version)
    if Call.objects.filter(account_id=route.owner.account_id, ingress_route=route).exists():
        raise refuse("ingress_route_id", "The route has live calls: disable it and end them first.")
    chosen = _staying_of(route)
    if current.get().reach is not None and route.customer is not None and chosen != STAYING:
        if not route.customer.ingress_routes.filter(**chosen).exclude(pk=route.pk).exists():
            raise refuse(
                "ingress_route_id",
                "Whom you buy from has chosen what is kept of its calls: disable it, or let them remove it.",
            )
        _take_along(route)
    remove(route, account_id=route.owner.account_id)


@act
def restore_ingress_route(*, ingress_route_id: int) -> IngressRoute:
    """Brings a deleted route back with its carrier cards, where it may still sell by its card."""
    was = deleted(IngressRoute, ingress_route_id, "ingress_route_id")
    _check_sold(was.record.owner, _locked_card(was.record.owner, was.record.card_id))
    route = was.restore()
    _check_options(route.owner, list(route.options.values("card_id")))
    if current.get().reach is not None:
        _take_along(route)
    _advise(route)
    return route


def _staying(customer: Customer) -> dict[str, Any]:
    """What the operator has chosen for a route of a customer, the oldest of those for which it has."""
    chosen = (_staying_of(route) for route in customer.ingress_routes.order_by("pk"))
    return next((one for one in chosen if one != STAYING), STAYING)


def _take_along(route: IngressRoute) -> None:
    """What the operator has chosen goes with calls that may take another route than before: to this one where nothing
    was chosen for it, else from this one to those for which nothing was."""
    if route.customer is None:
        return
    chosen = _staying_of(route)
    if chosen != STAYING:
        for other in route.customer.ingress_routes.filter(**STAYING).order_by("pk"):
            records.change(records.locked(IngressRoute, other.pk), chosen)
    elif route.enabled and (found := _staying(route.customer)) != STAYING:
        records.change(route, found)


def _staying_of(route: IngressRoute) -> dict[str, Any]:
    return {name: getattr(route, name) for name in STAYING}


def _check_operated(values: Mapping[str, Any]) -> None:
    """Those who are held to some customers say nothing about carriers."""
    named = [name for name in OPERATED if name in values]
    if current.get().reach is not None and named:
        raise NotEditable({name: ["Whom you buy from decides this: leave it out."] for name in named})


def _check_card(owner: Customer | Tag, card_id: int) -> None:
    card = _locked_card(owner, card_id)
    if current.get().reach is not None and isinstance(owner, Customer):
        sellers = (owner.parent_id,) if owner.parent_id is not None else ()
        if card is None or card.kind != "customer" or card.reseller_id not in sellers:
            raise refuse("card_id", "Choose a card of the reseller that the customer is below.")
    _check_sold(owner, card)


def _locked_card(owner: Customer | Tag, card_id: int) -> Card | None:
    """Its direction stays what it is until the route is seen there."""
    return Card.objects.select_for_update(no_key=True).filter(account_id=owner.account_id, pk=card_id).first()


def _check_sold(owner: Customer | Tag, card: Card | None) -> None:
    if card is None or card.kind != "customer":
        raise refuse("card_id", "Choose a customer card: it says what this customer pays.")
    check_direction(card, "termination", "card_id")
    if isinstance(owner, Tag):
        if card.reseller_id is not None:
            raise refuse("card_id", "This card belongs to a reseller: a tag's customers need not be below it.")
        return
    customer = owner
    if card.currency != customer.currency:
        raise refuse("card_id", f"The card is in {card.currency}, the customer pays in {customer.currency}.")
    # locked: it is not moved to another reseller until the route is seen there
    if card.reseller_id is not None and card.reseller_id != records.locked(Customer, customer.pk).parent_id:
        raise refuse("card_id", "This card belongs to a reseller that the customer is not below.")


def _check_options(owner: Customer | Tag, options: Sequence[Mapping[str, Any]]) -> None:
    wanted = [row["card_id"] for row in options]
    known = Card.objects.filter(account_id=owner.account_id, kind="carrier", pk__in=wanted).order_by("pk")
    found = {card.pk: card for card in known.select_for_update(no_key=True)}
    if set(wanted) - found.keys():
        raise refuse("options", "Choose carrier cards: they say what we pay.")
    for card in found.values():
        check_direction(card, "termination", "options", f"{card.name}: ")
    if len(set(wanted)) != len(wanted):
        raise refuse("options", "A carrier card is listed twice: list each once.")


def _save_options(route: IngressRoute, options: Sequence[Mapping[str, Any]]) -> bool:
    """Leaves exactly these options, touching only rows that differ, so that the audit log shows real changes.

    Returns whether any did.
    """
    changed = False
    wanted = {row["card_id"]: row for row in options}
    for option in route.options.select_for_update():
        row = wanted.pop(option.card_id, None)
        if row is None:
            option.delete()
            changed = True
        elif any(getattr(option, name) != value for name, value in row.items()):
            records.change(option, row)
            changed = True
    for row in wanted.values():
        records.create(RouteOption, {**row, "ingress_route_id": route.pk})
    return changed or bool(wanted)


def _next_version(route: IngressRoute) -> None:
    """The options are part of the route as people see it: who holds an older form is told."""
    IngressRoute.objects.filter(pk=route.pk).update(options_version=F("options_version") + 1)
    route.refresh_from_db()


def _advise(route: IngressRoute) -> None:
    """Carriers are those of the route of the customer directly below the account: others need no options."""
    top = route.customer is None or route.customer.parent_id is None
    if route.enabled and top and not route.options.filter(excluded=False).exists():
        warn("The route has no carrier cards yet: its calls are refused until it has one.")
