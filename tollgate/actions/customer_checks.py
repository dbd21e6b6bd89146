"""How each field of a customer is checked by itself, and which other records one may name in it (`offered`).

To add a field, add its line to `CHECKS`; one that names other records by their ids, to `REFERENCES` or `LISTS` too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from django.db.models import Q, QuerySet
from django_countries import countries

from tollgate.actions import checks
from tollgate.actions.acts import Actor, current, refuse
from tollgate.actions.departments import CHOSEN, MOST_CHOSEN
from tollgate.actions.portal_domains import or_empty, sections, url
from tollgate.core.cli_pools import MODES
from tollgate.core.cli_rules import SELECTIONS
from tollgate.core.notices import OPTIONAL
from tollgate.core.vars import MOST_CHARACTERS, VarsInvalid, parse
from tollgate.store.models import Card, Customer, InvoiceTemplate, Localization, PortalDomain, Tag, Tax, User

LOSS_MAKING: Final = ("allow", "warn", "refuse")
GROUPINGS: Final = ("day", "destination", "route", "total")
"""How usage is put into lines of an invoice."""
MOST_TAX_NUMBER: Final = 20


def country(value: object) -> str:
    """An ISO 3166 code of two letters, or nothing."""
    code = value.strip().upper() if isinstance(value, str) else "?"
    if code and code not in dict(countries):
        raise checks.Unfit("Give a country code of ISO 3166, such as LT.")
    return code


def variables(value: object) -> str:
    """TOML; an error names its line."""
    text: str = checks.text(MOST_CHARACTERS)(value)
    try:
        parse(text)
    except VarsInvalid as problem:
        raise checks.Unfit(str(problem)) from None
    return text


def loss_making_calls(value: object) -> str:
    """What is done with a call that costs more than it is sold for; yes and no are the first and the last of these."""
    if isinstance(value, bool) or value in ("yes", "no"):
        return "allow" if value in (True, "yes") else "refuse"
    checked: str = checks.one_of(LOSS_MAKING)(value)
    return checked


def paypal_email(value: object) -> str:
    """A payer's address in small letters: whoever pays is known by it however it is written."""
    address: str = checks.email(value)
    return address.lower()


def _ids(value: object) -> list[int]:
    if not isinstance(value, (list, tuple)):
        raise checks.Unfit("Give a list of ids.")
    return sorted({checks.record_id(row) for row in value})


def tax_number(value: object) -> str:
    """A tax number as it is printed: capitals and digits without spaces. What it must look like depends on the country
    and is asked for where it takes tax away (core.taxes)."""
    text: str = checks.text(30)(value)
    compact = "".join(sign for sign in text.upper() if sign not in " .-")
    if compact and not (compact.isascii() and compact.isalnum() and len(compact) <= MOST_TAX_NUMBER):
        raise checks.Unfit("Use letters and digits, such as LT100001738313.")
    return compact


def list_of(check: checks.Check, most: int) -> checks.Check:
    """A list whose rows are checked one by one, each kept once in the order given."""

    def checked(value: object) -> list[Any]:
        if not isinstance(value, (list, tuple)) or len(value) > most:
            raise checks.Unfit(f"Give a list of at most {most}.")
        return list(dict.fromkeys(check(row) for row in value))

    return checked


def tags_of(account_id: int) -> QuerySet[Tag]:
    """The tags of an account."""
    return Tag.objects.filter(account_id=account_id)


