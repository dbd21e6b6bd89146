"""Bulk edits and deletions of what is ticked in a list, or of all that the list finds.

A list sends its ticks here (`id`), or `scope=all` with `query`, the state of its address: its `actions` block includes
`panel/bulk_menu.html`. A page of another kind that a list sends to reads it by `chosen` and carries it along by `kept`.
To offer another noun, add its line to `NOUNS`: what its list finds, and the form whose fields may be changed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse

from tollgate.actions.acts import ACTS
from tollgate.actions.bulk import DELETES, EDITS, start_bulk_delete, start_bulk_edit
from tollgate.actions.routes import OPERATED
from tollgate.actions.tasks import MOST_ROWS
from tollgate.core.areas import area_of_page
from tollgate.panel import (
    alerts,
    aliases,
    carriers,
    cli_rules,
    clis,
    conferences,
    contacts,
    customer_lists,
    customers,
    endpoints,
    gateways,
    routes,
)
from tollgate.panel.access import may, own_account, reach, rights, writing
from tollgate.panel.alerts import AlertForm
from tollgate.panel.aliases import AliasForm
from tollgate.panel.carriers import CarrierForm
from tollgate.panel.cli_rules import CliRuleForm
from tollgate.panel.conferences import RoomForm
from tollgate.panel.contacts import ContactForm
from tollgate.panel.customer_forms import MovedCustomerForm
from tollgate.panel.endpoint_forms import EndpointForm
from tollgate.panel.frame import crumbs
from tollgate.panel.gateways import GatewayForm
from tollgate.panel.mail_settings import ID_DIGITS_MOST
from tollgate.panel.routes import RouteForm
from tollgate.panel.saving import posted, saved
from tollgate.panel.tasks import begun
from tollgate.store.models import Customer
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Choice, Grid, View
from tollgate.ui.sources import QuerysetSource

SHOWN: Final = 20
KEPT: Final = ("id", "scope", "query", "field")
"""What the pages carry along: whom it is about, and what is to change."""

Listed = Callable[[HttpRequest, Mapping[str, str]], tuple[Grid, QuerysetSource]]


@dataclass(frozen=True, slots=True)
class Noun:
    """One noun: the module of its pages, its list's grid and source, the page of the list, the form of what may be
    edited; `obeyed` says that calls go by it."""

    many: str
    pages: ModuleType
    listed: Listed
    page: str
    form: Callable[..., HouseForm] | None = None
    above: str = "Selling"
    obeyed: bool = True


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


class DeleteForm(HouseForm):
    """How many they are, typed, so that nobody deletes what he did not count on."""

    widths = {"confirmation": 6}
    confirmation = forms.CharField(max_length=20)

    def __init__(self, *arguments: Any, count: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.count = count
        self.fields["confirmation"].label = f"Type {count} to go on"

    def clean_confirmation(self) -> str:
        """The number of records."""
        text: str = self.cleaned_data["confirmation"].replace(",", "")
        if text != str(self.count):
            raise forms.ValidationError(f"Type {self.count} to delete them.")
        return text


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
}


@writing("start_bulk_edit", shown_to_all=False)
def edit(request: HttpRequest, noun: str) -> HttpResponseBase:
    """First which fields, then their values."""
    found = _noun(request, noun, EDITS[noun].act if noun in EDITS else "")
    ids = chosen(request, found)
    if not ids:
        return _nobody(request, found)
    fields = _sent(request).getlist("field")
    assert found.form is not None  # what is edited has one
    form = found.form(request, posted(request), ids=ids)
    open_ones = {name for name, field in form.fields.items() if not field.disabled}
    offered = (open_ones & EDITS[noun].checks.keys()) - EDITS[noun].single
    fields = [name for name in form.fields if name in offered and name in fields]
    context = _context(request, found, ids, f"Edit {len(ids):,} {found.many}")
    if not fields:
        sheets = [(title, [form[name] for name in names if name in offered]) for title, names in form.tabs]
        named = [(title, bound) for title, bound in sheets if bound] or [("", [form[name] for name in sorted(offered)])]
        return render(request, "panel/bulk_fields.html", {**context, "sheets": named})
    _only(form, fields)
    if form.is_valid():
        changes = {name: form.cleaned_data[name] for name in fields}
        account = own_account(request).pk
        task = saved(request, form, start_bulk_edit, account_id=account, noun=noun, record_ids=ids, changes=changes)
        if task is not None:
            return begun(request, task)
    return render_form(request, form, template="panel/bulk_edit.html", save_title=f"Change {len(ids):,}", **context)


@writing("start_bulk_delete", shown_to_all=False)
def delete(request: HttpRequest, noun: str) -> HttpResponseBase:
    """After a look at who they are."""
    found = _noun(request, noun, DELETES[noun].act if noun in DELETES else "")
    ids = chosen(request, found)
    if not ids:
        return _nobody(request, found)
    form = DeleteForm(posted(request), count=len(ids))
    if form.is_valid():
        task = saved(request, form, start_bulk_delete, account_id=own_account(request).pk, noun=noun, record_ids=ids)
        if task is not None:
            return begun(request, task)
    context = _context(request, found, ids, f"Delete {len(ids):,} {found.many}?")
    said = {"restored": f"restore_{noun}" in ACTS, "obeyed": found.obeyed}
    return render_form(request, form, template="panel/bulk_delete.html", **said, **context)


def _only(form: HouseForm, names: Sequence[str]) -> None:
    """Leaves these fields in the form, on one sheet, and none of them with a value that somebody else's record has."""
    boxes = getattr(form, "confirmed_by", {})
    names = [*names, *(boxes[name] for name in names if name in boxes)]
    for name in list(form.fields):
        if name not in names:
            del form.fields[name]
    form.tabs = [("", list(names))]  # type: ignore[misc]  # of this form alone
    for field in form.fields.values():
        field.initial = False if isinstance(field, forms.BooleanField) else field.initial


