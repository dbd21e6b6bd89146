"""Acts on customers: make, change, delete (kept for history), restore. Their status is in customer_status.py.

To add a field: its line in `CustomerFields` and in `CHECKS`; what one field says about another is in `check_together`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict, Unpack

from django.db.models import Sum
from django.db.models.functions import Now

from tollgate.actions import checks, domain_defaults, records
from tollgate.actions.acts import act, current, refuse, warn
from tollgate.actions.cli_pools import advise, check_pool
from tollgate.actions.contact_logins import check_logins
from tollgate.actions.customer_checks import BESIDE, CHECKS, LISTS, REFERENCES, check_offered
from tollgate.actions.customer_notes import add_customer_note
from tollgate.actions.departments import check_known
from tollgate.actions.in_service import check_in_service
from tollgate.actions.low_balances import after_change
from tollgate.actions.payment_booking import paid_ahead_with_tax
from tollgate.actions.taxes import default_tax_ids
from tollgate.actions.vat_checks import ask_for_number
from tollgate.core import postcodes
from tollgate.core.money import format_micros
from tollgate.core.vars import parse as parse_vars
from tollgate.store.models import Account, Call, Card, Customer, CustomerTax, Did, Endpoint, IngressRoute, Wallet
from tollgate.store.queries.customers import below

NO_CAPACITY = "No channel capacity available for your account."
STATUSES = ("active", "inactive", "penalty", "pending")
BLOCKED = ("inactive", "penalty")
"""The statuses that may end by themselves."""
NUMBERS_TOLD = 3


class CustomerFields(TypedDict, total=False):
    """What may be set on a customer beside its currency."""

    number: str
    parent_id: int | None
    is_reseller: bool
    company: str
    reference: str
    accounting_id: str | None
    status: str
    status_reason: str
    status_until: datetime | str | None
    channels: int
    cps_milli: int
    max_duration_s: int
    debit_limit_micros: int
    daily_spend_limit_micros: int | None
    expires_at: datetime | str | None
    valid_days: int | None
    zone: str
    phone: str
    website: str
    address_line1: str
    address_line2: str
    city: str
    state: str
    postcode: str
    country: str
    account_manager_id: int | None
    domain_id: int | None
    portal_show: Sequence[str]
    portal_hide: Sequence[str]
    tag_ids: Sequence[int]
    vars_toml: str
    pai_mode: str
    first_reply_s: int | None
    pdd_s: int | None
    ring_s: int | None
    rtp_firewall: str
    recording: bool
    recording_retention_days: int | None
    attestation: str
    approved_clis_only: bool
    cli_selection: str
    cli_pool: str
    non_cli_card_id: int | None
    email_verification: bool
    mobile_verification: bool
    local_calls: bool
    local_price_nanos: int
    local_increment_s: int
    loss_making_calls: str
    ip_management: bool
    localization_id: int | None
    hours: dict[str, Any] | None
    hours_hang_up: bool
    billing_type: str
    registration_id: str
    tax_number: str
    tax_treatment: str
    tax_ids: Sequence[int]
    prices_include_tax: bool
    invoice_schedule: str
    billing_day: int
    billing_zone: str
    generate_invoices: bool
    zero_invoices: bool
    email_invoices: bool
    daily_receipts: bool
    create_invoice_on_payment: bool
    payment_terms_days: int
    overdue_grace_days: int
    overdue_action: str
    invoice_grouping: str
    invoice_template_id: int | None
    invoice_note: str
    language: str
    minimum_payment_micros: int
    topup_currencies: Sequence[str]
    payment_gateways: Sequence[str] | None
    paypal_email: str
    low_balance_micros: int | None
    notification_emails: Sequence[str]
    notification_departments: Sequence[str]
    notification_opt_outs: Sequence[str]
    note: str
    """An internal note that is added, as by `add_customer_note`."""


class CustomerChanges(CustomerFields, total=False):
    """What may be changed on a customer."""

    name: str


@act
def create_customer(*, account_id: int, name: str, currency: str, **fields: Unpack[CustomerFields]) -> Customer:
    """Makes a customer with its wallet and, unless one is given, a number of its own. The currency is fixed from now
    on. What is not given is as with the template customer of its portal domain; its taxes are the account's for new
    customers where neither says any."""
    given: dict[str, Any] = {**fields, "name": name, "currency": currency}
    values = checks.cleaned({**CHECKS, **BESIDE, "currency": checks.currency}, given)
    note = values.pop("note", "")
    account = records.find(Account, account_id)
    _check_parent(account.pk, values.get("parent_id"))
    check_offered(account.pk, values)
    if "billing_type" not in values and values.get("debit_limit_micros", 0) > 0:
        values["billing_type"] = "postpaid"  # whoever has credit is billed afterwards
    domain = domain_defaults.domain_of(account.pk, values.get("domain_id"))
    if domain is not None:
        domain_defaults.check_currency(domain, values["currency"], field="currency")
        values |= domain_defaults.taken(domain, values["currency"], values)
    _check_references(account.pk, values)
    _check_reference(account, values.get("reference", ""))
    check_together(values, Customer(), records.now())
    check_pool(values, Customer())
    tags, taxes = values.pop("tag_ids", []), _first_taxes(account, values)
    values.setdefault("number", free_number(account))
    customer = records.create(Customer, {**values, "account_id": account.pk})
    customer.tags.set(tags)
    set_taxes(customer, taxes)
    advise(customer, values)
    ask_for_number(customer)
    if domain is not None:
        domain_defaults.equip(customer, domain)
    _write(customer, note)
    return customer


@act
def update_customer(*, customer_id: int, version: int | None = None, **changes: Unpack[CustomerChanges]) -> Customer:
    """Changes a customer. The next call obeys it; calls that were charged stay as they are, whatever is changed."""
    values = checks.cleaned({**CHECKS, **BESIDE}, changes)
    note = values.pop("note", "")
    customer = records.locked(Customer, customer_id, version)
    check_in_service(customer)
    check_offered(customer.account_id, values, customer)
    if "parent_id" in values and values["parent_id"] != customer.parent_id:
        _check_parent(customer.account_id, values["parent_id"])
        _check_idle(customer, "parent_id")
        domain_defaults.check_no_template(customer, "parent_id")
        _check_cards(customer, values["parent_id"])
        _check_dids(customer)
        warn("The reseller is another from the next call on. Past calls keep what they were charged.")
    if values.get("is_reseller") is False and customer.children.exists():
        raise refuse("is_reseller", "Customers belong to this reseller: move them first.")
    if values.get("is_reseller") is False and Card.objects.filter(reseller_id=customer.pk).exists():
        raise refuse("is_reseller", "Cards belong to this reseller: they would sell for nobody.")
    if "channels" in values:
        _check_allotment(customer, values["channels"])
    if values.get("domain_id") not in (None, customer.domain_id):
        domain = domain_defaults.domain_of(customer.account_id, values["domain_id"])
        domain_defaults.check_currency(domain, customer.currency, field="domain_id")
    if values.get("domain_id", customer.domain_id) != customer.domain_id:
        check_logins(customer, values["domain_id"])
    _check_references(customer.account_id, values)
    if values.get("reference", customer.reference) != customer.reference:
        _check_reference(customer.account, values["reference"])
    check_together(values, customer, records.now())
    check_pool(values, customer)
    _check_money_ahead(customer, values)
    beside = after_change(customer, values)
    changed = records.change(customer, values | _save_lists(customer, values) | beside)
    advise(changed, values)
    if {"tax_number", "country"} & values.keys():
        ask_for_number(changed)
    _write(customer, note)
    return changed


@act
def delete_customer(*, customer_id: int, version: int | None = None) -> Customer:
    """Takes a customer out of service and out of the lists. Its CDRs and entries stay; `restore_customer` undoes it."""
    customer = records.locked(Customer, customer_id, version)
    _check_idle(customer, "customer_id")
    if customer.children.filter(deleted_at=None).exists():
        raise refuse("customer_id", "Customers belong to this reseller: move or delete them first.")
    domain_defaults.check_no_template(customer, "customer_id")
    wallet = Wallet.objects.get(account_id=customer.account_id, kind="customer", owner_id=customer.pk)
    if wallet.balance_micros:
        left = f"{format_micros(wallet.balance_micros)} {wallet.currency}"
        warn(f"Its balance is {left}: restore it to take money in or pay it back.")
    if customer.dids.exists():
        warn("It keeps its DIDs, and calls to them are refused: put them back into the inventory to give them away.")
    return records.change(customer, {"deleted_at": Now()}) if customer.deleted_at is None else customer


@act
def restore_customer(*, customer_id: int) -> Customer:
    """Puts a deleted customer back into service."""
    customer = records.locked(Customer, customer_id)
    _check_parent(customer.account_id, customer.parent_id)
    return records.change(customer, {"deleted_at": None})


def sip_users_channels(customer: Customer, *, without: int | None = None) -> int:
    """The channels allotted to a customer's SIP users together."""
    users = Endpoint.objects.filter(customer=customer, kind="sip_user").exclude(pk=without or 0)
    return users.aggregate(total=Sum("channels"))["total"] or 0


