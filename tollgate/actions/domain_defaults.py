"""What a new customer of a portal domain begins with: the fields, routes and packages of its template customer, by the
domain's own cards, in one of its currencies.

A customer is made by `create_customer` alone (form, API, file), so that is where these are called. What is given there
wins. A field that belongs to one customer only is named in `OWN`; all others come along by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from django.db.models import Q

from tollgate.actions import records
from tollgate.actions.acts import current, refuse, warn
from tollgate.actions.charges import today_of
from tollgate.actions.customer_checks import CHECKS
from tollgate.actions.customer_packages import hold_package
from tollgate.core.packages import earliest_end_on
from tollgate.store.models import Card, Customer, IngressRoute, PortalDomain, RouteOption

OWN: Final = frozenset(
    {"name", "number", "parent_id", "is_reseller", "company", "reference", "accounting_id", "domain_id"}
    | {"status", "status_reason", "status_until", "expires_at", "website", "phone", "paypal_email"}
    | {"address_line1", "address_line2", "city", "state", "postcode", "country"}
    | {"registration_id", "tax_number", "notification_emails"}
)
"""What says who a customer is, or how it stands just now."""
AMOUNTS: Final = frozenset(
    {"debit_limit_micros", "daily_spend_limit_micros", "local_price_nanos", "minimum_payment_micros"}
    | {"low_balance_micros"}
)
"""They are in the template's currency, and come along only where the customer has it too."""
TOGETHER: Final = (
    frozenset({"billing_type", "debit_limit_micros"}),
    frozenset({"invoice_schedule", "billing_day"}),
    frozenset({"portal_show", "portal_hide"}),
    frozenset({"cli_pool", "non_cli_card_id"}),
)
"""What means something only together: where one is given, the others are as with every customer."""
OF_ROUTES: Final = (
    "name", "tech_prefix", "dial_patterns", "enabled", "strategy", "channels", "cps_milli", "max_duration_s", "media",
    "recording", "profit_assurance", "capped_price_nanos", "block_connect_fee",
)  # fmt: skip
OF_OPTIONS: Final = ("card_id", "position", "weight", "excluded")


def domain_of(account_id: int, domain_id: int | None) -> PortalDomain | None:
    """The portal domain of an id; None for one that is none (which the checks of the customer refuse)."""
    if domain_id is None:
        return None
    found = PortalDomain.objects.filter(account_id=account_id, pk=domain_id)
    return found.select_related("template_customer").first()


def check_currency(domain: PortalDomain | None, currency: str, *, field: str) -> None:
    """Refuses a wallet in a currency that the domain does not have; those that are there keep theirs."""
    if domain is not None and domain.currencies and currency not in domain.currencies:
        raise refuse(field, f"Customers of {domain.host} have {' or '.join(domain.currencies)}, not {currency}.")


def taken(domain: PortalDomain, currency: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that come along from the template where nothing else is given."""
    template = _template_of(domain)
    if template is None:
        return {}
    left = OWN | given.keys()
    for group in TOGETHER:
        left |= group if group & given.keys() else frozenset()
    if template.currency != currency:
        left |= AMOUNTS
    card = template.non_cli_card
    if card is not None and (card.currency != currency or card.reseller_id not in (None, given.get("parent_id"))):
        left |= {"non_cli_card_id"}
    return {name: getattr(template, name) for name in CHECKS if name not in left}


def _template_of(domain: PortalDomain) -> Customer | None:
    """The template, for who may know it: its terms are not for those who are held to other customers."""
    template, actor = domain.template_customer, current.get(None)
    if template is None or actor is None or actor.reach is None or template.pk in actor.reach:
        return template
    return None


def check_no_template(customer: Customer, field: str) -> None:
    """Refuses what would take a template away from its domains."""
    hosts = list(customer.template_of_domains.order_by("host").values_list("host", flat=True))
    if hosts:
        raise refuse(field, f"New customers of {', '.join(hosts)} begin like this one: choose another there first.")


def equip(customer: Customer, domain: PortalDomain) -> None:
    """Gives a customer that was just made the routes and packages of the template."""
    template = _template_of(domain)
    if template is None:
        return
    cards = {card.currency: card for card in domain.cards.all()}
    for route in template.ingress_routes.select_related("card").order_by("id"):
        card = cards.get(customer.currency, route.card)
        if card.currency == customer.currency:
            _copy_route(route, customer, card)
        else:
            warn(f"Route {route.name} is left out: {domain.host} has no card in {customer.currency}.")
    _give_packages(template, customer, today_of(customer))


def _copy_route(route: IngressRoute, customer: Customer, card: Card) -> None:
    values = {name: getattr(route, name) for name in OF_ROUTES}
    if card.currency != route.card.currency:
        values["capped_price_nanos"] = None
    made = records.create(IngressRoute, {**values, "customer_id": customer.pk, "card_id": card.pk})
    for option in route.options.order_by("id"):
        copied = {name: getattr(option, name) for name in OF_OPTIONS}
        records.create(RouteOption, {**copied, "ingress_route_id": made.pk})


def _give_packages(template: Customer, customer: Customer, today: date) -> None:
    """Those that the template still holds, until the same day as it; not for less than a package is held at least, nor
    those for its DIDs."""
    held = template.packages.filter(Q(ends_on=None) | Q(ends_on__gte=today), package__currency=customer.currency)
    held = held.filter(did_number="")
    for one in held.select_related("package").order_by("id"):
        if one.ends_on is not None and one.ends_on < earliest_end_on(today, one.package.minimum_days):
            warn(f"Package {one.package.name} is left out: it ends on {one.ends_on}, before its minimum days are over.")
            continue
        values = {name: getattr(one, name) for name in ("quantity", "ends_on", "auto_decrement", "minutes")}
        hold_package(customer, one.package, {**values, "starts_on": today})
