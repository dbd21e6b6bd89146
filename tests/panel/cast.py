"""The cast of the panel's tests: Ann operates, Bob reads, Nils is in no group; Acme, Baltic, Cirrus and their calls.

Records are made by the acts, calls by the rules themselves, so that every page shows what it will show in life.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection

from tests.core.call_cast import AT, INVITE, Desk, world
from tests.stir_authority import URL, issued
from tollgate.actions.access_numbers import create_access_number
from tollgate.actions.accounts import create_account
from tollgate.actions.acts import Actor, acting
from tollgate.actions.alerts import create_alert
from tollgate.actions.aliases import create_alias
from tollgate.actions.cards import create_card
from tollgate.actions.carrier_file_rows import packed
from tollgate.actions.carrier_payments import pay_carrier
from tollgate.actions.carriers import create_carrier, create_gateway
from tollgate.actions.cli_rules import create_cli_rule
from tollgate.actions.clis import add_verified_cli
from tollgate.actions.conferences import create_conference_room
from tollgate.actions.contacts import create_contact
from tollgate.actions.customer_notes import add_customer_note
from tollgate.actions.customer_packages import assign_package, create_package
from tollgate.actions.customers import create_customer
from tollgate.actions.dunning import create_dunning_step
from tollgate.actions.edges import create_edge
from tollgate.actions.endpoints import create_ip_endpoint, create_sip_user
from tollgate.actions.exchange_rates import set_exchange_rate
from tollgate.actions.invoice_issue import issue_invoice
from tollgate.actions.invoice_templates import create_invoice_template
from tollgate.actions.invoices import add_invoice_line, draft_invoice
from tollgate.actions.localizations import create_localization
from tollgate.actions.mail_settings import create_mail_settings, create_sms_settings
from tollgate.actions.messages import queue
from tollgate.actions.number_blocks import assign_number_block
from tollgate.actions.payment_gateways import create_payment_gateway
from tollgate.actions.portal_domains import create_portal_domain
from tollgate.actions.reports import create_report
from tollgate.actions.revisions import publish_revision
from tollgate.actions.routes import create_ingress_route
from tollgate.actions.sign_in import create_sign_in_provider
from tollgate.actions.stir_certificates import create_stir_certificate
from tollgate.actions.tags import create_tag
from tollgate.actions.taxes import create_tax
from tollgate.actions.templates import create_template
from tollgate.actions.users import create_user, create_user_group
from tollgate.actions.vouchers import create_voucher_batch
from tollgate.actions.wallets import top_up
from tollgate.actions.webhooks import create_webhook, emit
from tollgate.core.calls import call_detail, refusal_detail
from tollgate.core.refusals import Refusal
from tollgate.core.webhooks import EVENTS
from tollgate.store.models import (
    CDR,
    Account,
    BankLine,
    BankRun,
    Call,
    Card,
    Carrier,
    CarrierDispute,
    CarrierFile,
    CarrierFileContent,
    CarrierFormat,
    CarrierLine,
    CarrierStatement,
    CliProof,
    Contact,
    Customer,
    Edge,
    Endpoint,
    Gateway,
    IngressRoute,
    Mandate,
    Payment,
    PaymentEvent,
    Recalculation,
    User,
    UserGroup,
)
from tollgate.store.secrets import seal

EURO = 1_000_000
PASSWORD = "correct horse battery"
RATES = (
    {"prefix": "44", "destination": "UK", "price_nanos": 60_000_000, "initial_s": 60, "increment_s": 60},
    {"prefix": "4477", "destination": "UK mobile", "price_nanos": 90_000_000},
    {"prefix": "882", "destination": "Satellite", "blocked": True},
)
LOGO = "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4="  # <svg/>
LIVE_ID, RINGING_ID, CHARGED_ID, REFUSED_ID = 7001, 7002, 7003, 7004


@dataclass(frozen=True)
class Cast:
    """Everybody and everything."""

    account: Account
    ann: User
    bob: User
    nils: User
    group: UserGroup
    acme: Customer
    baltic: Customer
    contact: Contact
    ip_endpoint: Endpoint
    sip_user: Endpoint
    route: IngressRoute
    cirrus: Carrier
    gateway: Gateway
    customer_card: Card
    carrier_card: Card
    edge: Edge


def assemble() -> Cast:
    """A small working installation."""
    with acting(Actor("setup", frozenset({"*"}))):
        account = create_account(name="Demo Telecom", currency="EUR")
        group = create_user_group(name="Operators", acts=["*"], areas=["*"])
        readers = create_user_group(name="Readers", acts=[], areas=["*"])
        ann = create_user(name="Ann", email="ann@demo.example", password=PASSWORD, group_ids=[group.pk])
        bob = create_user(name="Bob", email="bob@demo.example", password=PASSWORD, group_ids=[readers.pk])
        nils = create_user(name="Nils", email="nils@demo.example", password=PASSWORD)
        acme = create_customer(account_id=account.pk, name="Acme", currency="EUR", channels=10)
        baltic = create_customer(
            account_id=account.pk, name="Baltic", currency="EUR", debit_limit_micros=500 * EURO, is_reseller=True
        )
        contact = create_contact(
            customer_id=acme.pk, email="carla@acme.example", first_name="Carla", mobile="+37061234567"
        )
        ip_endpoint = create_ip_endpoint(customer_id=acme.pk, network="198.51.100.7", name="office")
        sip_user = create_sip_user(customer_id=acme.pk, username="acme-carla", password="long enough secret")
        cirrus = create_carrier(account_id=account.pk, name="Cirrus", currency="EUR")
        gateway = create_gateway(carrier_id=cirrus.pk, name="west", host="203.0.113.5")
        sold = create_card(account_id=account.pk, kind="customer", name="Retail", currency="EUR")
        bought = create_card(
            account_id=account.pk, kind="carrier", name="Cirrus A-Z", currency="EUR", carrier_id=cirrus.pk
        )
        publish_revision(card_id=sold.pk, rows=list(RATES), effective_at=datetime(2020, 1, 1, tzinfo=UTC))
        publish_revision(card_id=bought.pk, rows=[{"prefix": "44", "price_nanos": 12_000_000}])
        route = create_ingress_route(
            customer_id=acme.pk, name="World", card_id=sold.pk, options=[{"card_id": bought.pk}]
        )
        edge = create_edge(account_id=account.pk, name="kam1", kind="kamailio")
        top_up(customer_id=acme.pk, amount_micros=25 * EURO, note="first money")
        Account.objects.filter(pk=account.pk).update(block_start=1000, block_size=1000)
        assign_number_block(customer_id=baltic.pk)
        create_conference_room(customer_id=acme.pk, name="Acme Monday", extension=5000, host="203.0.113.60")
        create_access_number(account_id=account.pk, number="37052000000", name="Vilnius, local")
        add_customer_note(customer_id=acme.pk, text="Calls back on Monday")
        add_verified_cli(customer_id=acme.pk, number="+37061234567")
        create_cli_rule(account_id=account.pk, customer_id=acme.pk, cli="^3706", forced=False)
        create_alias(account_id=account.pk, customer_id=acme.pk, current="9000", new="442079460001")
        vouching = issued()
        create_stir_certificate(
            account_id=account.pk, name="Vouching", chain=vouching.chain, key=vouching.key, url=URL, is_default=True
        )
        CliProof.objects.create(
            customer=acme, contact=contact, number="37061234568", way="call", state="failed", code_hash="",
            expires_at=datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip
        queue(account_id=account.pk, template="password_changed", values={}, contact=contact)
        create_mail_settings(account_id=account.pk, server="127.0.0.1:2525", from_address="hello@demo.example")
        create_sms_settings(account_id=account.pk, provider="log")
        create_template(account_id=account.pk, key="email_changed", language="lt")
        _invoice(account, acme)
        minutes = create_package(
            account_id=account.pk, name="Free start", currency="EUR", kind="free_minutes", minutes=10
        )
        assign_package(customer_id=acme.pk, package_id=minutes.pk)
        create_sign_in_provider(
            account_id=account.pk, title="Old login", issuer="https://login.demo.example", client_id="x", enabled=False
        )
        create_webhook(account_id=account.pk, title="Books", url="https://books.example/hook")
        told = EVENTS["customer.status"][1]
        emit(account_id=account.pk, event="customer.status", ref=f"customer:{acme.pk}", body=told)
        alert = {"area": "asr", "threshold_micros": 30 * EURO, "recipients": ["noc@demo.example"]}
        create_alert(account_id=account.pk, title="Acme fails", customer_id=acme.pk, **alert)  # type: ignore[arg-type]
        begun = datetime(2026, 1, 1, tzinfo=UTC)
        Recalculation.objects.create(
            account=account, kind="rerate", from_at=begun, until_at=begun + timedelta(days=1), reason="x", author="Ann"
        )
        create_dunning_step(account_id=account.pk, title="First reminder", days=1, action="remind")
        _billed(account, cirrus)
        _ways_to_pay(account, acme)
        create_tag(account_id=account.pk, name="Wholesale", color="blue")
        create_report(account_id=account.pk, name="Sales", dimensions=["customer"])
        create_localization(account_id=account.pk, name="Lithuania", originate_cld="00/*, 0/370")
        create_portal_domain(account_id=account.pk, host="portal.demo.example", brand="Demo", logo=LOGO)
    cast = Cast(
        account, ann, bob, nils, group, acme, baltic, contact, ip_endpoint, sip_user, route,
        cirrus, gateway, sold, bought, edge,
    )  # fmt: skip
    _calls(cast, datetime.now(UTC))
    return cast


def with_rita(cast: Cast) -> tuple[User, Customer]:
    """Rita, who works for the reseller Baltic and whose group lets her do and read everything of it; and Corso, its
    customer."""
    with acting(Actor("setup", frozenset({"*"}))):
        corso = create_customer(account_id=cast.account.pk, name="Corso", currency="EUR", parent_id=cast.baltic.pk)
        group = create_user_group(name="Resellers", acts=["*"], areas=["*"])
        both: dict[str, Any] = {"password": PASSWORD, "group_ids": [group.pk], "reseller_id": cast.baltic.pk}
        return create_user(name="Rita", email="rita@baltic.example", **both), corso


def _invoice(account: Account, acme: Customer) -> None:
    """A receipt of Acme over nothing, and what documents are made by."""
    create_tax(account_id=account.pk, name="VAT 19 %", rate_ppm=190_000)
    create_invoice_template(account_id=account.pk, name="Letter", logo=LOGO)
    set_exchange_rate(account_id=account.pk, base="USD", quote="EUR", on="2026-01-02", rate_nanos=850_000_000)
    Customer.objects.filter(pk=acme.pk).update(email_invoices=False)
    draft = draft_invoice(customer_id=acme.pk)
    add_invoice_line(invoice_id=draft.pk, description="Welcome", unit_price_nanos=0)
    issue_invoice(invoice_id=draft.pk)
    acme.refresh_from_db()


def _billed(account: Account, cirrus: Carrier) -> None:
    """A statement of Cirrus that was compared, with its file and a line in dispute."""
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    CarrierFormat.objects.create(carrier=cirrus)
    statement = CarrierStatement.objects.create(
        account=account, carrier=cirrus, number="INV-1", from_on=begun.date(), zone="UTC", currency="EUR",
        until_on=begun.date() + timedelta(days=1), total_micros=EURO, state="compared", run=1, compared_at=begun,
        figures={"basis": "calls", "billed_micros": 0, "our_micros": 0, "their_micros": EURO, "by_key": 0,
                 "by_number": 0, "offset_ms": 0, "certain_count": 0, "agreeing_count": 0, "erased_count": 0},
    )  # fmt: skip
    file = CarrierFile.objects.create(
        statement=statement, carrier=cirrus, kind="calls", name="cdrs.csv", sha256="0" * 64, bytes_count=9,
        settings={}, rows_count=1, added_by="Ann",
    )  # fmt: skip
    CarrierFileContent.objects.create(file=file, data=packed(b"Start,Called"))
    dispute = CarrierDispute.objects.create(
        account=account, statement=statement, title="Not ours", currency="EUR", lines_count=1, claimed_micros=EURO,
        author="Ann",
    )  # fmt: skip
    CarrierLine.objects.create(
        statement=statement, run=1, kind="theirs", how="", file=file, line=2, started_at=begun, their_at=begun,
        number="882", destination="", their_duration_ms=1000, currency="EUR", their_micros=EURO,
        difference_micros=EURO, explanation="", dispute=dispute,
    )  # fmt: skip
    pay_carrier(carrier_id=cirrus.pk, amount_micros=EURO, paid_on="2026-01-02", statement_id=statement.pk)


def _ways_to_pay(account: Account, acme: Customer) -> None:
    """A gateway with a notice about the first money, and two vouchers."""
    keys = {"secret_key": "sk_test_1", "webhook_secret": "whsec_1"}
    gateway = create_payment_gateway(account_id=account.pk, name="stripe", provider="stripe", secrets=keys)
    first = Payment.objects.get(customer=acme)
    PaymentEvent.objects.create(account=account, gateway=gateway, customer=acme, payment=first, body="{}", state="done")
    create_voucher_batch(account_id=account.pk, name="Spring", currency="EUR", count=2, addition_micros=5 * EURO)
    _bank_files(account, acme, first)


def _bank_files(account: Account, acme: Customer, paid: Payment) -> None:
    """A mandate, and a file whose line was the first money."""
    owner: dict[str, Any] = {"account": account, "customer": acme}
    bank: dict[str, Any] = {
        "holder": "Acme",
        "iban_sealed": seal("LT121000011101001000"),
        "iban_shown": "LT12 **** 1000",
    }
    mandate = Mandate.objects.create(**owner, reference="A-1", signed_on=date(2026, 1, 1), **bank)
    run = BankRun.objects.create(
        account=account, kind="debit", message_id="DD-1", execute_on=date(2026, 1, 5), lines_count=1,
        total_micros=EURO, content_sealed=seal("<Document/>"), digest="", created_by="ann@demo.example",
    )  # fmt: skip
    line: dict[str, Any] = {"amount_micros": EURO, "currency": "EUR", "end_to_end_id": "I-1", "words": "I-1"}
    BankLine.objects.create(**owner, **bank, **line, run=run, payment=paid, mandate=mandate, state="settled")


def _calls(cast: Cast, at: datetime) -> None:
    """One call talks, one rings, one was charged, one refused."""
    desk = Desk(world(purses={11: {"balance_micros": 25 * EURO}}))
    for call_id, state, name in ((LIVE_ID, "answered", "live"), (RINGING_ID, "authorized", "ringing")):
        desk.authorize(INVITE._replace(call_id=name))
        _live(cast, desk, call_id=call_id, state=state, name=name, at=at)
    desk.authorize(INVITE._replace(call_id="charged"))
    desk.answer("charged", AT)
    call = desk.calls["charged"]
    settled = desk.end("charged", AT + timedelta(seconds=67), 67_000)
    attempt = {"route": 0, "carrier": "Cirrus", "gateway": "west", "sip": 200, "why": "", "pdd_ms": 900, "at": None}
    call.attempts = json.dumps([attempt])
    detail = _known(cast, json.loads(call_detail(call, settled)))
    costs = settled.leg_costs[0], settled.carrier
    assert costs[1] is not None
    CDR.objects.create(
        id=CHARGED_ID, account=cast.account, edge="kam1", edge_call_id="charged@edge", customer=cast.acme,
        endpoint=cast.ip_endpoint, ingress_route=cast.route, carrier=cast.cirrus, gateway=cast.gateway, state="charged",
        started_at=at - timedelta(minutes=5), answered_at=at - timedelta(minutes=5), ended_at=at - timedelta(minutes=4),
        cli="442071838750", cld="442079460001", number="442079460001", prefix="44", destination="UK",
        duration_ms=67_000, billed_s=costs[0].billed_s, currency="EUR", price_nanos=60_000_000,
        cost_micros=costs[0].cost_micros, held_micros=0, customer_card=cast.customer_card,
        carrier_billed_s=costs[1].billed_s, carrier_currency="EUR", carrier_price_nanos=12_000_000,
        carrier_cost_micros=costs[1].cost_micros, carrier_card=cast.carrier_card,
        profit_micros=settled.profit_micros, sip_sent=200, sip_received=200, q850=16, released_by="caller",
        pdd_ms=900, ring_ms=4000, source_ip="198.51.100.7", detail=detail,
    )  # fmt: skip
    _refused(cast, at)


def _live(cast: Cast, desk: Desk, *, call_id: int, state: str, name: str, at: datetime) -> None:
    call = desk.calls[name]
    Call.objects.create(
        id=call_id, account=cast.account, edge="kam1", edge_call_id=f"{name}@edge", customer=cast.acme,
        endpoint=cast.ip_endpoint, ingress_route=cast.route, cli=call.cli, cld=call.cld, number=call.number,
        destination=call.destination, state=state, authorized_at=at, answered_at=at if state == "answered" else None,
        granted_s=60, granted_until=at + timedelta(seconds=60), max_s=3600, extended_count=0, currency="EUR",
        last_seen_at=at, plan=desk.texts[name],
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("UPDATE call SET held_micros = '{60000}' WHERE id = %s", [call_id])


def _refused(cast: Cast, at: datetime) -> None:
    poor = world(purses={11: {"balance_micros": 0}})
    refusal = poor.decide()
    assert isinstance(refusal, Refusal)
    CDR.objects.create(
        id=REFUSED_ID, account=cast.account, edge="kam1", edge_call_id="refused@edge", customer=cast.acme,
        endpoint=cast.ip_endpoint, state="refused", started_at=at, ended_at=at, cli="442071838750", cld="442079460001",
        number="442079460001", destination="UK", duration_ms=0, billed_s=0, cost_micros=0, held_micros=0,
        refusal=refusal.key.value, sip_sent=402, q850=21, detail=json.loads(refusal_detail(poor.plan(), refusal)),
    )  # fmt: skip


def _known(cast: Cast, detail: dict[str, Any]) -> dict[str, Any]:
    """The detail with the ids of this installation in place of those of the core's cast."""
    for leg in detail["legs"]:
        leg |= {"owner": cast.acme.pk, "card": cast.customer_card.pk}
    for route in detail["routes"]:
        route |= {"carrier_id": cast.cirrus.pk, "gateway_id": cast.gateway.pk, "card": cast.carrier_card.pk}
    return detail