def _first_taxes(account: Account, values: dict[str, Any]) -> Sequence[int]:
    """The taxes of a new customer: those given, else the account's for new ones. Who is held to some customers is not
    offered those, so that giving none is no choice."""
    given: Sequence[int] | None = values.pop("tax_ids", None)
    unasked = given is None or (not given and current.get().reach is not None)
    return default_tax_ids(account.pk) if unasked else given or []


def set_taxes(customer: Customer, tax_ids: Sequence[int]) -> bool:
    """Makes a customer pay exactly these taxes; those it pays already keep their place in its order.

    Returns whether any changed.
    """
    paid = CustomerTax.objects.filter(customer=customer)
    before = set(paid.values_list("tax_id", flat=True))
    paid.exclude(tax_id__in=tax_ids).delete()
    for tax_id in sorted(set(tax_ids) - before):
        CustomerTax.objects.create(customer=customer, tax_id=tax_id)
    return before != set(tax_ids)


def _save_lists(customer: Customer, values: dict[str, Any]) -> dict[str, int]:
    """Takes tags and taxes out of the values and saves them. They are part of the customer as people see it: gives the
    next versions of those that changed, so that who holds an older form is told."""
    changed: dict[str, int] = {}
    if "tag_ids" in values:
        tag_ids = values.pop("tag_ids")
        if set(tag_ids) != set(customer.tags.values_list("pk", flat=True)):
            customer.tags.set(tag_ids)
            changed["tags_version"] = customer.tags_version + 1
    if "tax_ids" in values and set_taxes(customer, values.pop("tax_ids")):
        changed["taxes_version"] = customer.taxes_version + 1
    return changed


