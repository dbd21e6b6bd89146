"""The demo company: its customers, carriers, cards, routes and users, made by the same acts that people use.

Addresses are loopback ones, so that calls can be tried on one machine: each customer calls from its own, the carriers'
gateways are `GATEWAYS`. To add a record, make it in the function of its noun; DIDs are in demo_dids.py.
"""

from __future__ import annotations

import csv
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from tollgate import environment
from tollgate.actions.account_billing import set_account_tariff
from tollgate.actions.accounts import create_account
from tollgate.actions.aliases import create_alias
from tollgate.actions.cards import create_card
from tollgate.actions.carriers import create_carrier, create_gateway
from tollgate.actions.clis import add_verified_cli
from tollgate.actions.contacts import create_contact, verify_contact_email, verify_contact_mobile
from tollgate.actions.customer_notes import add_customer_note
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.edges import create_edge
from tollgate.actions.endpoints import create_ip_endpoint, create_sip_user
from tollgate.actions.localizations import create_localization
from tollgate.actions.options import update_options
from tollgate.actions.packages import enable_call_recording
from tollgate.actions.revisions import publish_revision
from tollgate.actions.routes import create_ingress_route
from tollgate.actions.tags import create_tag
from tollgate.actions.users import create_stock_groups, create_user, create_user_group, update_user_group
from tollgate.core.card_files import CardRow
from tollgate.core.money import Method, divide, parse_nanos
from tollgate.jobs.demo_dids import make_dids
from tollgate.store.models import Account, Card, Customer

EURO: Final = 1_000_000
ADDRESSES: Final = {
    "Acme": "127.0.0.11",
    "Baltic": "127.0.0.12",
    "Fjord Voice": "127.0.0.13",
    "Harbor Callshop": "127.0.0.14",
}
GATEWAYS: Final = {"Cirrus": ("127.0.0.21", "127.0.0.22"), "Delta Wholesale": ("127.0.0.23",)}
GATEWAY_PORT: Final = 5080
SELLING_DAYS: Final = 120
STEP_NANOS: Final = 100_000  # prices have four decimals
BLOCKED: Final = frozenset({"870", "8816", "4470", "500"})  # dearer than anybody means to dial
PEAK: Final = frozenset({"3706"})  # sold cheaper in the evening
FILE: Final = Path(__file__).with_name("demo_destinations.csv")


@dataclass(frozen=True, slots=True)
class Destination:
    """A line of the packaged price list: prices in nanos per minute, `share` of the traffic, digits of a number."""

    prefixes: tuple[str, ...]
    name: str
    cirrus_nanos: int
    delta_nanos: int | None
    initial_s: int
    increment_s: int
    share: int
    length: int


Price = Callable[[Destination], int | None]


@dataclass(frozen=True, slots=True)
class Demo:
    """What was made, by name, and the generated passwords by login."""

    account: Account
    customers: dict[str, Customer]
    logins: dict[str, str]


