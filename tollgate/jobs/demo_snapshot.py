"""The demo company as the rules see it: a snapshot and the purses, so that its past is decided by the real rules.

The charging service loads its own (it shares no floor with the jobs); this one knows only what the demo has: addresses
without networks around them, no hours. To use another field in the demo's past, read it here.
"""

from __future__ import annotations

from collections.abc import Mapping

from tollgate.core.calls import rate_text
from tollgate.core.digits import PrefixIndex
from tollgate.core.ledger import Purse
from tollgate.core.snapshot import Card, Carrier, Endpoint, Gateway, Option, Payer, RateRow, Revision, Route, Snapshot
from tollgate.store import models
from tollgate.store.queries.cards import price_of

Wallets = Mapping[tuple[str, int], int]
PURSE_COLUMNS = (
    "id", "account_id", "kind", "owner_id", "parent_id", "depth", "currency", "balance_micros", "limit_micros",
    "held_micros", "channels", "channels_max", "cps_max_milli",
)  # fmt: skip


class Addresses:
    """Endpoints by their one address."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        self._endpoints = endpoints

    def find(self, ip: str) -> tuple[Endpoint, ...]:
        """The endpoint of that address."""
        found = self._endpoints.get(ip)
        return () if found is None else (found,)


def purses_of(account: models.Account) -> dict[int, Purse]:
    """Working copies of all wallets."""
    rows = models.Wallet.objects.filter(account=account)
    purses = [Purse(*row) for row in rows.values_list(*PURSE_COLUMNS)]
    spend_max = dict(rows.values_list("pk", "spend_max_micros"))
    for purse in purses:
        purse.spend_max_micros = spend_max[purse.id]
    return {purse.id: purse for purse in purses}


def snapshot_of(account: models.Account) -> Snapshot:
    """Everything a decision needs."""
    wallets = {(kind, owner): key for key, kind, owner in models.Wallet.objects.values_list("pk", "kind", "owner_id")}
    top = Payer(
        "account", account.pk, account.name, wallets["account", account.pk], 0, account.currency, account.status,
        max_duration_s=None,
    )  # fmt: skip
    endpoints = list(models.Endpoint.objects.filter(account=account))
    known = {row.pk: _endpoint(row, wallets) for row in endpoints}
    return Snapshot(
        account=top,
        customers=_customers(account, top, wallets),
        networks=Addresses({str(row.network).partition("/")[0]: known[row.pk] for row in endpoints if row.network}),
        users={row.username: known[row.pk] for row in endpoints if row.username},
        cards={card.pk: _card(card) for card in models.Card.objects.filter(account=account)},
        carriers={row.pk: _carrier(row, wallets) for row in models.Carrier.objects.filter(account=account)},
        slice_s=account.slice_s,
        validity_s=account.validity_s,
    )


def _customers(account: models.Account, top: Payer, wallets: Wallets) -> dict[int, Payer]:
    """From the account downward, so that each finds its parents made."""
    made: dict[int, Payer] = {}
    depths = dict(models.Wallet.objects.filter(kind="customer").values_list("owner_id", "depth"))
    for row in sorted(models.Customer.objects.filter(account=account), key=lambda row: depths[row.pk]):
        above = top if row.parent_id is None else made[row.parent_id]
        routes = models.IngressRoute.objects.filter(customer=row).order_by("pk")
        made[row.pk] = Payer(
            "customer", row.pk, row.name, wallets["customer", row.pk], depths[row.pk], row.currency, row.status,
            max_duration_s=row.max_duration_s, routes=tuple(_route(route, wallets) for route in routes),
            parents=(above, *above.parents),
        )  # fmt: skip
    return made


def _endpoint(row: models.Endpoint, wallets: Wallets) -> Endpoint:
    limited = bool(row.channels or row.cps_milli)
    return Endpoint(row.pk, row.customer_id, row.kind, wallets["endpoint", row.pk], limited, name=row.name)


def _route(row: models.IngressRoute, wallets: Wallets) -> Route:
    options = tuple(Option(option.card_id, option.position, option.weight) for option in row.options.order_by("pk"))
    return Route(
        row.pk, row.name, wallets["ingress_route", row.pk], bool(row.channels or row.cps_milli), row.tech_prefix, (),
        row.card_id, row.strategy, options, profit_assurance=row.profit_assurance,
    )  # fmt: skip


def _card(card: models.Card) -> Card:
    revisions = card.revisions.exclude(published_at=None).order_by("-effective_at", "-number")
    return Card(
        card.pk, card.kind, card.name, card.carrier_id, card.currency,
        revisions=tuple((revision.effective_at, _revision(card, revision)) for revision in revisions),
    )  # fmt: skip


def _revision(card: models.Card, revision: models.Revision) -> Revision:
    rows = []
    for row in revision.rates.all():
        rate = price_of(card, row)
        rows.append(RateRow(row.prefix, row.destination, row.blocked, rate, rate_text(rate)))
    index = PrefixIndex.build((row.prefix, position) for position, row in enumerate(rows))
    return Revision(revision.pk, revision.number, index, rows)


def _carrier(row: models.Carrier, wallets: Wallets) -> Carrier:
    gateways = tuple(
        Gateway(
            found.pk, found.name, wallets["gateway", found.pk], bool(found.channels or found.cps_milli), found.host,
            found.port, found.transport, found.weight,
        )
        for found in row.gateways.order_by("pk")
    )  # fmt: skip
    return Carrier(
        row.pk, row.name, wallets["carrier", row.pk], row.currency, row.status, bool(row.channels or row.cps_milli),
        row.first_reply_s, row.pdd_s, row.ring_s, gateways,
    )  # fmt: skip