def _is_as_before(value: object, was: object) -> bool:
    """Whether a form brought a value back as it was shown, which it was to the second."""
    if isinstance(value, datetime) and isinstance(was, datetime):
        return value.replace(microsecond=0) == was.replace(microsecond=0)
    return value == was


def check_together(values: dict[str, Any], before: Customer, at: datetime) -> None:
    """What fields say about one another, as they will stand together. A new status without words loses the old, and one
    that blocks nothing does so where a form brings them back as they were.
    """

    def later(name: str) -> Any:
        return values.get(name, getattr(before, name))

    if later("status") != before.status:
        for name, empty in (("status_reason", ""), ("status_until", None)):
            blocks = values["status"] in BLOCKED
            if name not in values or (not blocks and _is_as_before(values[name], getattr(before, name))):
                values[name] = empty
    until = later("status_until")
    if until is not None and later("status") not in BLOCKED:
        raise refuse("status_until", "Only inactive and penalty end by themselves: leave this empty.")
    if until is not None and until != before.status_until and until <= at:
        raise refuse("status_until", "Give a moment that is still to come.")
    country, postcode = later("country"), later("postcode")
    if postcode and {"country", "postcode"} & values.keys() and not postcodes.fits(country, postcode):
        raise refuse("postcode", f"In {country} a code is written {postcodes.example(country)}.")
    for sentence in parse_vars(values.get("vars_toml", "")).warnings:
        warn(f"Variables: {sentence}")
    both = sorted(set(later("portal_show")) & set(later("portal_hide")))
    if both:
        raise refuse("portal_hide", f"Shown and hidden at once: {', '.join(both)}.")
    if later("invoice_schedule") == "weekly" and later("billing_day") > 7:
        raise refuse("billing_day", "Give a weekday from 1 (Monday) to 7 (Sunday).")
    if later("billing_type") == "prepaid" and later("debit_limit_micros") > 0:
        raise refuse("debit_limit_micros", "Only a postpaid customer has credit: make it postpaid, or set 0 or below.")


def free_number(account: Account) -> str:
    """As many digits as the account says, that no customer has: random, so that one tells nothing of the next."""
    least = 10 ** (account.number_digits_count - 1)
    while True:
        number = str(secrets.randbelow(9 * least) + least)
        if not Customer.objects.filter(account=account, number=number).exists():
            return number


def _write(customer: Customer, note: str) -> None:
    """The note that came with the record, for which one needs the right to write notes."""
    if note:
        add_customer_note(customer_id=customer.pk, text=note)


def _check_allotment(customer: Customer, channels: int) -> None:
    allotted = sip_users_channels(customer)
    if channels and allotted > channels:
        raise refuse("channels", f"Its SIP users are allotted {allotted} channels: lower those first.")


