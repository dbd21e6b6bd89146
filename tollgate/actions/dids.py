"""Acts on DIDs: numbers of the public network that carriers bring calls to, who has each, and where its calls go.

The account's users make them, give them to customers and take them back into the inventory. A reseller's users say for
those of its customers where calls go and what the customer pays (`OPERATED` is what they do not). Where calls may be
delivered is in did_places.py, by which cards each level pays in did_cards.py. To add a field: its column, its line in
`DidFields` and in `CHECKS`, and what obeys it in `core.calls_inbound`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypedDict, Unpack

from django.db.models import F, Q

from tollgate.actions import checks, records
from tollgate.actions.acts import Actor, NotEditable, act, current, refuse, warn
from tollgate.actions.deleted_records import deleted, remove
from tollgate.actions.did_cards import (
    chain_of,
    check_carrier_card,
    check_customer_card,
    check_reseller_cards,
    locked_cards,
    reseller_cards,
    save_prices,
    warn_of_prices,
)
from tollgate.actions.did_packages import end_packages_of
from tollgate.actions.did_places import check_destinations, destinations_text
from tollgate.actions.in_service import check_in_service
from tollgate.core import dids
from tollgate.core.digits import NumberInvalid, normalize
from tollgate.store.models import Account, Call, Card, Carrier, Customer, Did
from tollgate.store.queries.resale import dids_seen_of


class DidFields(TypedDict, total=False):
    """What may be set on a DID beside its number.

    `reseller_cards` has the id of each reseller above the customer, as text, with the id of the card by which that
    reseller pays. `destinations` has a line for each place (`core.dids`). 0 channels or calls per second: no limit.
    """

    customer_id: int | None
    card_id: int | None
    reseller_cards: Mapping[str, int]
    carrier_id: int | None
    carrier_card_id: int | None
    destinations: str
    order: str
    channels: int
    cps_milli: int
    max_duration_s: int | None
    recording: str
    pai_mode: str
    public_note: str
    private_note: str
    enabled: bool


ORDERS: Final = ("serial", "random")
OPERATED: Final = frozenset(
    {"customer_id", "reseller_cards", "carrier_id", "carrier_card_id", "channels", "cps_milli", "max_duration_s"}
    | {"private_note"}
)
"""Fields that a reseller's users leave alone."""
HIDDEN: Final = frozenset({"carrier_id", "carrier_card_id", "private_note"})
"""Those of them that a reseller's users do not see either."""
OWN: Final = "Whom you buy from says what becomes of your own numbers."
"""What a reseller's users hear who would change a DID that the reseller itself has."""
OF_CUSTOMER: Final = ("card_id", "destinations", "reseller_cards")
"""What only a DID that somebody has can have."""


def did_number(value: object) -> str:
    """The check of a number in international form, kept as its digits."""
    try:
        number = normalize(value if isinstance(value, str) else "").removeprefix("00")
    except NumberInvalid:
        number = ""
    if not 3 <= len(number) <= 18 or number.startswith("0"):
        raise checks.Unfit("Give the number in international form, such as +442071838750.")
    return number


CHECKS: Final[Mapping[str, checks.Check]] = {
    "customer_id": checks.optional(checks.record_id),
    "card_id": checks.optional(checks.record_id),
    "reseller_cards": reseller_cards,
    "carrier_id": checks.optional(checks.record_id),
    "carrier_card_id": checks.optional(checks.record_id),
    "destinations": destinations_text,
    "order": checks.one_of(ORDERS),
    "channels": checks.channels,
    "cps_milli": checks.cps_milli,
    "max_duration_s": checks.optional(checks.whole(1, 86_400)),
    "recording": checks.one_of(("inherit", "off", "on")),
    "pai_mode": checks.one_of(("default", "remove")),
    "public_note": checks.text(2000),
    "private_note": checks.text(2000),
    "enabled": checks.yes_no,
}
NEW_CHECKS: Final = {**CHECKS, "number": did_number}


def seen_by(actor: Actor) -> Q:
    """The DIDs that an actor may see."""
    return Q() if actor.reach is None else dids_seen_of(actor.reseller_id or 0, actor.reach)


@act
def create_did(*, account_id: int, number: str, **fields: Unpack[DidFields]) -> Did:
    """Puts a number into the inventory, or gives it to a customer at once, who needs a card for it then."""
    given: dict[str, Any] = {**fields, "number": number}
    values = checks.cleaned(NEW_CHECKS, given)
    _check_operator("number", "Only users of the account add DIDs.")
    account = records.find(Account, account_id)
    prices = _settle(Did(account=account, number=values["number"]), values)
    did = records.create(Did, {**values, "account_id": account.pk})
    save_prices(did, prices or {})
    _advise(did)
    return did


@act
def update_did(*, did_id: int, version: int | None = None, **changes: Unpack[DidFields]) -> Did:
    """Changes a DID; the next call obeys it. Given to another customer, it loses what is not said anew: destinations,
    and the cards by which customer and resellers pay; its packages end. Without a customer it is in the inventory."""
    values = checks.cleaned(CHECKS, changes)
    _check_operated(values)
    did = records.locked(Did, did_id, version)
    prices = _settle(did, values)
    if did.customer_id is not None and values.get("customer_id", did.customer_id) != did.customer_id:
        end_packages_of(did)
    did = records.change(did, values)
    if prices is not None and save_prices(did, prices):
        _next_version(did)
    _advise(did)
    return did


