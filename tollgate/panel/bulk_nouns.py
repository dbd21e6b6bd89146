"""What may be edited and deleted in bulk: for each noun what its list finds, and the form whose fields may be changed.

To offer another noun, add its line to `NOUNS`, and what its records allow to `EDITS` and `DELETES` of the acts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, ClassVar, Final

from django.http import HttpRequest

from tollgate.actions.cards import own_of
from tollgate.actions.routes import OPERATED
from tollgate.panel import (
    alerts,
    aliases,
    cards,
    carriers,
    cli_rules,
    clis,
    conferences,
    contacts,
    customer_lists,
    customer_packages,
    customers,
    edges,
    endpoints,
    gateways,
    groups,
    localizations,
    portal_domains,
    routes,
    tags,
    taxes,
    users,
    webhooks,
)
from tollgate.panel.access import actor, own_account, reach
from tollgate.panel.alerts import AlertForm
from tollgate.panel.aliases import AliasForm
from tollgate.panel.cards import CardForm
from tollgate.panel.carriers import CarrierForm
from tollgate.panel.cli_rules import CliRuleForm
from tollgate.panel.conferences import RoomForm
from tollgate.panel.contacts import ContactForm
from tollgate.panel.customer_forms import MovedCustomerForm
from tollgate.panel.customer_packages import PackageForm
from tollgate.panel.edges import EdgeForm
from tollgate.panel.endpoint_forms import EndpointForm
from tollgate.panel.gateways import GatewayForm
from tollgate.panel.groups import GroupForm
from tollgate.panel.localizations import LocalizationForm
from tollgate.panel.portal_domain_forms import PortalDomainForm
from tollgate.panel.routes import RouteForm
from tollgate.panel.tags import TagForm
from tollgate.panel.taxes import TaxForm
from tollgate.panel.users import UserForm
from tollgate.panel.webhooks import WebhookForm
from tollgate.store.models import Customer, Package
from tollgate.ui.forms import HouseForm
from tollgate.ui.grid import Grid
from tollgate.ui.sources import QuerysetSource

Listed = Callable[[HttpRequest, Mapping[str, str]], tuple[Grid, QuerysetSource]]


@dataclass(frozen=True, slots=True)
class Noun:
    """One noun: the module of its pages, its list's grid and source, the page of the list, the form of what may be
    edited; `obeyed` says that calls go by it, `held` that one in use is not deleted. `acts` is the noun of its acts,
    where two lists show the same records."""

    many: str
    pages: ModuleType
    listed: Listed
    page: str
    form: Callable[..., HouseForm] | None = None
    above: str = "Selling"
    obeyed: bool = True
    held: bool = False
    acts: str = ""


class _Loose:
    """A form without the version of one record. `confirmed_by` names the box that has to be ticked for a field."""

    versioned = False
    confirmed_by: ClassVar[Mapping[str, str]] = {}


class BulkCustomerForm(_Loose, MovedCustomerForm):
    """Some of a customer's fields, for many; another reseller has to be confirmed here too."""

    confirmed_by = {"parent_id": "parent_confirmed"}


class BulkContactForm(_Loose, ContactForm):
    """Some of a contact's fields, for many."""


class BulkEndpointForm(_Loose, EndpointForm):
    """Some of an endpoint's fields, for many."""


class BulkAliasForm(_Loose, AliasForm):
    """Some of an alias' fields, for many."""


class BulkCliRuleForm(_Loose, CliRuleForm):
    """Some of a CLI rule's fields, for many."""


class BulkCarrierForm(_Loose, CarrierForm):
    """Some of a carrier's fields, for many."""


class BulkGatewayForm(_Loose, GatewayForm):
    """Some of a gateway's fields, for many."""


class BulkAlertForm(_Loose, AlertForm):
    """Some of an alert's fields, for many."""


class BulkRoomForm(_Loose, RoomForm):
    """Some of a conference room's fields, for many."""


class BulkRouteForm(_Loose, RouteForm):
    """Some of a route's fields, for many."""


class BulkTagForm(_Loose, TagForm):
    """A color for many tags."""


class BulkTaxForm(_Loose, TaxForm):
    """Some of a tax' fields, for many."""


class BulkLocalizationForm(_Loose, LocalizationForm):
    """Some of the lists of swaps, for many localizations."""


class BulkPortalDomainForm(_Loose, PortalDomainForm):
    """Some of a portal domain's fields, for many."""


class BulkWebhookForm(_Loose, WebhookForm):
    """What many webhooks are told of."""


class BulkEdgeForm(_Loose, EdgeForm):
    """Some of an edge's fields, for many."""


class BulkUserForm(_Loose, UserForm):
    """Some of a user's fields, for many."""


class BulkGroupForm(_Loose, GroupForm):
    """What many groups ask of their members."""


class BulkPackageForm(_Loose, PackageForm):
    """Some of a package's fields, for many."""


class BulkCardForm(_Loose, CardForm):
    """How many cards round."""