def _check_money_ahead(customer: Customer, values: dict[str, Any]) -> None:
    """What was paid ahead buys calls at prices with tax, or at those without: only as it was paid it is worth that."""
    if values.get("billing_type", customer.billing_type) != customer.billing_type:
        _warn_of_tax_twice_or_never(customer)
    stays = customer.billing_type == values.get("billing_type", customer.billing_type) == "prepaid"
    wanted = values.get("prices_include_tax", customer.prices_include_tax)
    if not stays or wanted == customer.prices_include_tax:
        return
    wallet = Wallet.objects.get(account_id=customer.account_id, kind="customer", owner_id=customer.pk)
    if wallet.balance_micros > 0 and paid_ahead_with_tax(customer) not in (None, wanted):
        left, prices = f"{format_micros(wallet.balance_micros)} {wallet.currency}", "without" if wanted else "with"
        words = f"Its balance of {left} was paid ahead for prices {prices} tax: let it be used up or pay it back first."
        raise refuse("prices_include_tax", words)


def _warn_of_tax_twice_or_never(customer: Customer) -> None:
    """Money that is left keeps the tax it had, or had not, when it was paid (decision 0013)."""
    wallet = Wallet.objects.get(account_id=customer.account_id, kind="customer", owner_id=customer.pk)
    if wallet.balance_micros <= 0:
        return
    left = f"{format_micros(wallet.balance_micros)} {wallet.currency}"
    if customer.billing_type == "prepaid" and paid_ahead_with_tax(customer) is not None:
        warn(
            f"Its balance of {left} was paid ahead with its tax, and the invoices it settles are taxed again: "
            "pay back what is left."
        )
    elif customer.billing_type == "postpaid" and CustomerTax.objects.filter(customer=customer).exists():
        warn(
            f"What of its balance of {left} was paid while postpaid bore no tax, nor do calls that it buys ahead: "
            "pay that back and have it paid anew."
        )


def _check_idle(customer: Customer, field: str) -> None:
    if Call.objects.filter(account_id=customer.account_id, customer=customer).exists():
        raise refuse(field, "The customer has live calls: end them first.")


def _check_cards(customer: Customer, parent_id: int | None) -> None:
    """Routes sell by the cards of the reseller above, or by yours: those of another would sell for nobody."""
    foreign = IngressRoute.objects.filter(customer=customer, card__reseller__isnull=False)
    names = list(foreign.exclude(card__reseller_id=parent_id).values_list("name", flat=True))
    if names:
        sentence = "These routes sell by a card of the reseller before: {}. Give them another card first."
        raise refuse("parent_id", sentence.format(", ".join(names)))


def _check_dids(customer: Customer) -> None:
    """Each DID names the card by which each reseller above its customer pays: those of others would pay nothing."""
    found = Did.objects.filter(customer_id__in=[customer.pk, *below(customer.pk)]).order_by("number")
    numbers = list(found.values_list("number", flat=True)[: NUMBERS_TOLD + 1])
    if numbers:
        told = ", ".join(numbers[:NUMBERS_TOLD]) + (", …" if len(numbers) > NUMBERS_TOLD else "")
        words = "Its DIDs ({}) name cards of all above it: put them back into the inventory first, then give them anew."
        raise refuse("parent_id", words.format(told))


def _check_parent(account_id: int, parent_id: int | None) -> None:
    actor = current.get()
    if actor.reach is not None and parent_id != actor.reseller_id and parent_id not in actor.reach:
        raise refuse("parent_id", "Choose your own company or one of your resellers.")
    if parent_id is None:
        return
    owners = Customer.objects.filter(account_id=account_id, is_reseller=True, deleted_at=None)
    if not owners.filter(pk=parent_id).exists():
        raise refuse("parent_id", "Choose a reseller of the same account.")


def _check_reference(account: Account, reference: str) -> None:
    """Where the options say so a reference belongs to one customer: whoever gives one waits for the others."""
    if not reference or not account.unique_references:
        return
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if Customer.objects.filter(account=account, reference=reference).exists():
        neutral = "This reference cannot be used here: choose another."  # for who must not hear of other customers
        raise refuse("reference", "Another customer has this reference." if current.get().reach is None else neutral)


def _check_references(account_id: int, values: Mapping[str, Any]) -> None:
    """What is named by its id, or a department by its key, exists and belongs to the same account."""
    for name, (of_account, sentence) in REFERENCES.items():
        wanted = values.get(name)
        if wanted is not None and not of_account(account_id).filter(pk=wanted).exists():
            raise refuse(name, sentence)
    check_known(account_id, values, "notification_departments")
    for name, (of_account, sentence) in LISTS.items():
        if name in values and of_account(account_id).filter(pk__in=values[name]).count() != len(values[name]):
            raise refuse(name, sentence)
