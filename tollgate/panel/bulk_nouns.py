"""What may be edited and deleted in bulk: for each noun its words, what its list finds, and what its deletion does.

To offer another noun, add its line to `NOUNS`, and what its records allow to `EDITS` and `DELETES` of the acts. Their
forms are in bulk_forms.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Final

from django.http import HttpRequest

from tollgate.actions.cards import own_of
from tollgate.panel import (
    access_numbers,
    alerts,
    aliases,
    bulk_forms,
    cards,
    carrier_disputes,
    carriers,
    cli_rules,
    clis,
    conferences,
    contacts,
    custom_pages,
    customer_lists,
    customer_packages,
    customers,
    departments,
    dids,
    dunning,
    edges,
    endpoints,
    exchange_rates,
    gateways,
    groups,
    invoice_templates,
    invoices,
    localizations,
    mandates,
    number_blocks,
    payment_gateways,
    portal_domains,
    reconciliations,
    reports,
    routes,
    sign_in,
    tags,
    taxes,
    templates,
    users,
    vouchers,
    webhooks,
)
from tollgate.panel.access import actor
from tollgate.panel.of_customer import OfCustomer
from tollgate.ui.forms import HouseForm
from tollgate.ui.grid import Grid
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import Worded, worded

Listed = Callable[[HttpRequest, Mapping[str, str]], tuple[Grid, QuerysetSource]]


@dataclass(frozen=True, slots=True)
class Noun:
    """One noun: the module of its pages, its list's grid and source, the page of the list, the form of what may be
    edited; `obeyed` says that calls go by it, `held` that one in use is not deleted, `after` what holds when it is.
    `acts` is the noun of its acts, where two lists show the same records; `of_customer` where a customer's own ones
    are listed."""

    one: Worded
    many: Worded
    pages: ModuleType
    listed: Listed
    page: str
    form: Callable[..., HouseForm] | None = None
    above: str = "Selling"
    obeyed: bool = True
    held: bool = False
    after: str = ""
    acts: str = ""
    of_customer: OfCustomer | None = None

    def counted(self, count: int) -> Worded:
        """So many of them."""
        return worded("{count} {records}", count=f"{count:,}", records=self.one if count == 1 else self.many)


def _own_cards(listed: Listed) -> Listed:
    """Of a list of cards those that are this user's to change."""

    def own(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
        grid, source = listed(request, parameters)
        return grid, replace(source, queryset=source.queryset.filter(own_of(actor(request))))

    return own


NOUNS: Final[Mapping[str, Noun]] = {
    "customer": Noun(
        worded("customer"),
        worded("customers"),
        customers,
        customer_lists.listed,
        "panel:customers",
        bulk_forms.customer_form,
    ),
    "contact": Noun(
        worded("contact"),
        worded("contacts"),
        contacts,
        contacts.listed,
        "panel:contacts",
        bulk_forms.contact_form,
        obeyed=False,
        after="Their logins end at once. The audit log keeps who they were.",
        of_customer=OfCustomer("panel:customer_contacts", contacts.at_customer),
    ),
    "endpoint": Noun(
        worded("endpoint"),
        worded("endpoints"),
        endpoints,
        endpoints.listed,
        "panel:endpoints",
        bulk_forms.plain(bulk_forms.BulkEndpointForm),
        of_customer=OfCustomer("panel:customer_auth", endpoints.at_customer),
    ),
    "alias": Noun(
        worded("alias"),
        worded("aliases"),
        aliases,
        aliases.listed,
        "panel:aliases",
        bulk_forms.plain(bulk_forms.BulkAliasForm),
        "Traffic",
        of_customer=OfCustomer("panel:customer_aliases", lambda _, of: (aliases.OF_CUSTOMER, aliases.of_customer(of))),
    ),
    "cli_rule": Noun(
        worded("CLI rule"),
        worded("CLI rules"),
        cli_rules,
        cli_rules.listed,
        "panel:cli_rules",
        bulk_forms.cli_rule_form,
    ),
    "cli": Noun(
        worded("verified CLI"),
        worded("verified CLIs"),
        clis,
        clis.listed,
        "panel:clis",
        of_customer=OfCustomer("panel:customer_routing", clis.at_customer),
    ),
    "ingress_route": Noun(
        worded("ingress route"),
        worded("ingress routes"),
        routes,
        routes.sought,
        "panel:routes",
        bulk_forms.route_form,
        of_customer=OfCustomer("panel:customer_routing", routes.at_customer),
    ),
    "did": Noun(
        worded("DID"),
        worded("DIDs"),
        dids,
        dids.listed,
        "panel:dids",
        bulk_forms.did_form,
        held=True,
        of_customer=OfCustomer("panel:customer_dids", dids.of_customer),
    ),
    "conference_room": Noun(
        worded("conference room"),
        worded("conference rooms"),
        conferences,
        conferences.listed,
        "panel:conference_rooms",
        bulk_forms.room_form,
        of_customer=OfCustomer("panel:customer_auth", conferences.at_customer),
    ),
    "carrier": Noun(
        worded("carrier"),
        worded("carriers"),
        carriers,
        carriers.listed,
        "panel:carriers",
        bulk_forms.plain(bulk_forms.BulkCarrierForm),
        "Buying",
    ),
    "gateway": Noun(
        worded("gateway"),
        worded("gateways"),
        gateways,
        gateways.listed,
        "panel:gateways",
        bulk_forms.plain(bulk_forms.BulkGatewayForm),
        "Buying",
    ),
    "alert": Noun(
        worded("alert"),
        worded("alerts"),
        alerts,
        alerts.listed,
        "panel:alerts",
        bulk_forms.alert_form,
        "Traffic",
        obeyed=False,
        after="Their events go with them.",
    ),
    "tag": Noun(
        worded("tag"),
        worded("tags"),
        tags,
        tags.listed,
        "panel:tags",
        bulk_forms.plain(bulk_forms.BulkTagForm),
        obeyed=False,
        held=True,
    ),
    "tax": Noun(
        worded("tax"),
        worded("taxes"),
        taxes,
        taxes.listed,
        "panel:taxes",
        bulk_forms.tax_form,
        "Money",
        obeyed=False,
        held=True,
    ),
    "localization": Noun(
        worded("localization"),
        worded("localizations"),
        localizations,
        localizations.listed,
        "panel:localizations",
        bulk_forms.plain(bulk_forms.BulkLocalizationForm),
        obeyed=False,
        held=True,
    ),
    "department": Noun(
        worded("department"),
        worded("departments"),
        departments,
        departments.listed,
        "panel:departments",
        obeyed=False,
        held=True,
    ),
    "domain": Noun(
        worded("portal domain"),
        worded("portal domains"),
        portal_domains,
        portal_domains.listed,
        "panel:portal_domains",
        bulk_forms.domain_form,
        obeyed=False,
        held=True,
    ),
    "webhook": Noun(
        worded("webhook"),
        worded("webhooks"),
        webhooks,
        webhooks.listed,
        "panel:webhooks",
        bulk_forms.plain(bulk_forms.BulkWebhookForm),
        "System",
        obeyed=False,
        after="Their deliveries go with them, and stay gone.",
    ),
    "edge": Noun(
        worded("edge"),
        worded("edges"),
        edges,
        edges.listed,
        "panel:edges",
        bulk_forms.plain(bulk_forms.BulkEdgeForm),
        "System",
    ),
    "user": Noun(
        worded("user"),
        worded("users"),
        users,
        users.listed,
        "panel:users",
        bulk_forms.plain(bulk_forms.BulkUserForm),
        "System",
    ),
    "group": Noun(
        worded("group"),
        worded("groups"),
        groups,
        groups.listed,
        "panel:groups",
        bulk_forms.plain(bulk_forms.BulkGroupForm),
        "System",
        obeyed=False,
        held=True,
    ),
    "package": Noun(
        worded("package"),
        worded("packages"),
        customer_packages,
        customer_packages.listed,
        "panel:packages",
        bulk_forms.package_form,
        "Money",
        obeyed=False,
        held=True,
    ),
    "customer_card": Noun(
        worded("customer card"),
        worded("customer cards"),
        cards,
        _own_cards(cards.listed_customer_cards),
        "panel:customer_cards",
        bulk_forms.sold_card_form,
        obeyed=False,
        held=True,
        acts="card",
    ),
    "carrier_card": Noun(
        worded("carrier card"),
        worded("carrier cards"),
        cards,
        _own_cards(cards.listed_carrier_cards),
        "panel:carrier_cards",
        bulk_forms.plain(bulk_forms.BulkCardForm),
        "Buying",
        obeyed=False,
        held=True,
        acts="card",
    ),
    "access_number": Noun(
        worded("access number"),
        worded("access numbers"),
        access_numbers,
        access_numbers.listed,
        "panel:access_numbers",
        bulk_forms.plain(bulk_forms.BulkAccessNumberForm),
        held=True,
    ),
    "custom_page": Noun(
        worded("custom page"),
        worded("custom pages"),
        custom_pages,
        custom_pages.listed,
        "panel:custom_pages",
        bulk_forms.plain(bulk_forms.BulkCustomPageForm),
        "System",
        obeyed=False,
        after="The audit log keeps what they said.",
    ),
    "report": Noun(
        worded("report"),
        worded("reports"),
        reports,
        reports.listed,
        "panel:reports",
        bulk_forms.report_form,
        "Traffic",
        obeyed=False,
        after="What was mailed stays mailed.",
    ),
    "payment_gateway": Noun(
        worded("payment gateway"),
        worded("payment gateways"),
        payment_gateways,
        payment_gateways.listed,
        "panel:payment_gateways",
        bulk_forms.payment_gateway_form,
        "Money",
        obeyed=False,
        held=True,
    ),
    "dunning_step": Noun(
        worded("dunning step"),
        worded("dunning steps"),
        dunning,
        dunning.listed,
        "panel:dunning",
        bulk_forms.plain(bulk_forms.BulkStepForm),
        "Money",
        obeyed=False,
        after="What they have done stays done.",
    ),
    "invoice_template": Noun(
        worded("invoice template"),
        worded("invoice templates"),
        invoice_templates,
        invoice_templates.listed,
        "panel:invoice_templates",
        bulk_forms.invoice_template_form,
        "Money",
        obeyed=False,
        held=True,
    ),
    "template": Noun(
        worded("own template"),
        worded("own templates"),
        templates,
        templates.listed,
        "panel:templates",
        above="System",
        obeyed=False,
        after="Their messages say what they say in stock again, those of a portal domain what they say for everybody.",
    ),
    "sign_in_provider": Noun(
        worded("login provider"),
        worded("login providers"),
        sign_in,
        sign_in.listed,
        "panel:sign_in_providers",
        bulk_forms.provider_form,
        "System",
        obeyed=False,
        after="Whoever logged in by them stays, and needs a password.",
    ),
    "exchange_rate": Noun(
        worded("exchange rate"),
        worded("exchange rates"),
        exchange_rates,
        exchange_rates.listed,
        "panel:exchange_rates",
        above="Money",
        obeyed=False,
        after="What was converted by them keeps the rate it used.",
    ),
    "number_block": Noun(
        worded("number block"),
        worded("number blocks"),
        number_blocks,
        number_blocks.listed,
        "panel:number_blocks",
        obeyed=False,
        held=True,
    ),
    "voucher_batch": Noun(
        worded("voucher batch"),
        worded("voucher batches"),
        vouchers,
        vouchers.listed,
        "panel:vouchers",
        bulk_forms.plain(bulk_forms.BulkBatchForm),
        "Money",
        obeyed=False,
    ),
    "mandate": Noun(
        worded("mandate"),
        worded("mandates"),
        mandates,
        mandates.listed,
        "panel:mandates",
        bulk_forms.plain(bulk_forms.BulkMandateForm),
        "Money",
        obeyed=False,
    ),
    "invoice": Noun(
        worded("draft"),
        worded("drafts"),
        invoices,
        invoices.listed_drafts,
        "panel:invoices",
        above="Money",
        obeyed=False,
        after="What they bore may be billed again.",
    ),
    "carrier_statement": Noun(
        worded("carrier statement"),
        worded("carrier statements"),
        reconciliations,
        reconciliations.listed,
        "panel:carrier_statements",
        above="Buying",
        obeyed=False,
        held=True,
        after="Their files and lines go with them.",
    ),
    "dispute": Noun(
        worded("dispute"),
        worded("disputes"),
        carrier_disputes,
        carrier_disputes.listed,
        "panel:carrier_disputes",
        above="Buying",
        obeyed=False,
        held=True,
        after="Their lines are as if nobody had disputed them.",
    ),
}