def chosen(request: HttpRequest, noun: Noun) -> list[int]:
    """The ids ticked, as far as this user may see them; or of all that the list finds."""
    sent = _sent(request)
    if sent.get("scope") == "all":
        parameters = QueryDict(sent.get("query", "")[:4000]).dict()
        grid, source = noun.listed(request, parameters)
        view = View.read(grid, parameters, Choice(), source)
        rows = source.ordered(replace(view.query, after=None, back=False))
        return list(rows.values_list("pk", flat=True)[: MOST_ROWS + 1]) if not view.errors else []
    words = sent.getlist("id")[:MOST_ROWS]
    ids = [int(word) for word in words if word.isdecimal() and len(word) < ID_DIGITS_MOST]
    if not ids:
        return []
    _, source = noun.listed(request, {})
    return list(source.queryset.filter(pk__in=ids).order_by("pk").values_list("pk", flat=True))


def kept(request: HttpRequest) -> list[tuple[str, str]]:
    """What a page sends along, so that the next one is about the same."""
    sent = _sent(request)
    return [(name, value) for name in KEPT for value in sent.getlist(name)]


def _sent(request: HttpRequest) -> QueryDict:
    return request.POST if request.method == "POST" else request.GET


def _context(request: HttpRequest, noun: Noun, ids: Sequence[int], title: str) -> dict[str, Any]:
    return {
        "title": title,
        "breadcrumbs": crumbs((noun.above, ""), (noun.many[:1].upper() + noun.many[1:], reverse(noun.page))),
        "back_url": reverse(noun.page),
        "kept": kept(request),
        "count": len(ids),
        "many": noun.many,
        "all_found": _sent(request).get("scope") == "all",
    }


def _nobody(request: HttpRequest, noun: Noun) -> HttpResponseBase:
    messages.error(request, f"Tick {noun.many} in the list first.")
    return redirect(noun.page)


def _noun(request: HttpRequest, noun: str, act: str) -> Noun:
    if noun not in NOUNS or not act:
        raise Http404("These are not changed in bulk.")
    if not may(request, act):
        raise PermissionDenied(f"This needs the permission “{act}”.")
    if not rights(request).reads(area_of_page(NOUNS[noun].pages.__name__)):
        raise PermissionDenied(f"None of your groups may read {NOUNS[noun].many}.")
    return NOUNS[noun]


urlpatterns = [
    path("bulk/<slug:noun>/edit/", edit, name="bulk_edit"),
    path("bulk/<slug:noun>/delete/", delete, name="bulk_delete"),
]