REFERENCES: Final[Mapping[str, tuple[Callable[[int], QuerySet[Any]], str]]] = {
    "account_manager_id": (lambda _: User.objects.filter(is_active=True), "Choose an active user."),
    "domain_id": (lambda account: PortalDomain.objects.filter(account_id=account), "Choose one of the portal domains."),
    "localization_id": (
        lambda account: Localization.objects.filter(account_id=account),
        "Choose one of the localizations.",
    ),
    "invoice_template_id": (
        lambda account: InvoiceTemplate.objects.filter(account_id=account),
        "Choose one of the invoice templates.",
    ),
    "non_cli_card_id": (
        lambda account: Card.objects.filter(account_id=account, kind="customer", direction="termination"),
        "Choose a customer card of termination: it says what the customer pays for calls that go out.",
    ),
}
"""Other records that a customer names by their id."""
LISTS: Final[Mapping[str, tuple[Callable[[int], QuerySet[Any]], str]]] = {
    "tag_ids": (tags_of, "One of these tags does not exist."),
    "tax_ids": (lambda account: Tax.objects.filter(account_id=account), "One of these taxes does not exist."),
}
"""Lists of other records."""
TAGS_FIXED: Final = "The operator gives tags, for routes and rules come with them: leave them as they are."


def offered(name: str, account_id: int, actor: Actor, had: Collection[int] = ()) -> QuerySet[Any]:
    """The records that an actor may name in this field of a customer, which names those in `had` already.

    Those who are held to some customers are offered the users of their own reseller, and of the operator's records
    those that the reseller or one of these customers has; of tags none, for routes and rules come with a tag, and of
    cards those that are the reseller's own.
    """
    found = {**REFERENCES, **LISTS}[name][0](account_id)
    if actor.reach is None:
        return found
    known = Q(pk__in=list(had))
    if name == "account_manager_id":
        known |= Q(pk__in=User.objects.filter(reseller_id=actor.reseller_id).exclude(reseller_id=None).values("pk"))
    elif name == "non_cli_card_id":
        known |= Q(reseller__in=[actor.reseller_id or 0, *actor.reach])
    elif name != "tag_ids":
        theirs = Customer.objects.filter(pk__in=[*actor.reach, actor.reseller_id or 0])
        known |= Q(pk__in=theirs.values("customer_taxes__tax_id" if name == "tax_ids" else name))
    return found.filter(known)


def check_offered(account_id: int, values: Mapping[str, Any], before: Customer | None = None) -> None:
    """Refuses what an actor who is held to some customers may not set in the fields of one of these."""
    actor = current.get()
    if actor.reach is None:
        return
    if "tag_ids" in values and set(values["tag_ids"]) != set(before.tag_ids if before is not None else ()):
        raise refuse("tag_ids", TAGS_FIXED)
    attestation = before.attestation if before is not None else Customer().attestation
    if values.get("attestation", attestation) != attestation:
        raise refuse("attestation", "Only the operator says what is signed: leave it as it is.")
    for name, (_, sentence) in REFERENCES.items():
        had = [] if before is None else [getattr(before, name) or 0]
        wanted = values.get(name)
        if wanted is not None and not offered(name, account_id, actor, had).filter(pk=wanted).exists():
            raise refuse(name, sentence)
    wanted_taxes, had = set(values.get("tax_ids", ())), before.tax_ids if before is not None else []
    taxes = offered("tax_ids", account_id, actor, had).filter(pk__in=wanted_taxes)
    if wanted_taxes and taxes.count() != len(wanted_taxes):
        raise refuse("tax_ids", LISTS["tax_ids"][1])


_WORD: Final = checks.matching(r"[a-z][a-z0-9_.]{0,39}", "Use small letters, digits, _ and the point.")

