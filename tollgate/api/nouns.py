"""What may be read: one entry per noun, with its area, its way to the account and to the customer, and its filters.

The fields of a noun are the columns of its model but those in `without`, and what `extras` adds. To serve another noun,
add its entry to `NOUNS`: its addresses, its filters and its part of the OpenAPI document follow. Those of the account,
its users and what they have done are in `system_nouns`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import Case, F, OuterRef, Q, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, JSONObject

from tollgate.actions import cards, dids
from tollgate.actions.routes import OPERATED
from tollgate.api.answers import columns
from tollgate.api.noun_extras import (
    ids,
    own_notes,
    own_prices,
    own_seller,
    prices,
    purse,
    recorded_by_package,
    seconds,
)
from tollgate.api.noun_rows import BOUGHT, ROWS, TEXT, WHOLE, Extra, Noun
from tollgate.api.system_nouns import SYSTEM
from tollgate.store.models import (
    CDR,
    AccessNumber,
    Alert,
    AlertEvent,
    AlertState,
    Alias,
    Allocation,
    AutoTopUp,
    BankLine,
    BankRun,
    Bundle,
    Call,
    Card,
    Carrier,
    CarrierDispute,
    CarrierDisputeNote,
    CarrierFile,
    CarrierFormat,
    CarrierLine,
    CarrierPayment,
    CarrierStatement,
    CarrierSum,
    Charge,
    CircuitTest,
    CliProof,
    CliRule,
    ConferenceRoom,
    Contact,
    ContactSession,
    Customer,
    CustomerHold,
    CustomerNote,
    CustomerPackage,
    CustomerTax,
    CustomPage,
    Department,
    Did,
    DunningEvent,
    DunningStep,
    Edge,
    Endpoint,
    Entry,
    ExchangeRate,
    Gateway,
    IngressRoute,
    Invoice,
    InvoiceLine,
    InvoiceSeries,
    InvoiceTax,
    InvoiceTemplate,
    JournalCode,
    LegalHold,
    Localization,
    Mandate,
    Message,
    NumberBlock,
    OwnText,
    Package,
    Payment,
    PaymentEvent,
    PaymentGateway,
    Pin,
    Rate,
    Recalculation,
    Recording,
    Revision,
    RouteOption,
    SavedReport,
    StirCertificate,
    Tag,
    Tax,
    Template,
    User,
    VatCheck,
    VerifiedCli,
    Voucher,
    VoucherBatch,
    Wallet,
    Webhook,
    WebhookDelivery,
    WebhookEvent,
)
from tollgate.store.queries import bank_runs, invoice_lists, mandates

_TAXES: Final = CustomerTax.objects.filter(customer_id=OuterRef("pk")).order_by("tax_id")
_OPTION: Final = ("card_id", "position", "weight", "excluded")
_OPTIONS: Final = RouteOption.objects.filter(ingress_route_id=OuterRef("pk")).order_by("position", "id")
_BODY: Final = Case(When(secret=False, then=F("text")), default=None)
_LINE: Final = tuple(sorted(set(columns(InvoiceLine)) - {"invoice_id"}))
_LINES: Final = InvoiceLine.objects.filter(invoice_id=OuterRef("pk")).order_by("position")
_INVOICE_TAX: Final = tuple(sorted(set(columns(InvoiceTax)) - {"invoice_id"}))
_INVOICE_TAXES: Final = InvoiceTax.objects.filter(invoice_id=OuterRef("pk")).order_by("position")
_OF_CARRIER: Final = frozenset(name for name in columns(CDR) if name.startswith("carrier_"))
NOUNS: Final = (
    Noun(
        name="customers", model=Customer, area="customers", customer="pk", listed=Q(deleted_at=None),
        operated=frozenset({"taxes"}),
        without=frozenset({"tags_version", "taxes_version"}),
        filters=(
            "name", "number", "status", "country", "parent_id", "currency", "accounting_id", "reference", "is_reseller",
        ),
        extras={
            "balance_micros": purse("balance_micros"), "held_micros": purse("held_micros"),
            "recordings_bytes": Extra(Coalesce(F("recording_space__size_bytes"), 0), WHOLE),
            "recorded_by_package": recorded_by_package(),
            "tag_ids": ids(Customer.tags.through.objects.filter(customer_id=OuterRef("pk")), "tag_id"),
            "taxes": Extra(ArraySubquery(_TAXES.values(row=JSONObject(tax_id="tax_id", priority="priority"))), ROWS),
        },
    ),
    Noun(
        name="contacts", model=Contact, area="contacts", account="customer__account", customer="customer",
        filters=("customer_id", "email", "mobile", "kind", "login_enabled"), extras={},
    ),
    Noun(
        name="contact-sessions", model=ContactSession, area="contacts", account="contact__customer__account",
        customer="contact__customer", moment="created_at", newest_first=True,
        filters=("contact_id", "user_id", "read_only"), listed=Q(ended_at=None),
        without=frozenset({"key_hash", "user_epoch", "totp_step"}), extras={},
    ),
    Noun(
        name="endpoints", model=Endpoint, area="endpoints", customer="customer",
        filters=("customer_id", "kind", "username", "enabled"), extras={},
    ),
    Noun(
        name="conference-rooms", model=ConferenceRoom, area="endpoints", customer="customer",
        filters=("customer_id", "extension", "enabled"), extras={},
    ),
    Noun(
        name="number-blocks", model=NumberBlock, area="number_blocks", customer="customer",
        filters=("customer_id",), extras={},
    ),
    Noun(name="access-numbers", model=AccessNumber, area="access_numbers", filters=("number", "enabled"), extras={}),
    Noun(
        name="pins", model=Pin, area="pins", account="customer__account", customer="customer",
        filters=("customer_id", "access_number_id"), extras={},
    ),
    Noun(
        name="ingress-routes", model=IngressRoute, area="routes", account="card__account", customer="customer",
        operated=frozenset({*OPERATED, "route_options", "tag_id", "options_version"}),
        filters=("customer_id", "tag_id", "card_id", "strategy", "enabled"),
        extras={
            "currency": Extra(F("card__currency"), TEXT),
            "route_options": Extra(
                ArraySubquery(_OPTIONS.values(option=JSONObject(**{name: name for name in _OPTION}))),
                {"type": "array", "items": {"type": "object"}},
            ),
        },
    ),
    Noun(
        name="dids", model=Did, area="dids", customer="customer", operated=dids.HIDDEN, seen=dids.seen_by,
        without=frozenset({"prices_version"}), masked=own_prices,
        filters=("number", "customer_id", "card_id", "carrier_id", "enabled"),
        extras={"reseller_cards": prices(Q())},
    ),
    Noun(name="carriers", model=Carrier, area="carriers", filters=("name", "status", "currency"), extras={}),
    Noun(
        name="carrier-formats", model=CarrierFormat, area="reconciliation", account="carrier__account",
        filters=("carrier_id",), extras={},
    ),
    Noun(
        name="carrier-statements", model=CarrierStatement, area="reconciliation", newest_first=True,
        filters=("carrier_id", "number", "state", "currency", "from_on"), extras={},
    ),
    Noun(
        name="carrier-files", model=CarrierFile, area="reconciliation", account="statement__account",
        filters=("statement_id", "carrier_id", "kind"), extras={},
    ),
    Noun(
        name="carrier-lines", model=CarrierLine, area="reconciliation", account="statement__account",
        listed=Q(run=F("statement__run")),
        filters=("statement_id", "kind", "number", "destination", "call_id", "dispute_id"), extras={},
    ),
    Noun(
        name="carrier-disputes", model=CarrierDispute, area="reconciliation", newest_first=True,
        filters=("statement_id", "state"), extras={},
    ),
    Noun(
        name="carrier-dispute-notes", model=CarrierDisputeNote, area="reconciliation",
        account="dispute__statement__account", moment="at", newest_first=True, filters=("dispute_id",), extras={},
    ),
    Noun(
        name="carrier-sums", model=CarrierSum, area="reconciliation", account="statement__account",
        listed=Q(run=F("statement__run")), filters=("statement_id", "kind", "destination", "currency"), extras={},
    ),
    Noun(
        name="carrier-payments", model=CarrierPayment, area="carriers", newest_first=True,
        filters=("carrier_id", "statement_id", "kind", "external_id", "paid_on"), extras={},
    ),
    Noun(
        name="gateways", model=Gateway, area="carriers", account="carrier__account",
        filters=("carrier_id", "name", "enabled"), extras={},
    ),
    Noun(
        name="cards", model=Card, area="cards", customer="reseller", seen=cards.seen_by,
        operated=frozenset({"carrier_id"}), masked=own_seller,
        filters=("kind", "direction", "name", "carrier_id", "reseller_id", "currency"), extras={},
    ),
    Noun(
        name="cdrs", model=CDR, area="calls", customer="customer", moment="started_at", order=("started_at", "id"),
        newest_first=True, ranged=True, archived=True,
        filters=("customer_id", "endpoint_id", "state", "refusal", "edge_call_id", "cli", "number"),
        bought=_OF_CARRIER | {"gateway_id", "profit_micros", "detail"}, extras={},
    ),
    Noun(
        name="recordings", model=Recording, area=BOUGHT, account="customer__account", order=("call_id",),
        newest_first=True, filters=("customer_id", "call_id"), without=frozenset({"folder"}),
        extras={"id": Extra(F("call_id"), WHOLE)},
    ),
    Noun(
        name="calls", model=Call, area="calls", customer="customer",
        filters=("customer_id", "state", "edge_call_id", "cli", "cld"),
        without=frozenset({"plan", "dialog", "route_index"}),
        extras={"held_micros": Extra(RawSQL('"call"."held_micros"[1]', (), models.BigIntegerField()), WHOLE)},
    ),
    Noun(
        name="entries", model=Entry, area="money", customer="wallet__owner_id",
        customer_rows=Q(wallet__kind="customer"), moment="at", newest_first=True,
        filters=("wallet_id", "wallet_kind", "owner_id", "kind", "book", "call_id", "key"),
        extras={
            "wallet_kind": Extra(F("wallet__kind"), TEXT),
            "owner_id": Extra(F("wallet__owner_id"), WHOLE),
        },
    ),
    Noun(
        name="invoices", model=Invoice, area="invoices", moment="issued_at", newest_first=True,
        filters=(
            "customer_id", "kind", "state", "standing", "number", "currency", "reference", "corrects_id", "invoice_on",
            "due_on",
        ),
        extras={
            "standing": Extra(invoice_lists.standing_on(mandates.UTC_TODAY), TEXT),
            "left_micros": Extra(invoice_lists.LEFT, WHOLE),
            "accounting_id": Extra(F("customer__accounting_id"), {"type": ["string", "null"]}),
            "lines": Extra(ArraySubquery(_LINES.values(line=JSONObject(**{name: name for name in _LINE}))), ROWS),
            "taxes": Extra(
                ArraySubquery(_INVOICE_TAXES.values(row=JSONObject(**{name: name for name in _INVOICE_TAX}))), ROWS
            ),
        },
    ),
    Noun(
        name="payments", model=Payment, area="payments", customer="customer", moment="received_at", newest_first=True,
        filters=("customer_id", "status", "kind", "gateway", "external_id", "reverses_id", "currency"),
        extras={"accounting_id": Extra(F("customer__accounting_id"), {"type": ["string", "null"]})},
    ),
    Noun(
        name="allocations", model=Allocation, area="payments", customer="invoice__customer", moment="at",
        newest_first=True, filters=("invoice_id", "payment_id", "credit_note_id"), extras={},
    ),
    Noun(
        name="mandates", model=Mandate, area="bank_files",
        filters=("customer_id", "reference", "status", "standing"), without=frozenset({"iban_sealed"}),
        extras={"standing": Extra(mandates.standing_on(mandates.UTC_TODAY), TEXT)},
    ),
    Noun(
        name="bank-runs", model=BankRun, area="bank_files", newest_first=True,
        filters=("kind", "state", "message_id", "execute_on"), without=frozenset({"content_sealed"}),
        extras={"waiting_count": Extra(bank_runs.WAITING_COUNT, WHOLE)},
    ),
    Noun(
        name="bank-lines", model=BankLine, area="bank_files", newest_first=True,
        filters=("run_id", "customer_id", "invoice_id", "payment_id", "mandate_id", "state", "end_to_end_id"),
        without=frozenset({"iban_sealed"}), extras={},
    ),
    Noun(
        name="auto-top-ups", model=AutoTopUp, area="payments", customer="customer",
        filters=("customer_id", "gateway_id", "enabled"), without=frozenset({"method_sealed"}), extras={},
    ),
    Noun(
        name="payment-gateways", model=PaymentGateway, area="payment_gateways",
        filters=("name", "provider", "mode", "enabled"), without=frozenset({"secrets_sealed", "token"}), extras={},
    ),
    Noun(
        name="payment-events", model=PaymentEvent, area="payment_gateways", moment="at", newest_first=True,
        filters=("gateway_id", "state", "payment_id", "customer_id"), extras={},
    ),
    Noun(
        name="voucher-batches", model=VoucherBatch, area="vouchers", filters=("name", "currency", "enabled"),
        without=frozenset({"codes_sealed"}), extras={},
    ),
    Noun(
        name="vouchers", model=Voucher, area="vouchers", account="batch__account",
        filters=("batch_id", "serial", "state", "customer_id"), without=frozenset({"code_hash"}), extras={},
    ),
    Noun(name="taxes", model=Tax, area="taxes", filters=("name", "category", "country", "enabled"), extras={}),
    Noun(name="exchange-rates", model=ExchangeRate, area="taxes", filters=("base", "quote", "on"), extras={}),
    Noun(name="invoice-series", model=InvoiceSeries, area="taxes", filters=("kind",), extras={}),
    Noun(
        name="invoice-templates", model=InvoiceTemplate, area="taxes", filters=("name", "language"),
        without=frozenset({"logo"}), extras={},
    ),
    Noun(
        name="legal-holds", model=LegalHold, area="account", account="customer__account",
        filters=("customer_id",), extras={},
    ),
    Noun(
        name="packages", model=Package, area="packages", filters=("name", "kind", "currency", "frequency", "feature"),
        extras={},
    ),
    Noun(
        name="customer-packages", model=CustomerPackage, area="packages", account="customer__account",
        filters=("customer_id", "package_id", "did_id", "did_number", "auto_decrement", "next_on"), extras={},
    ),
    Noun(
        name="bundles", model=Bundle, area="packages", newest_first=True, moment="starts_at",
        filters=("customer_id", "customer_package_id"),
        extras={"balance_s": seconds("balance_micros"), "held_s": seconds("held_micros")},
    ),
    Noun(name="tags", model=Tag, area="labels", filters=("name",), extras={}),
    Noun(name="webhooks", model=Webhook, area="webhooks", filters=("title", "enabled"), extras={}),
    Noun(
        name="webhook-deliveries", model=WebhookDelivery, area="webhooks", account="webhook__account",
        newest_first=True, moment="created_at", filters=("webhook_id", "event_id", "state", "ref"), extras={},
    ),
    Noun(
        name="alerts", model=Alert, area="alerts", filters=("title", "customer_id", "carrier_id", "tag_id", "area"),
        extras={},
    ),
    Noun(
        name="alert-states", model=AlertState, area="alerts", account="alert__account",
        filters=("alert_id", "customer_id", "carrier_id"), without=frozenset({"seen_id"}), extras={},
    ),
    Noun(
        name="alert-events", model=AlertEvent, area="alerts", account="alert__account", moment="at", newest_first=True,
        filters=("alert_id", "customer_id", "carrier_id", "kind"), extras={},
    ),
    Noun(name="dunning-steps", model=DunningStep, area="dunning", filters=("title", "action", "enabled"), extras={}),
    Noun(
        name="dunning-events", model=DunningEvent, area="dunning", moment="at", newest_first=True,
        filters=("customer_id", "invoice_id", "step_id", "action"), extras={},
    ),
    Noun(
        name="messages", model=Message, area="messages", moment="created_at", newest_first=True,
        filters=("customer_id", "contact_id", "kind", "template", "state", "recipient"),
        without=frozenset({"text", "html", "dialogue", "attachments"}), extras={"body": Extra(_BODY, TEXT)},
    ),
    Noun(
        name="users", model=User, area="users", account="", filters=("email", "is_active", "reseller_id"),
        without=frozenset({"session_epoch", "groups_version"}),
        extras={"group_ids": ids(User.groups.through.objects.filter(user_id=OuterRef("pk")), "usergroup_id")},
    ),
    Noun(
        name="customer-notes", model=CustomerNote, area="customers", account="customer__account", customer="customer",
        moment="at", newest_first=True, filters=("customer_id",), extras={},
    ),
    Noun(
        name="customer-holds", model=CustomerHold, area="dunning", moment="from_at", newest_first=True,
        filters=("customer_id", "cause", "status"), extras={},
    ),
    Noun(
        name="verified-clis", model=VerifiedCli, area="clis", account="customer__account", customer="customer",
        filters=("customer_id", "number", "attestation"), extras={},
    ),
    Noun(
        name="cli-proofs", model=CliProof, area="clis", account="customer__account", customer="customer",
        moment="created_at", newest_first=True, filters=("customer_id", "number", "state", "way"),
        without=frozenset({"code_hash", "code_sealed"}), extras={},
    ),
    Noun(
        name="aliases", model=Alias, area="aliases", customer="customer",
        filters=("customer_id", "current", "new", "enabled"), extras={},
    ),
    Noun(
        name="cli-rules", model=CliRule, area="clis", customer="customer",
        filters=("customer_id", "tag_id", "forced", "cli"), extras={},
    ),
    Noun(
        name="stir-certificates", model=StirCertificate, area="stir", filters=("name", "is_default", "enabled"),
        without=frozenset({"key_sealed"}), extras={},
    ),
    Noun(
        name="route-options", model=RouteOption, area="routes", account="ingress_route__card__account",
        filters=("ingress_route_id", "card_id", "excluded"), extras={},
    ),
    Noun(name="custom-pages", model=CustomPage, area="account", filters=("name", "enabled"), extras={}),
    Noun(
        name="circuit-tests", model=CircuitTest, area="circuits", newest_first=True,
        filters=("state", "number", "asked_by"), extras={},
    ),
    Noun(name="edges", model=Edge, area="edges", filters=("name", "kind", "enabled"), extras={}),
    Noun(
        name="revisions", model=Revision, area="cards", account="card__account", customer="card__reseller",
        seen=cards.revisions_seen_by, masked=own_notes, moment="effective_at", newest_first=True,
        filters=("card_id", "number"), extras={},
    ),
    Noun(
        name="rates", model=Rate, area="cards", account="revision__card__account",
        customer="revision__card__reseller", seen=cards.rates_seen_by,
        filters=("card_id", "revision_id", "prefix", "destination", "blocked"),
        extras={"card_id": Extra(F("revision__card_id"), WHOLE)},
    ),
    Noun(
        name="wallets", model=Wallet, area="money", customer="owner_id", customer_rows=Q(kind="customer"),
        filters=("kind", "owner_id", "parent_id", "currency"), extras={},
    ),
    Noun(
        name="charges", model=Charge, area="invoices", moment="at", newest_first=True,
        filters=("customer_id", "kind", "key", "currency"), extras={},
    ),
    Noun(
        name="vat-checks", model=VatCheck, area="taxes", account="customer__account", moment="asked_at",
        newest_first=True, filters=("customer_id", "number", "state"), extras={},
    ),
    Noun(
        name="webhook-events", model=WebhookEvent, area="webhooks", moment="at", newest_first=True,
        filters=("event", "ref"), extras={},
    ),
    Noun(name="reports", model=SavedReport, area="reports", filters=("name", "frequency"), extras={}),
    Noun(
        name="recalculations", model=Recalculation, area="recalculations", moment="created_at", newest_first=True,
        filters=("kind", "customer_id", "carrier_id"), extras={},
    ),
    Noun(name="journal-codes", model=JournalCode, area="books", filters=("place", "code"), extras={}),
    Noun(name="departments", model=Department, area="labels", filters=("key", "name"), extras={}),
    Noun(name="localizations", model=Localization, area="labels", filters=("name",), extras={}),
    Noun(name="templates", model=Template, area="messages", filters=("key", "language"), extras={}),
    Noun(name="own-texts", model=OwnText, area="account", filters=("language", "message"), extras={}),
    *SYSTEM,
)  # fmt: skip
BY_NAME: Final[Mapping[str, Noun]] = {noun.name: noun for noun in NOUNS}
BY_MODEL: Final[Mapping[type[Any], Noun]] = {noun.model: noun for noun in NOUNS}
OPERATED_FIELDS: Final = frozenset(name for noun in NOUNS for name in noun.operated)
"""What a conflict does not tell a reseller's users either."""