@cache
def destinations() -> tuple[Destination, ...]:
    """The packaged price list."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return tuple(_destination(row) for row in csv.DictReader(file))


def make_records(at: datetime) -> Demo:
    """The whole company as it stands at `at`, selling since `SELLING_DAYS`. Needs an actor who may do every act."""
    account = create_account(name="Demo Telecom", currency="EUR", company="Demo Telecom", email="noc@demo.example")
    enable_call_recording(account_id=account.pk)
    update_options(account_id=account.pk, block_start=1000, block_size=100)
    set_account_tariff(account_id=account.pk, minute_price_nanos=300_000, channel_day_price_nanos=500_000_000)
    rpc_port = environment.number("TOLLGATE_EDGE_RPC_PORT", 8060, least=1024, most=65535)
    edge = environment.text("TOLLGATE_EDGE", "kam1")  # the one that `tollgate sip` runs
    create_edge(account_id=account.pk, name=edge, kind="kamailio", rpc_url=f"http://127.0.0.1:{rpc_port}/RPC")
    carrier_cards = _carriers(account, at)
    logins: dict[str, str] = {}
    customers = _customers(account, logins)
    _routes(account, customers, carrier_cards, at)
    make_dids(account, customers, at)
    _users(logins)
    return Demo(account, customers, logins)


def _destination(row: dict[str, str]) -> Destination:
    initial_s, increment_s = row["increments"].split("/")
    return Destination(
        prefixes=tuple(row["prefix"].split(",")),
        name=row["destination"],
        cirrus_nanos=parse_nanos(row["cirrus"]),
        delta_nanos=parse_nanos(row["delta"]) if row["delta"] else None,
        initial_s=int(initial_s),
        increment_s=int(increment_s),
        share=int(row["share"]),
        length=int(row["length"]),
    )


def _carriers(account: Account, at: datetime) -> list[Card]:
    """Two carriers, the dearer one without the remotest destinations."""
    cirrus = create_carrier(account_id=account.pk, name="Cirrus", currency="EUR", channels=120, cps_milli=20_000)
    delta = create_carrier(account_id=account.pk, name="Delta Wholesale", currency="EUR", channels=60)
    for carrier, weights in ((cirrus, (70, 30)), (delta, (100,))):
        hosts = GATEWAYS[carrier.name]
        for number, (host, weight) in enumerate(zip(hosts, weights, strict=True), start=1):
            create_gateway(
                carrier_id=carrier.pk, name=f"{carrier.name.split()[0].lower()}-{number}", host=host, port=GATEWAY_PORT,
                weight=weight,
            )  # fmt: skip
    cards = []
    prices: tuple[Price, ...] = (attrgetter("cirrus_nanos"), attrgetter("delta_nanos"))
    for carrier, price in zip((cirrus, delta), prices, strict=True):
        card = create_card(
            account_id=account.pk, kind="carrier", name=f"{carrier.name} A-Z", currency="EUR", carrier_id=carrier.pk
        )
        publish_revision(
            card_id=card.pk, rows=_rows(price), effective_at=at - timedelta(days=SELLING_DAYS), note="as agreed"
        )
        cards.append(card)
    return cards


def _customers(account: Account, logins: dict[str, str]) -> dict[str, Customer]:
    """A prepaid, a postpaid, a reseller with a customer of its own, and one in penalty."""

    def new(name: str, **fields: Any) -> Customer:
        return create_customer(account_id=account.pk, name=name, currency="EUR", **fields)

    made = {
        "Acme": new("Acme", company="Acme UAB", channels=12, cps_milli=5_000, email_verification=True),
        "Baltic": new(
            "Baltic", company="Baltic Telecom SIA", channels=40, cps_milli=10_000, debit_limit_micros=500 * EURO,
            daily_spend_limit_micros=120 * EURO, recording=True,
        ),
        "Nordic Resale": new(
            "Nordic Resale", company="Nordic Resale AB", is_reseller=True, channels=60, debit_limit_micros=800 * EURO
        ),
        "Harbor Callshop": new("Harbor Callshop", channels=8),
    }  # fmt: skip
    made["Fjord Voice"] = new(
        "Fjord Voice", company="Fjord Voice AS", parent_id=made["Nordic Resale"].pk, channels=25,
        debit_limit_micros=300 * EURO,
    )  # fmt: skip
    _contacts(made)
    _particulars(account, made)
    for name, address in ADDRESSES.items():
        create_ip_endpoint(customer_id=made[name].pk, network=address, name=f"{name} switch")
    for customer, username, channels in (("Acme", "acme-desk", 2), ("Acme", "acme-hall", 2), ("Baltic", "baltic-1", 4)):
        password = secrets.token_urlsafe(12)
        create_sip_user(
            customer_id=made[customer].pk, username=username, password=password, name=username, channels=channels,
            realm=environment.text("TOLLGATE_SIP_REALM", "tollgate.local"),
        )  # fmt: skip
        logins[f"sip:{username}"] = password
    update_customer(customer_id=made["Harbor Callshop"].pk, status="penalty")
    return made


def _particulars(account: Account, customers: dict[str, Customer]) -> None:
    """What is known of customers beside their calls: addresses, tags, a localization, notes, verified CLIs, aliases."""
    wholesale = create_tag(account_id=account.pk, name="Wholesale", color="blue")
    retail = create_tag(account_id=account.pk, name="Retail", color="green")
    local = create_localization(account_id=account.pk, name="Lithuania", originate_cld="00/*, 0/370")
    update_customer(
        customer_id=customers["Acme"].pk, tag_ids=[retail.pk], localization_id=local.pk, reference="PO 4711",
        website="https://acme.example/", address_line1="Gedimino pr. 1", city="Vilnius", postcode="LT-01103",
        country="LT", zone="Europe/Vilnius",
    )  # fmt: skip
    update_customer(
        customer_id=customers["Baltic"].pk, tag_ids=[wholesale.pk], address_line1="Brivibas iela 2", city="Riga",
        postcode="LV-1010", country="LV", zone="Europe/Riga", attestation="A",
    )  # fmt: skip
    add_customer_note(customer_id=customers["Acme"].pk, text="Wants a second SIP user for the hall.")
    add_verified_cli(customer_id=customers["Baltic"].pk, number="+37129123456")
    create_alias(account_id=account.pk, customer_id=customers["Acme"].pk, current="9000", new="37052000000")
    create_alias(account_id=account.pk, current="9001", new="442071838750", notes="Our own help desk")


def _contacts(customers: dict[str, Customer]) -> None:
    people = (
        ("Acme", "Carla", "Rossi", "carla@acme.example", "+37061234567"),
        ("Baltic", "Dan", "Ozols", "dan@baltic.example", "+37129123456"),
        ("Nordic Resale", "Eva", "Lind", "eva@nordic.example", "+46701234567"),
        ("Fjord Voice", "Finn", "Dahl", "finn@fjord.example", "+4790123456"),
    )
    for customer, first_name, last_name, email, mobile in people:
        contact = create_contact(
            customer_id=customers[customer].pk, email=email, first_name=first_name, last_name=last_name, mobile=mobile
        )
        verify_contact_email(contact_id=contact.pk, reason="demo data")
        verify_contact_mobile(contact_id=contact.pk, reason="demo data")


def _routes(account: Account, customers: dict[str, Customer], carrier_cards: list[Card], at: datetime) -> None:
    """Each customer's card and route; the reseller's customer is sold by the reseller's own card."""
    options: list[Any] = [{"card_id": card.pk} for card in carrier_cards]
    wholesale = _customer_card(account, "Wholesale A-Z", 125, at)
    business = _customer_card(account, "Business A-Z", 160, at, peak=True)
    resold = _customer_card(account, "Nordic Retail", 190, at, reseller_id=customers["Nordic Resale"].pk)
    sold = (("Acme", business), ("Baltic", wholesale), ("Nordic Resale", wholesale), ("Harbor Callshop", business))
    for name, card in sold:
        create_ingress_route(
            customer_id=customers[name].pk, name=f"{name} world", card_id=card.pk, strategy="lcr", options=options
        )
    create_ingress_route(customer_id=customers["Fjord Voice"].pk, name="Fjord world", card_id=resold.pk)