@act
def delete_did(*, did_id: int, version: int | None = None) -> None:
    """Removes a DID that nobody has and that no call is on; its CDRs stay. For a week `restore_did` undoes it."""
    did = records.locked(Did, did_id, version)
    _check_operator("did_id", "Only users of the account remove DIDs.")
    if did.customer_id is not None:
        raise refuse("did_id", "A customer has this DID: put it back into the inventory first.")
    live = Call.objects.filter(account_id=did.account_id, number=did.number, endpoint=None, ingress_route=None)
    if live.exists():
        raise refuse("did_id", "The DID has live calls: disable it and wait for them to end.")
    remove(did, account_id=did.account_id)


@act
def restore_did(*, did_id: int) -> Did:
    """Brings a deleted DID back into the inventory, with its carrier and the card by which that one is paid."""
    was = deleted(Did, did_id, "did_id")
    _check_operator("did_id", "Only users of the account restore DIDs.")
    did = was.record
    if did.carrier_id is not None and did.carrier_card_id is not None:
        card = locked_cards(did.account_id, [did.carrier_card_id]).get(did.carrier_card_id)
        check_carrier_card(did.carrier_id, card)
    return was.restore()


def _check_operator(field: str, words: str) -> None:
    if current.get().reach is not None:
        raise refuse(field, words)


def _check_operated(values: Mapping[str, Any]) -> None:
    named = sorted(OPERATED & values.keys())
    if current.get().reach is not None and named:
        raise NotEditable({name: ["Whom you buy from decides this: leave it out."] for name in named})


def _settle(did: Did, values: dict[str, Any]) -> dict[int, int] | None:
    """Checks the values of a DID together, and fills in what follows from them.

    Gives the card of each reseller as it shall be; None where those stay.
    """
    told = (values.get("card_id"), values.get("carrier_card_id"), *(values.get("reseller_cards") or {}).values())
    cards = locked_cards(did.account_id, told)
    _settle_carrier(did, values, cards)
    customer_id = values.get("customer_id", did.customer_id)
    moved = customer_id != did.customer_id
    if customer_id is None:
        return _to_inventory(did, values, moved=moved and did.pk is not None)
    customer = _customer(did, customer_id, moved=moved)
    if moved:
        values.setdefault("destinations", "")
        values.setdefault("card_id", None)
        values.setdefault("reseller_cards", {})
    if "card_id" in values and (moved or values["card_id"] != did.card_id):
        check_customer_card(customer, cards.get(values["card_id"]))
    if "destinations" in values and (moved or values["destinations"] != did.destinations):
        had = () if moved else dids.parse(did.destinations)
        check_destinations(customer, dids.parse(values["destinations"]), had)
    prices: dict[int, int] | None = values.pop("reseller_cards", None)
    if prices is not None:
        known = {} if moved else dict(did.prices.values_list("reseller_id", "card_id"))
        check_reseller_cards(chain_of(customer), prices, known, cards)
    return prices


def _to_inventory(did: Did, values: dict[str, Any], *, moved: bool) -> dict[int, int] | None:
    """Nobody has it: what was its customer's is cleared when it comes back, and anything else refused."""
    for name in OF_CUSTOMER:
        given = values.pop(name, None)
        if given and not moved:
            raise refuse(name, "Nobody has this DID: give it to a customer first, or leave this out.")
        if given and given != _had(did, name):
            raise refuse(name, "The DID goes back into the inventory, where nobody has this: leave it out.")
    if not moved:
        return None
    values |= {"card_id": None, "destinations": ""}
    return {}


def _had(did: Did, name: str) -> object:
    """What its customer has with it in one of the fields `OF_CUSTOMER`."""
    return dict(did.prices.values_list("reseller_id", "card_id")) if name == "reseller_cards" else getattr(did, name)


def _customer(did: Did, customer_id: int, *, moved: bool) -> Customer:
    """Who has the DID, locked: it is not moved below another reseller meanwhile."""
    found = Customer.objects.filter(account_id=did.account_id, pk=customer_id)
    customer = found.select_for_update(no_key=True).first()
    if customer is None:
        raise refuse("customer_id", "Choose a customer of the same account.")
    if moved:
        check_in_service(customer)
    return customer


def _settle_carrier(did: Did, values: dict[str, Any], cards: Mapping[int, Card]) -> None:
    carrier_id = values.get("carrier_id", did.carrier_id)
    moved = carrier_id != did.carrier_id
    if moved:
        values.setdefault("carrier_card_id", None)
        if carrier_id is not None and not Carrier.objects.filter(account_id=did.account_id, pk=carrier_id).exists():
            raise refuse("carrier_id", "Choose a carrier of the same account.")
    card_id = values.get("carrier_card_id", did.carrier_card_id)
    if card_id is None or (not moved and card_id == did.carrier_card_id):
        return
    if carrier_id is None:
        raise refuse("carrier_card_id", "Without a carrier nobody is paid: choose the carrier, or leave this out.")
    check_carrier_card(carrier_id, cards.get(card_id))


def _next_version(did: Did) -> None:
    """The prices are part of the DID as people see it: who holds an older form is told."""
    Did.objects.filter(pk=did.pk).update(prices_version=F("prices_version") + 1)
    did.refresh_from_db()


def _advise(did: Did) -> None:
    """What keeps calls from it."""
    if not did.enabled or did.customer is None:
        return
    if did.carrier_id is None and current.get().reach is None:
        warn("It has no carrier yet: no call comes to it.")
    if not did.destinations:
        warn("It has no destinations yet: calls to it are refused until it has one.")
    warn_of_prices(did)
