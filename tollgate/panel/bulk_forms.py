"""The forms of bulk edits: those of one record, without its version, for the fields that may be the same for many.

A bulk edit leaves the chosen fields in the form. To offer another noun, add its form and name it in bulk_nouns.py.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from django.http import HttpRequest

from tollgate.actions import dids
from tollgate.actions.reports import BOUGHT
from tollgate.actions.routes import OPERATED
from tollgate.panel import customer_packages
from tollgate.panel.access import own_account, reach, rights
from tollgate.panel.access_numbers import AccessNumberForm
from tollgate.panel.alerts import AlertForm
from tollgate.panel.aliases import AliasForm
from tollgate.panel.cards import CardForm
from tollgate.panel.carriers import CarrierForm
from tollgate.panel.cli_rules import CliRuleForm, signing
from tollgate.panel.conferences import RoomForm
from tollgate.panel.contacts import ContactForm
from tollgate.panel.custom_pages import CustomPageForm
from tollgate.panel.customer_forms import MovedCustomerForm
from tollgate.panel.customer_packages import PackageForm
from tollgate.panel.did_forms import DidForm
from tollgate.panel.dunning import StepForm
from tollgate.panel.edges import EdgeForm
from tollgate.panel.endpoint_forms import EndpointForm
from tollgate.panel.gateways import GatewayForm
from tollgate.panel.groups import GroupForm
from tollgate.panel.invoice_templates import InvoiceTemplateForm
from tollgate.panel.localizations import LocalizationForm
from tollgate.panel.mandates import MandateUseForm
from tollgate.panel.payment_gateways import GatewayForm as PaymentGatewayForm
from tollgate.panel.portal_domain_forms import PortalDomainForm
from tollgate.panel.reports import ReportForm
from tollgate.panel.routes import RouteForm
from tollgate.panel.sign_in import ProviderForm
from tollgate.panel.tags import TagForm
from tollgate.panel.taxes import TaxForm
from tollgate.panel.users import UserForm
from tollgate.panel.vouchers import BatchChangeForm
from tollgate.panel.webhooks import WebhookForm
from tollgate.store.models import Customer, Package
from tollgate.ui.forms import HouseForm


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


class BulkDidForm(_Loose, DidForm):
    """Some of a DID's fields, for many: with a customer they are its, without one they go back into the inventory."""


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


class BulkAccessNumberForm(_Loose, AccessNumberForm):
    """How much guessing many access numbers stand, and whether they are in use."""


class BulkCustomPageForm(_Loose, CustomPageForm):
    """To whom many pages are shown, and whether."""


class BulkReportForm(_Loose, ReportForm):
    """What many reports tell beside their groups, when, and to whom."""


class BulkPaymentGatewayForm(_Loose, PaymentGatewayForm):
    """What payments by many gateways cost, and whether they are in use."""


class BulkStepForm(_Loose, StepForm):
    """When many steps are taken, what they do, and whether."""


class BulkInvoiceTemplateForm(_Loose, InvoiceTemplateForm):
    """Language, color, texts and columns of many templates."""


class BulkProviderForm(_Loose, ProviderForm):
    """What of the word of many providers counts here."""


class BulkMandateForm(_Loose, MandateUseForm):
    """How many mandates are used."""


class BulkBatchForm(_Loose, BatchChangeForm):
    """Whether the vouchers of many batches may be used, and until when."""


def customer_form(request: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """Amounts are in the customers' own currency, which is told when they share one."""
    currencies = list(Customer.objects.filter(pk__in=ids).order_by().values_list("currency", flat=True).distinct()[:2])
    currency = currencies[0] if len(currencies) == 1 else ""
    return BulkCustomerForm(*arguments, request=request, currency=currency, **options)


def cli_rule_form(request: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """What is signed is the operator's to say."""
    del ids
    return signing(request, BulkCliRuleForm(*arguments, **options))


def contact_form(request: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """Departments are the account's."""
    del ids
    return BulkContactForm(*arguments, account_id=own_account(request).pk, **options)


def alert_form(request: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """Thresholds are in the unit of each alert's area."""
    del ids
    return BulkAlertForm(*arguments, request=request, **options)


def room_form(request: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """Where the calls of rooms go is the operator's to say."""
    del ids
    form = BulkRoomForm(*arguments, numbers_url="", free=None, **options)
    return form if reach(request) is None else _without(form, ("host", "port", "transport"))


def route_form(request: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """Carriers are the operator's to choose; a reseller's users choose the card route by route."""
    del ids
    account = own_account(request)
    form = BulkRouteForm(*arguments, owner=account, may_record=account.recording, **options)
    return form if reach(request) is None else _without(form, ("card_id", *OPERATED))


def did_form(request: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """The cards of resellers are asked for once the customer is named, or where all have the same."""
    owners = list(Customer.objects.filter(dids__in=ids).distinct()[:2])
    form = BulkDidForm(*arguments, request=request, owner=owners[0] if len(owners) == 1 else None, **options)
    form.fields["customer_id"].initial = None
    form.wait_for_sellers()
    return form if reach(request) is None else _without(form, ("card_id", *sorted(dids.OPERATED)))


def tax_form(request: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """Fixed parts are in the account's currency."""
    del ids
    return BulkTaxForm(*arguments, currency=own_account(request).currency, **options)


def domain_form(request: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """A logo is a file, which is brought domain by domain."""
    del ids
    form = BulkPortalDomainForm(*arguments, account=own_account(request), **options)
    return _without(form, ("logo", "logo_removed"))


def package_form(_: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """Prices are in the packages' own currency, which is told when they share one."""
    form = BulkPackageForm(*arguments, **options)
    currencies = list(Package.objects.filter(pk__in=ids).order_by().values_list("currency", flat=True).distinct()[:2])
    for name in customer_packages.PRICES:
        form.set_unit(name, currencies[0] if len(currencies) == 1 else "")
    return form


def sold_card_form(_: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """Only a carrier card puts a prefix before the number."""
    del ids
    return _without(BulkCardForm(*arguments, **options), ("tech_prefix",))


def report_form(request: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """What tells of carriers is for those who may read that."""
    del ids
    form = BulkReportForm(*arguments, **options)
    if not rights(request).reads(BOUGHT):
        form.hide_bought()
    return form


def payment_gateway_form(_: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """Keys are entered gateway by gateway."""
    del ids
    return BulkPaymentGatewayForm(*arguments, gateway=None, **options)


def invoice_template_form(_: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """A logo is a file, which is brought template by template."""
    del ids
    return _without(BulkInvoiceTemplateForm(*arguments, **options), ("logo", "logo_removed"))


def provider_form(_: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
    """Which portal a provider serves is said provider by provider."""
    del ids
    return BulkProviderForm(*arguments, domains={}, **options)


def _without(form: HouseForm, names: Sequence[str]) -> HouseForm:
    for name in names:
        del form.fields[name]
    return form


def plain(form: type[HouseForm]) -> Callable[..., HouseForm]:
    """A form that asks nothing of the request or of the records."""

    def made(_: HttpRequest, *arguments: Any, ids: Sequence[int], **options: Any) -> HouseForm:
        del ids
        return form(*arguments, **options)

    return made
