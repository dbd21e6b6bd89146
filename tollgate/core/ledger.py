"""The books: working copies of locked wallets, what a call does to them, the entries it leaves, and the laws.

Every change of money goes through here and marks the purse dirty; the desk writes the dirty ones back in the same
transaction as the entries. To add a law, add a function that yields sentences and name it in `check_laws`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from tollgate.core.calls_types import Extension, Grant, LiveCall, Minutes, Settlement
from tollgate.core.limits import spend, take
from tollgate.core.packages import SECOND_MICROS, SECONDS


@dataclass(slots=True)
class Purse:
    """The working copy of one locked `wallet` row, columns in the table's order."""

    id: int
    account_id: int
    kind: str
    owner_id: int
    parent_id: int | None
    depth: int
    currency: str | None
    balance_micros: int = 0
    limit_micros: int = 0
    held_micros: int = 0
    channels: int = 0
    channels_max: int = 0
    cps_max_milli: int = 0
    cps_tokens_milli: int = 0
    cps_at: datetime | None = None
    spent_micros: int = 0
    spent_on: date | None = None
    spend_max_micros: int | None = None
    first_used_at: datetime | None = None
    turn: int = 0  # another after every change of the row
    dirty: bool = False


class Entry(NamedTuple):
    """One posting: what the wallet gains (the book gets the opposite)."""

    wallet_id: int
    book: str
    kind: str
    amount_micros: int
    currency: str
    call_id: int | None = None
    note: str = ""


Purses = Mapping[int, Purse]


def available(purse: Purse) -> int:
    """Micros that can still be held: the balance, as far below zero as the limit allows, less what is held."""
    return purse.balance_micros + purse.limit_micros - purse.held_micros


def apply_grant(grant: Grant, purses: Purses, at: datetime) -> None:
    """Hold the money, occupy the channels and take the tokens of a call that passed."""
    for wallet_id, micros in zip(grant.leg_wallet_ids, grant.holds, strict=True):
        purses[wallet_id].held_micros += micros
    if grant.minutes_s:
        _hold_minutes(grant.stored.bundles, grant.minutes_s, purses)
    for wallet_id in grant.meters + grant.carrier_wallet_ids:
        purse = purses[wallet_id]
        purse.channels += 1
        if purse.cps_max_milli:
            take(purse, at)
        purse.dirty = True


def apply_extension(call: LiveCall, extension: Extension, purses: Purses) -> None:
    """Hold what an extension needs more, and write the new grant into the call."""
    for leg, micros in zip(call.plan.legs, extension.holds, strict=True):
        purse = purses[leg.wallet_id]
        purse.held_micros += micros
        purse.dirty = True
    call.held_micros = tuple(held + more for held, more in zip(call.held_micros, extension.holds, strict=True))
    if extension.minutes_s:
        _hold_minutes(call.plan.bundles, extension.minutes_s, purses)
        call.minutes_s = tuple(held + more for held, more in zip(call.minutes_s, extension.minutes_s, strict=True))
    call.granted_s = extension.granted_s
    call.extended_count += 1
    assert call.answered_at is not None
    call.granted_until = call.answered_at + timedelta(seconds=extension.granted_s)


def _hold_minutes(bundles: Sequence[Minutes], seconds: Sequence[int], purses: Purses) -> None:
    for bundle, more_s in zip(bundles, seconds, strict=True):
        if more_s:
            purses[bundle.wallet_id].held_micros += more_s * SECOND_MICROS
            purses[bundle.wallet_id].dirty = True


def _take_minutes(call: LiveCall, settlement: Settlement, purses: Purses) -> Iterator[Entry]:
    """Gives back all that is held of each bundle, and takes what was used."""
    used = settlement.minutes_s or (0,) * len(call.minutes_s)
    for bundle, held_s, used_s in zip(call.plan.bundles, call.minutes_s, used, strict=True):
        purse = purses[bundle.wallet_id]
        purse.held_micros -= held_s * SECOND_MICROS
        purse.dirty = True
        if used_s:
            yield Entry(bundle.wallet_id, "minutes", "call", -used_s * SECOND_MICROS, SECONDS, call.id)