def _customer_card(
    account: Account, name: str, percent: int, at: datetime, *, peak: bool = False, reseller_id: int | None = None
) -> Card:
    """A card of the first carrier's prices times `percent`, with a cut two weeks ago and a rise ten days ahead."""
    card = create_card(account_id=account.pk, kind="customer", name=name, currency="EUR", reseller_id=reseller_id)
    for days, of_mobile, note in (
        (-SELLING_DAYS, 100, "first prices"),
        (-14, 97, "mobile cut"),
        (10, 101, "announced rise"),
    ):
        price = partial(_sold, percent=percent, of_mobile=of_mobile)
        rows = _rows(price, blocking=True, peak=peak)
        publish_revision(card_id=card.pk, rows=rows, effective_at=at + timedelta(days=days), note=note)
    return card


def _sold(line: Destination, percent: int, of_mobile: int) -> int:
    """The buying price times so many percent, four decimals, rounded up."""
    share = percent * (of_mobile if "mobile" in line.name else 100)
    return divide(line.cirrus_nanos * share, 10_000 * STEP_NANOS, Method.up) * STEP_NANOS


def _rows(price: Price, *, blocking: bool = False, peak: bool = False) -> list[CardRow]:
    """A row for every prefix that has a price."""
    priced = [(line, nanos, prefix) for line in destinations() if (nanos := price(line)) for prefix in line.prefixes]
    return [
        CardRow(
            prefix,
            line.name,
            blocking and prefix in BLOCKED,
            nanos,
            initial_s=line.initial_s,
            increment_s=line.increment_s,
            tariff=_peak(nanos) if peak and prefix in PEAK else None,
        )
        for line, nanos, prefix in priced
    ]


def _peak(nanos: int) -> str:
    """Full price on working days from 8 to 20, three quarters at other times."""
    quiet = {"steps": [{"at_s": 0, "price_nanos": nanos * 3 // 4}]}
    day = {"weekdays": [1, 2, 3, 4, 5], "from_s": 8 * 3600, "until_s": 20 * 3600, "weight": 20}
    return json.dumps(
        {"windows": [quiet, {"steps": [{"at_s": 0, "price_nanos": nanos}], **day}], "zone": "Europe/Vilnius"}
    )


def _users(logins: dict[str, str]) -> None:
    """Ann operates, Bob reads. Both come in by the password that the demo prints, for as long as it is looked at."""
    operators = create_stock_groups()["Administrators"]
    update_user_group(group_id=operators.pk, second_factor=False)
    readers = create_user_group(name="Readers", acts=[], areas=["*"])
    for name, email, group in (("Ann", "ann@demo.example", operators), ("Bob", "bob@demo.example", readers)):
        logins[email] = secrets.token_urlsafe(12)
        create_user(name=name, email=email, password=logins[email], group_ids=[group.pk])
