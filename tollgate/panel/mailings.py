"""Mailings: a mail or an SMS to every contact of the customers ticked in their list, or of all that the list finds.

It is sent by a job (tasks.py). The list sends here what it sends to a bulk edit (bulk.py), by GET or POST.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path, reverse

from tollgate.actions.mailings import Mailing, send_bulk_email, send_bulk_sms
from tollgate.panel import bulk, bulk_nouns
from tollgate.panel.access import own_account, writing
from tollgate.panel.choosable import sold_cards
from tollgate.panel.company import CardsField, name_one_of
from tollgate.panel.delay_edits import edited
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, saved
from tollgate.store.models import Card, Customer
from tollgate.store.queries.finding import among
from tollgate.ui.forms import HouseForm, render_form

SHOWN = 20
VALUES_HINT = "May use {{name}}, {{email}}, {{company.name}}, {{brand}}, {{account.name}} and helpers of templates"
MARKETING_HINT = "Left out for contacts who want no marketing"


class EmailForm(HouseForm):
    """A mail to many."""

    widths = {"subject": 12, "text": 6, "html": 6, "card_ids": 6, "marketing": 6}
    subject = forms.CharField(max_length=500, help_text=VALUES_HINT)
    text = forms.CharField(widget=forms.Textarea(attrs={"rows": 14}))
    html = forms.CharField(
        label="HTML", required=False, widget=forms.Textarea(attrs={"rows": 14}), help_text="Empty: made from the text"
    )
    card_ids = CardsField(
        "sold_card",
        label="Attach customer cards",
        required=False,
        help_text="As CSV, with the prices in force; several with semicolons between",
    )
    marketing = forms.BooleanField(
        label="Marketing",
        required=False,
        help_text=f"{MARKETING_HINT}; every mail has a link by which its reader ends it",
    )

    def __init__(self, *arguments: Any, known: QuerySet[Card], currencies: Sequence[str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        name_one_of(self, known, field="card_ids", currency=currencies)
        if not known.exists():
            del self.fields["card_ids"]


class SmsForm(HouseForm):
    """An SMS to many."""

    widths = {"text": 12, "marketing": 12}
    text = forms.CharField(max_length=1000, widget=forms.Textarea(attrs={"rows": 5}), help_text=VALUES_HINT)
    marketing = forms.BooleanField(
        label="Marketing",
        required=False,
        help_text=f"{MARKETING_HINT}; every SMS has a link by which its reader ends it",
    )


@writing("send_bulk_email", shown_to_all=False)
def email(request: HttpRequest) -> HttpResponseBase:
    """A mail to every contact of the chosen customers."""
    account = own_account(request)
    customers = _chosen(request)
    currencies = customers.currencies
    form = EmailForm(_sent(request), known=sold_cards(request, currencies), currencies=currencies)
    if form.is_valid():
        given = {"account_id": account.pk, "customer_ids": customers.ids, **form.cleaned_data}
        done = saved(request, form, send_bulk_email, **given)
        if done is not None:
            return _done(request, done, "mail")
    return _page(request, form, customers, "Mail to customers")


@writing("send_bulk_sms", shown_to_all=False)
def sms(request: HttpRequest) -> HttpResponseBase:
    """An SMS to every contact of the chosen customers."""
    customers = _chosen(request)
    form = SmsForm(_sent(request))
    if form.is_valid():
        given = {"account_id": own_account(request).pk, "customer_ids": customers.ids, **form.cleaned_data}
        done = saved(request, form, send_bulk_sms, **given)
        if done is not None:
            return _done(request, done, "SMS")
    return _page(request, form, customers, "SMS to customers")


def _sent(request: HttpRequest) -> Any:
    """The words; a POST of what the list sends only opens the page."""
    return request.POST if "text" in request.POST else None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The customers ticked, or all found: their ids, and of some of them the names."""

    ids: Sequence[int]
    shown: Sequence[Customer]
    currencies: Sequence[str]


def _chosen(request: HttpRequest) -> Chosen:
    """As far as this user may see them; nobody writes to deleted ones."""
    waiting = edited(request)
    ids = bulk.chosen(request, bulk_nouns.NOUNS["customer"]) if waiting is None else waiting.arguments["customer_ids"]
    found = Customer.objects.filter(among("pk", ids), deleted_at=None).only("name", "currency")
    known = list(found.order_by("pk").values_list("pk", flat=True)) if ids else []
    currencies = found.order_by("currency").values_list("currency", flat=True).distinct() if ids else []
    return Chosen(known, list(found.order_by("name")[:SHOWN]) if ids else [], list(currencies))


def _done(request: HttpRequest, mailing: Mailing, what: str) -> HttpResponseBase:
    left_out = [
        f"{count} {why}"
        for count, why in (
            (mailing.unwanted_count, "want no marketing"),
            (mailing.without_address_count, "have no address for it"),
        )
        if count
    ]
    told = f"; of the other contacts {' and '.join(left_out)}" if left_out else ""
    said = f"{mailing.queued_count} {what} queued{told}."
    page = reverse("panel:task", args=[mailing.task_id]) if mailing.task_id else reverse("panel:customers")
    return after_save(request, said, form_url=page, done_url=page, later_url=reverse("panel:customers"))


def _page(request: HttpRequest, form: HouseForm, customers: Chosen, title: str) -> HttpResponseBase:
    kept = bulk.kept(request) if edited(request) is None else []
    return render_form(
        request,
        form,
        template="panel/mailing.html",
        title=title,
        breadcrumbs=crumbs(("Selling", ""), ("Customers", reverse("panel:customers"))),
        back_url=reverse("panel:customers"),
        save_title="Send",
        kept=kept,
        all_found=("scope", "all") in kept,
        shown=customers.shown,
        more_count=max(len(customers.ids) - SHOWN, 0),
        count=len(customers.ids),
        read_only=not customers.ids,
    )


urlpatterns = [
    path("mailings/email/", email, name="mailing_email"),
    path("mailings/sms/", sms, name="mailing_sms"),
]