def move_carrier(call: LiveCall, purses: Purses, route_index: int, at: datetime) -> None:
    """The edge now tries (or talks over) another route: its carrier's channel is occupied instead.

    The edge has done it already, so this counts and never refuses. Lock `call.carrier_wallet_ids` and the route's
    `meters` first.
    """
    before, after = call.carrier_wallet_ids, call.plan.routes[route_index].meters
    call.route_index, call.carrier_wallet_ids = route_index, after
    if before == after and not call.ingress_route_id:  # a DID's next destination: its carrier brings one call
        return
    for wallet_id in before:
        purses[wallet_id].channels -= 1
        purses[wallet_id].dirty = True
    for wallet_id in after:
        purses[wallet_id].channels += 1
        purses[wallet_id].dirty = True
        take(purses[wallet_id], at)


def apply_settlement(call: LiveCall, settlement: Settlement, purses: Purses) -> tuple[Entry, ...]:
    """Give back holds and channels, take what the call cost, and return the entries that say so."""
    entries: list[Entry] = []
    for leg, held, cost in zip(call.plan.legs, call.held_micros, settlement.leg_costs, strict=True):
        purse = purses[leg.wallet_id]
        purse.held_micros -= held
        purse.dirty = True
        within, overrun, _ = cost
        if within:
            entries.append(Entry(leg.wallet_id, leg.book, "call", -within, leg.currency, call.id))
        if overrun:
            note = "used beyond the grant"
            entries.append(Entry(leg.wallet_id, leg.book, "overrun", -overrun, leg.currency, call.id, note))
        if within or overrun:
            spend(purse, within + overrun, call.authorized_at)
    if call.minutes_s:
        entries += _take_minutes(call, settlement, purses)
    for wallet_id in call.wallet_ids + call.carrier_wallet_ids:
        purse = purses[wallet_id]
        purse.channels -= 1
        if settlement.answered_at is not None:  # an attempt that nobody took is no use
            purse.first_used_at = min(purse.first_used_at or settlement.answered_at, settlement.answered_at)
        purse.dirty = True
    carrier = settlement.carrier
    if carrier is not None and carrier.cost_micros:
        currency = carrier.route.currency
        entries.append(Entry(carrier.wallet_id, "carrier_cost", "call", carrier.cost_micros, currency, call.id))
    apply_entries(entries, purses)
    return tuple(entries)


def settlement_wallet_ids(call: LiveCall) -> set[int]:
    """The wallets to lock before a call of unknown end is settled."""
    found = payers_wallet_ids(call)
    found.update(call.wallet_ids, call.carrier_wallet_ids, [route.carrier_wallet_id for route in call.plan.routes])
    return found


def payers_wallet_ids(call: LiveCall) -> set[int]:
    """The wallets that pay for a call, in money and in minutes."""
    found = {leg.wallet_id for leg in call.plan.legs}
    if call.plan.bundles:
        found.update([bundle.wallet_id for bundle in call.plan.bundles])
    return found


def apply_entries(entries: Iterable[Entry], purses: Purses) -> None:
    """A balance changes by entries and by nothing else."""
    for entry in entries:
        purse = purses[entry.wallet_id]
        assert purse.currency == entry.currency
        purse.balance_micros += entry.amount_micros
        purse.dirty = True


class Billed(NamedTuple):
    """What a CDR says was posted: wallet -> micros gained, adjustments left out."""

    call_id: int
    postings: Mapping[int, int]


