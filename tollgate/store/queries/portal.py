"""What the portal may read. Every question starts from the contact's customer, so no id of another's record answers it.

To show something new in the portal, add a question here that takes the customer.
"""

from datetime import date, datetime

from django.db.models import QuerySet

from tollgate.core.lake import Condition, Group
from tollgate.store.models import (
    CDR,
    Account,
    AutoTopUp,
    Call,
    Charge,
    Checkout,
    CliProof,
    CliRule,
    ConferenceRoom,
    Contact,
    ContactSession,
    Customer,
    CustomerPackage,
    Did,
    Endpoint,
    Invoice,
    Payment,
    PaymentRow,
    PortalDomain,
    SmsSettings,
    VerifiedCli,
)
from tollgate.store.queries.call_search import CallSearch
from tollgate.store.queries.clis import with_lapse
from tollgate.store.queries.invoice_lists import with_standing

SHOWN_OF_CDRS = (
    "id", "started_at", "answered_at", "cli", "cld", "destination", "state", "sip_sent", "duration_ms", "billed_s",
    "currency", "price_nanos", "cost_micros",
)  # fmt: skip
"""No column of a CDR that tells what the operator buys, and from whom."""
LISTED_OF_CDRS = (
    *SHOWN_OF_CDRS, "ended_at", "edge_call_id", "source_ip", "prefix", "pdd_ms", "ring_ms", "released_by", "q850",
)  # fmt: skip
"""The same with what the list of calls tells besides: `released_by` and `q850` only as the reason of the end."""
SHOWN_OF_DIDS = ("id", "number", "destinations", "enabled", "public_note")
"""Nor one of a DID."""
KEPT_OF_CONTACTS = ("private_notes", "password", "totp_secret", "recovery_hashes")
"""What is the operator's or nobody's to read."""


def domain_of(host: str) -> PortalDomain | None:
    """The portal domain of a host name; None for the portal without a domain."""
    return PortalDomain.objects.filter(host=host).first()


def brand_of(domain: PortalDomain | None) -> str:
    """The name over a portal: the brand of its domain, or the operator's own. An installation serves one account."""
    return domain.brand if domain else Account.objects.order_by("id").values_list("name", flat=True).first() or ""


def contacts_of(customer: Customer) -> QuerySet[Contact]:
    """The customer's people, without private notes and secrets."""
    return Contact.objects.filter(customer=customer).defer(*KEPT_OF_CONTACTS)


def live_calls_of(customer: Customer) -> QuerySet[Call]:
    """The customer's calls that ring or talk, without the plan, which names carriers."""
    return Call.objects.filter(account_id=customer.account_id, customer=customer).defer("plan")


def calls_of(customer: Customer, *, since: datetime) -> QuerySet[CDR]:
    """The customer's calls that ended and that the database has, from a moment on: only what the customer may know."""
    found = CDR.objects.filter(account_id=customer.account_id, customer=customer, started_at__gte=since)
    return found.only(*SHOWN_OF_CDRS)


def own_calls(
    customer: Customer,
    *conditions: Condition,
    from_at: datetime,
    until_at: datetime | None,
    at: datetime,
    short: bool = True,
) -> CallSearch:
    """The question about the customer's calls of a period (a `short` one, or any), from database and lake alike.

    Of what it finds only `LISTED_OF_CDRS` is for the customer.
    """
    own = Condition("customer_id", "eq", customer.pk)
    return CallSearch(customer.account, Group((own, *conditions)), from_at, until_at, at, short=short)


def invoices_of(customer: Customer, *, on: date) -> QuerySet[Invoice]:
    """The customer's documents that were issued, as they stand on a day; drafts are the operator's."""
    found = Invoice.objects.filter(account_id=customer.account_id, customer=customer).exclude(state="draft")
    return with_standing(found.exclude(number=None), on)


def payments_of(customer: Customer) -> QuerySet[Payment]:
    """The customer's payments, without what users of ours have noted for themselves."""
    found = Payment.objects.filter(account_id=customer.account_id, customer=customer)
    return found.defer("private_note", "created_by", "approved_by")


def payment_rows_of(customer: Customer) -> QuerySet[PaymentRow]:
    """The same with what packages took from the balance by themselves, below zero."""
    return PaymentRow.objects.filter(account_id=customer.account_id, customer=customer)


def checkout_of(customer: Customer, payment_id: int) -> Checkout | None:
    """Where a payment of the customer that waits is to be paid."""
    found = Checkout.objects.filter(payment_id=payment_id, payment__customer=customer, automatic=False)
    return found.select_related("gateway").first()


def auto_top_up_of(customer: Customer) -> AutoTopUp | None:
    """The customer's stored payment method."""
    return auto_top_ups_of(customer).select_related("gateway").first()


def auto_top_ups_of(customer: Customer) -> QuerySet[AutoTopUp]:
    """The same as a list: of one row, or none."""
    return AutoTopUp.objects.filter(customer=customer)


def proofs_of(customer: Customer) -> QuerySet[CliProof]:
    """The codes by which the customer's contacts have proved numbers, or tried to."""
    return CliProof.objects.filter(customer=customer).defer("code_hash", "code_sealed")


def forced_of(customer: Customer) -> list[str]:
    """The numbers that are shown where a call shows none that may be, by the customer's own rules."""
    found = CliRule.objects.filter(customer=customer, forced=True).order_by("position", "id")
    return list(found.values_list("cli", flat=True))


def sms_works(customer: Customer) -> bool:
    """Whether the operator can send an SMS."""
    return SmsSettings.objects.filter(account_id=customer.account_id).exists()


def packages_of(customer: Customer) -> QuerySet[CustomerPackage]:
    """The packages that the customer holds or has held, without what they cost the operator."""
    found = CustomerPackage.objects.filter(customer=customer).select_related("package")
    return found.defer("package__cost_nanos", "package__setup_cost_nanos")


def charges_of(customer: Customer) -> QuerySet[Charge]:
    """What the customer was charged beside calls, without the operator's costs."""
    return Charge.objects.filter(account_id=customer.account_id, customer=customer).defer("detail")


def live_of(customer: Customer) -> QuerySet[Call]:
    """The customer's calls that ring or talk now."""
    return Call.objects.filter(account_id=customer.account_id, customer=customer)


def endpoints_of(customer: Customer) -> QuerySet[Endpoint]:
    """Where the customer calls from."""
    return Endpoint.objects.filter(customer=customer).defer("ha1")


def rooms_of(customer: Customer) -> QuerySet[ConferenceRoom]:
    """Its conference rooms."""
    return ConferenceRoom.objects.filter(customer=customer)


def dids_of(customer: Customer) -> QuerySet[Did]:
    """Its numbers, without what they cost and who brings their calls."""
    return Did.objects.filter(customer=customer).only(*SHOWN_OF_DIDS)


def clis_of(customer: Customer) -> QuerySet[VerifiedCli]:
    """The caller's numbers that the customer may show, with when they lapse."""
    return with_lapse(VerifiedCli.objects.filter(customer=customer))


def sessions_of(contact: Contact) -> QuerySet[ContactSession]:
    """The contact's own open sessions."""
    return ContactSession.objects.filter(contact=contact, ended_at=None)