CHECKS: Final[Mapping[str, checks.Check]] = {
    "name": checks.text(required=True),
    "number": checks.matching(r"[0-9]{4,20}", "Use 4 to 20 digits.", most=20),
    "parent_id": checks.optional(checks.record_id),
    "is_reseller": checks.yes_no,
    "company": checks.text(),
    "reference": checks.text(),
    "accounting_id": checks.optional(checks.text(100)),
    "status": checks.one_of(("active", "inactive", "penalty", "pending")),
    "status_reason": checks.text(500),
    "status_until": checks.optional(checks.instant),
    "channels": checks.channels,
    "cps_milli": checks.cps_milli,
    "max_duration_s": checks.whole(1, 86_400),
    "debit_limit_micros": checks.amount(-checks.MOST_MICROS, checks.MOST_MICROS),
    "daily_spend_limit_micros": checks.optional(checks.amount(0, checks.MOST_MICROS)),
    "expires_at": checks.optional(checks.instant),
    "valid_days": checks.optional(checks.whole(1, 36_500)),
    "zone": or_empty(checks.zone),
    "phone": or_empty(checks.phone),
    "website": url,
    "address_line1": checks.text(200),
    "address_line2": checks.text(200),
    "city": checks.text(100),
    "state": checks.text(100),
    "postcode": checks.text(20),
    "country": country,
    "account_manager_id": checks.optional(checks.record_id),
    "domain_id": checks.optional(checks.record_id),
    "portal_show": sections,
    "portal_hide": sections,
    "tag_ids": _ids,
    "vars_toml": variables,
    "pai_mode": checks.one_of(("default", "remove", "if_available", "required")),
    "first_reply_s": checks.optional(checks.whole(1, 120)),
    "pdd_s": checks.optional(checks.whole(1, 120)),
    "ring_s": checks.optional(checks.whole(1, 600)),
    "rtp_firewall": checks.one_of(("locked", "unlocked")),
    "recording": checks.yes_no,
    "recording_retention_days": checks.optional(checks.whole(1, 3650)),
    "attestation": checks.one_of(("A", "B", "C")),
    "approved_clis_only": checks.yes_no,
    "cli_selection": checks.one_of(SELECTIONS),
    "cli_pool": checks.one_of(MODES),
    "non_cli_card_id": checks.optional(checks.record_id),
    "email_verification": checks.yes_no,
    "mobile_verification": checks.yes_no,
    "local_calls": checks.yes_no,
    "local_price_nanos": checks.amount(0, checks.MOST_NANOS, price=True),
    "local_increment_s": checks.whole(1, 3600),
    "loss_making_calls": loss_making_calls,
    "ip_management": checks.yes_no,
    "localization_id": checks.optional(checks.record_id),
    "hours": checks.optional(checks.opening_hours),
    "hours_hang_up": checks.yes_no,
    "billing_type": checks.one_of(("prepaid", "postpaid")),
    "registration_id": checks.text(100),
    "tax_number": tax_number,
    "tax_treatment": checks.one_of(("auto", "taxed", "reverse_charge", "exempt", "no_vat")),
    "tax_ids": _ids,
    "prices_include_tax": checks.yes_no,
    "invoice_schedule": checks.one_of(("none", "daily", "weekly", "monthly")),
    "billing_day": checks.whole(1, 31),
    "billing_zone": or_empty(checks.zone),
    "generate_invoices": checks.yes_no,
    "zero_invoices": checks.yes_no,
    "email_invoices": checks.yes_no,
    "daily_receipts": checks.yes_no,
    "create_invoice_on_payment": checks.yes_no,
    "payment_terms_days": checks.whole(0, 365),
    "overdue_grace_days": checks.whole(0, 365),
    "overdue_action": checks.one_of(("none", "remind", "restrict", "penalty")),
    "invoice_grouping": or_empty(checks.one_of(GROUPINGS)),
    "invoice_template_id": checks.optional(checks.record_id),
    "invoice_note": checks.text(2000),
    "language": or_empty(checks.matching(r"[a-z]{2,3}(-[A-Z]{2})?", "Give a language such as en or pt-BR.", most=10)),
    "minimum_payment_micros": checks.amount(0, checks.MOST_MICROS),
    "topup_currencies": list_of(checks.currency, 200),
    "payment_gateways": checks.optional(list_of(_WORD, 50)),
    "paypal_email": or_empty(paypal_email),
    "low_balance_micros": checks.optional(checks.amount(-checks.MOST_MICROS, checks.MOST_MICROS)),
    "notification_emails": list_of(checks.email, 20),
    "notification_departments": list_of(CHOSEN, MOST_CHOSEN),
    "notification_opt_outs": list_of(checks.one_of(OPTIONAL), len(OPTIONAL)),
}
BESIDE: Final[Mapping[str, checks.Check]] = {"note": checks.text(5000)}
"""What is written with a customer and is no value of its record."""