def check_laws(
    *,
    purses: Iterable[Purse],
    entries: Iterable[Entry],
    calls: Iterable[LiveCall],
    cdrs: Iterable[Billed],
    at: datetime,
    validity_s: int,
) -> list[str]:
    """The laws of the books, as sentences about what breaks them; none when all hold.

    That lines sum to zero needs no check here: each entry is both of its lines.
    """
    wallets, postings, live, billed = list(purses), list(entries), list(calls), list(cdrs)
    return [
        *_balances(wallets, postings),
        *_holds_and_channels(wallets, live),
        *_limits(wallets, postings),
        *_charged_is_recorded(postings, live, billed),
        *_call_ages(live, at, validity_s),
    ]


def _balances(purses: Sequence[Purse], entries: Sequence[Entry]) -> Iterator[str]:
    sums: Counter[int] = Counter()
    for entry in entries:
        sums[entry.wallet_id] += entry.amount_micros
    for purse in purses:
        if purse.balance_micros != sums[purse.id]:
            yield f"Wallet {purse.id} has balance {purse.balance_micros}, its entries sum to {sums[purse.id]}."
        if any(e.wallet_id == purse.id and e.currency != purse.currency for e in entries):
            yield f"Wallet {purse.id} in {purse.currency} has entries of another currency."


def _holds_and_channels(purses: Sequence[Purse], calls: Sequence[LiveCall]) -> Iterator[str]:
    held: Counter[int] = Counter()
    channels: Counter[int] = Counter()
    for call in calls:
        channels.update(call.wallet_ids + call.carrier_wallet_ids)
        for leg, micros in zip(call.plan.legs, call.held_micros, strict=True):
            held[leg.wallet_id] += micros
        for bundle, seconds in zip(call.plan.bundles, call.minutes_s, strict=True):
            held[bundle.wallet_id] += seconds * SECOND_MICROS
    for purse in purses:
        if purse.held_micros != held[purse.id]:
            yield f"Wallet {purse.id} holds {purse.held_micros}, its live calls hold {held[purse.id]}."
        if purse.channels != channels[purse.id]:
            yield f"Wallet {purse.id} counts {purse.channels} channels, its live calls {channels[purse.id]}."


def _limits(purses: Sequence[Purse], entries: Sequence[Entry]) -> Iterator[str]:
    named = {entry.wallet_id for entry in entries if entry.kind in ("overrun", "adjustment")}
    for purse in purses:
        if purse.kind == "customer" and available(purse) < 0 and purse.id not in named:
            yield f"Wallet {purse.id} is {-available(purse)} micros beyond its limit and no overrun says why."
        if purse.kind == "bundle" and available(purse) < 0:
            yield f"Bundle {purse.owner_id} gave {-available(purse)} micros of a second that it does not have."


def _charged_is_recorded(entries: Sequence[Entry], calls: Sequence[LiveCall], cdrs: Sequence[Billed]) -> Iterator[str]:
    posted: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for entry in entries:
        if entry.call_id is not None and entry.kind in ("call", "overrun"):
            posted[entry.call_id][entry.wallet_id] += entry.amount_micros
    seen = Counter(cdr.call_id for cdr in cdrs)
    for call_id, count in seen.items():
        if count > 1:
            yield f"Call {call_id} has {count} CDRs."
    for call in calls:
        if call.id in seen:
            yield f"Call {call.id} is live and has a CDR."
    for cdr in cdrs:
        says = {wallet_id: micros for wallet_id, micros in cdr.postings.items() if micros}
        if says != dict(posted[cdr.call_id]):
            yield f"The CDR of call {cdr.call_id} says {says}, its entries {dict(posted[cdr.call_id])}."
    for call_id in posted.keys() - seen.keys():
        yield f"Call {call_id} has entries and no CDR."


def _call_ages(calls: Sequence[LiveCall], at: datetime, validity_s: int) -> Iterator[str]:
    for call in calls:
        if at > call.granted_until + timedelta(seconds=2 * validity_s):
            yield f"Call {call.id} is older than its grant and twice the validity."