def _customer_form(request: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """Amounts are in the customers' own currency, which is told when they share one."""
    currencies = list(Customer.objects.filter(pk__in=ids).order_by().values_list("currency", flat=True).distinct()[:2])
    currency = currencies[0] if len(currencies) == 1 else ""
    return BulkCustomerForm(*arguments, request=request, currency=currency, **options)


def _alert_form(request: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """Thresholds are in the unit of each alert's area."""
    del ids
    return BulkAlertForm(*arguments, request=request, **options)


def _room_form(request: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """Where the calls of rooms go is the operator's to say."""
    del ids
    form = BulkRoomForm(*arguments, numbers_url="", free=None, **options)
    return form if reach(request) is None else _without(form, ("host", "port", "transport"))


def _route_form(request: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """Carriers are the operator's to choose; a reseller's users choose the card route by route."""
    del ids
    account = own_account(request)
    form = BulkRouteForm(*arguments, owner=account, may_record=account.recording, **options)
    return form if reach(request) is None else _without(form, ("card_id", *OPERATED))


def _tax_form(request: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """Fixed parts are in the account's currency."""
    del ids
    return BulkTaxForm(*arguments, currency=own_account(request).currency, **options)


def _domain_form(request: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """A logo is a file, which is brought domain by domain."""
    del ids
    form = BulkPortalDomainForm(*arguments, account=own_account(request), **options)
    return _without(form, ("logo", "logo_removed"))


def _package_form(_: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """Prices are in the packages' own currency, which is told when they share one."""
    form = BulkPackageForm(*arguments, **options)
    currencies = list(Package.objects.filter(pk__in=ids).order_by().values_list("currency", flat=True).distinct()[:2])
    for name in customer_packages.PRICES:
        form.set_unit(name, currencies[0] if len(currencies) == 1 else "")
    return form


def _sold_card_form(_: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """Only a carrier card puts a prefix before the number."""
    del ids
    return _without(BulkCardForm(*arguments, **options), ("tech_prefix",))


def _own_cards(listed: Listed) -> Listed:
    """Of a list of cards those that are this user's to change."""

    def own(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
        grid, source = listed(request, parameters)
        return grid, replace(source, queryset=source.queryset.filter(own_of(actor(request))))

    return own


def _without(form: HouseForm, names: Sequence[str]) -> HouseForm:
    for name in names:
        del form.fields[name]
    return form


def _plain(form: type[HouseForm]) -> Callable[..., HouseForm]:
    """A form that asks nothing of the request or of the records."""

    def made(_: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
        del ids
        return form(*arguments, **options)

    return made


NOUNS: Final[Mapping[str, Noun]] = {
    "customer": Noun("customers", customers, customer_lists.listed, "panel:customers", _customer_form),
    "contact": Noun("contacts", contacts, contacts.listed, "panel:contacts", _plain(BulkContactForm)),
    "endpoint": Noun("endpoints", endpoints, endpoints.listed, "panel:endpoints", _plain(BulkEndpointForm)),
    "alias": Noun("aliases", aliases, aliases.listed, "panel:aliases", _plain(BulkAliasForm), "Traffic"),
    "cli_rule": Noun("CLI rules", cli_rules, cli_rules.listed, "panel:cli_rules", _plain(BulkCliRuleForm)),
    "cli": Noun("verified CLIs", clis, clis.listed, "panel:clis"),
    "ingress_route": Noun("ingress routes", routes, routes.sought, "panel:routes", _route_form),
    "conference_room": Noun("conference rooms", conferences, conferences.listed, "panel:conference_rooms", _room_form),
    "carrier": Noun("carriers", carriers, carriers.listed, "panel:carriers", _plain(BulkCarrierForm), "Buying"),
    "gateway": Noun("gateways", gateways, gateways.listed, "panel:gateways", _plain(BulkGatewayForm), "Buying"),
    "alert": Noun("alerts", alerts, alerts.listed, "panel:alerts", _alert_form, "Traffic", obeyed=False),
    "tag": Noun("tags", tags, tags.listed, "panel:tags", _plain(BulkTagForm), obeyed=False, held=True),
    "tax": Noun("taxes", taxes, taxes.listed, "panel:taxes", _tax_form, "Money", obeyed=False, held=True),
    "localization": Noun(
        "localizations",
        localizations,
        localizations.listed,
        "panel:localizations",
        _plain(BulkLocalizationForm),
        obeyed=False,
        held=True,
    ),
    "domain": Noun(
        "portal domains",
        portal_domains,
        portal_domains.listed,
        "panel:portal_domains",
        _domain_form,
        obeyed=False,
        held=True,
    ),
    "webhook": Noun(
        "webhooks", webhooks, webhooks.listed, "panel:webhooks", _plain(BulkWebhookForm), "System", obeyed=False
    ),
    "edge": Noun("edges", edges, edges.listed, "panel:edges", _plain(BulkEdgeForm), "System"),
    "user": Noun("users", users, users.listed, "panel:users", _plain(BulkUserForm), "System"),
    "group": Noun(
        "groups", groups, groups.listed, "panel:groups", _plain(BulkGroupForm), "System", obeyed=False, held=True
    ),
    "package": Noun(
        "packages",
        customer_packages,
        customer_packages.listed,
        "panel:packages",
        _package_form,
        "Money",
        obeyed=False,
        held=True,
    ),
    "customer_card": Noun(
        "customer cards",
        cards,
        _own_cards(cards.listed_customer_cards),
        "panel:customer_cards",
        _sold_card_form,
        obeyed=False,
        held=True,
        acts="card",
    ),
    "carrier_card": Noun(
        "carrier cards",
        cards,
        _own_cards(cards.listed_carrier_cards),
        "panel:carrier_cards",
        _plain(BulkCardForm),
        "Buying",
        obeyed=False,
        held=True,
        acts="card",
    ),
}
