"""Vouchers: batches, what became of each voucher, and their codes as a file, once."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.acts import Invalid, acting
from tollgate.actions.vouchers import (
    MOST_COUNT,
    create_voucher_batch,
    disable_voucher,
    export_voucher_codes,
    update_voucher_batch,
)
from tollgate.core.payments import MOST_MULTIPLIER_MILLI, SURPRISING_MILLI
from tollgate.panel.access import actor, may, own_account, reading, writing
from tollgate.panel.cells import enabled_column, link
from tollgate.panel.fields import CpsField, InstantField, choices
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, posted, reason, saved
from tollgate.store.models import Voucher, VoucherBatch
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import CurrencyField, MoneyField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Filter, Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is, worded

STATES = ("available", "waiting", "used", "disabled")
TONES = {"available": "green", "waiting": "yellow", "used": "gray", "disabled": "red"}


def factor(milli: int) -> str:
    """A multiplier as people write it."""
    return CpsField().write(milli)


LIST = Grid(
    name="voucher_batches",
    columns=(
        Column("name", "Batch", sort="name", link=link("panel:voucher_batch", lambda row: row.pk)),
        Column("count", "Vouchers", kind=Kind.COUNT, sort="count"),
        Column("used", "Used", value="used_count", kind=Kind.COUNT),
        Column("multiplier", "Multiplier", value=lambda row: factor(row.multiplier_milli), right=True),
        Column("addition", "Addition", value="addition_micros", kind=Kind.MONEY, currency="currency"),
        Column(
            "minimum", "Minimum activation", value="minimum_micros", kind=Kind.MONEY, currency="currency", apart=True
        ),
        Column("expires_at", "Expires (UTC)", kind=Kind.INSTANT, sort="expires_at"),
        Column("exported_by", "Codes exported by"),
        Column("created_at", "Made (UTC)", kind=Kind.INSTANT, sort="created_at", minor=True),
        enabled_column(),
    ),
    sort="-created_at",
    ticks=True,
    empty_text="No vouchers yet. A batch makes as many codes as you like, each worth the same, each used once.",
    empty_url="/vouchers/new/",
    empty_action="Make vouchers",
)


def _menu(row: Any) -> list[tuple[str, str]]:
    """What may be done with a voucher that was not used."""
    if row.state in ("used", "disabled"):
        return []
    return [("Disable", reverse("panel:voucher_disable", args=[row.batch_id, row.pk]))]


OF_BATCH = Grid(
    name="vouchers",
    columns=(
        Column("serial", "Serial", sort="serial"),
        Column("state", "State", value=lambda row: row.state.capitalize(), kind=Kind.BADGE, tone=TONES, sort="state"),
        Column(
            "customer",
            "Customer",
            value="customer.name",
            link=link("panel:customer_payments", lambda row: row.customer_id),
        ),
        Column("used_at", "Used (UTC)", kind=Kind.INSTANT, sort="used_at"),
        Column("payment", "Credit", value="payment_id", link=link("panel:payment", lambda row: row.payment_id)),
        Column("disable", "Action", value=_menu, kind=Kind.MENU),
    ),
    filters=(Filter("state", "State", "state", choices=tuple(choices(*STATES))),),
    sort="serial",
    searchable=False,
)


class BatchForm(HouseForm):
    """A new batch."""

    widths = {"name": 8, "confirm": 12}
    name = forms.CharField(max_length=100, help_text="Such as Spring 2027; customers read it beside their credit")
    currency = CurrencyField()
    count = forms.IntegerField(min_value=1, max_value=MOST_COUNT, initial=100, label="How many")
    minimum_micros = MoneyField(
        least=0, initial=0, label="Minimum activation", help_text="The least payment it works with; 0 = free credit"
    )
    multiplier_milli = CpsField(
        label="Multiplier",
        least=1000,
        most=MOST_MULTIPLIER_MILLI,
        initial=1000,
        unit="",
        help_text="1.1 gives ten percent more, rounded down to the currency's smallest coin",
    )
    addition_micros = MoneyField(least=0, initial=0, label="Addition", help_text="Given beside what was paid")
    expires_at = InstantField(label="Expires at (UTC)", required=False)
    confirm = forms.BooleanField(
        required=False, label=f"A multiplier of {factor(SURPRISING_MILLI)} or more is meant as it is written"
    )


class BatchChangeForm(HouseForm):
    """What may be changed on a batch."""

    enabled = forms.BooleanField(required=False, label="Its vouchers may be used")
    expires_at = InstantField(label="Expires at (UTC)", required=False, help_text="Empty: never")


@reading
def vouchers(request: HttpRequest) -> HttpResponseBase:
    """Every batch."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Money", ""))
    return respond(request, grid, source, template="panel/vouchers.html", title="Vouchers", breadcrumbs=way)


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    used = Count("vouchers", filter=Q(vouchers__state="used"))
    found = VoucherBatch.objects.filter(account=own_account(request)).annotate(used_count=used)
    return LIST, QuerysetSource(queryset=found, search=("name__icontains",))


@writing("create_voucher_batch", shown_to_all=False)
def new_voucher_batch(request: HttpRequest) -> HttpResponseBase:
    """Makes vouchers."""
    account = own_account(request)
    form = BatchForm(posted(request), initial={"currency": account.currency})
    back = reverse("panel:vouchers")
    if form.is_valid():
        done = saved(request, form, create_voucher_batch, account_id=account.pk, **form.cleaned_data)
        if done is not None:
            page = reverse("panel:voucher_batch", args=[done.pk])
            return after_save(request, "The vouchers are made. Download their codes.", form_url=page, done_url=page)
    way = crumbs(("Money", ""), ("Vouchers", back))
    return render_form(request, form, title="New vouchers", breadcrumbs=way, back_url=back, save_title="Make them")


@reading
def voucher_batch(request: HttpRequest, voucher_batch_id: int) -> HttpResponseBase:
    """One batch with its vouchers."""
    batch = _batch(request, voucher_batch_id)
    found = Voucher.objects.filter(batch=batch).select_related("customer")
    return respond(
        request,
        OF_BATCH,
        QuerysetSource(queryset=found),
        template="panel/voucher_batch.html",
        title=as_is(batch.name),
        breadcrumbs=crumbs(("Money", ""), ("Vouchers", reverse("panel:vouchers"))),
        batch=batch,
        multiplier=factor(batch.multiplier_milli),
    )


@writing("update_voucher_batch")
def edit_voucher_batch(request: HttpRequest, voucher_batch_id: int) -> HttpResponseBase:
    """Switches a batch off or on, or moves its end."""
    batch = _batch(request, voucher_batch_id)
    page = reverse("panel:voucher_batch", args=[batch.pk])
    form = BatchChangeForm(posted(request), initial={"enabled": batch.enabled, "expires_at": batch.expires_at})
    if form.is_valid():
        done = saved(request, form, update_voucher_batch, voucher_batch_id=batch.pk, **form.cleaned_data)
        if done is not None:
            return after_save(request, "The vouchers are saved.", form_url=request.path, done_url=page)
    way = crumbs(("Money", ""), ("Vouchers", reverse("panel:vouchers")), (as_is(batch.name), page))
    read_only = not may(request, "update_voucher_batch")
    return render_form(request, form, title="Change", breadcrumbs=way, back_url=page, read_only=read_only)


@writing("export_voucher_codes", shown_to_all=False)
def export_codes(request: HttpRequest, voucher_batch_id: int) -> HttpResponseBase:
    """The codes as a file: this once."""
    batch = _batch(request, voucher_batch_id)
    if request.method != "POST":
        return redirect("panel:voucher_batch", batch.pk)
    try:
        with acting(actor(request, reason(request))):
            codes = export_voucher_codes(voucher_batch_id=batch.pk)
    except Invalid as invalid:
        messages.error(request, " ".join(word for words in invalid.errors.values() for word in words))
        return redirect("panel:voucher_batch", batch.pk)
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(["serial", "code"])
    rows.writerows(enumerate(codes, 1))
    answer = HttpResponse(written.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="vouchers-{batch.pk}.csv"'
    answer["Cache-Control"] = "no-store"
    return answer


@writing("disable_voucher", shown_to_all=False)
def disable(request: HttpRequest, voucher_batch_id: int, voucher_id: int) -> HttpResponseBase:
    """Asks, and then makes one voucher useless."""
    batch = _batch(request, voucher_batch_id)
    voucher = get_object_or_404(Voucher, pk=voucher_id, batch=batch)
    page = reverse("panel:voucher_batch", args=[batch.pk])
    form = HouseForm(posted(request))
    if form.is_valid() and saved(request, form, disable_voucher, voucher_id=voucher.pk) is not None:
        return after_save(request, f"Voucher {voucher.serial} is disabled.", form_url=page, done_url=page)
    way = crumbs(("Money", ""), ("Vouchers", reverse("panel:vouchers")), (as_is(batch.name), page))
    title = worded("Disable voucher {serial}", serial=voucher.serial)
    lead = "Nobody can redeem its code from then on. The other vouchers of the batch stay as they are."
    return render_form(request, form, title=title, breadcrumbs=way, back_url=page, save_title="Disable it", lead=lead)


def _batch(request: HttpRequest, voucher_batch_id: int) -> VoucherBatch:
    return get_object_or_404(VoucherBatch, pk=voucher_batch_id, account=own_account(request))


urlpatterns = [
    path("vouchers/", vouchers, name="vouchers"),
    path("vouchers/new/", new_voucher_batch, name="voucher_batch_new"),
    path("vouchers/<int:voucher_batch_id>/", voucher_batch, name="voucher_batch"),
    path("vouchers/<int:voucher_batch_id>/edit/", edit_voucher_batch, name="voucher_batch_edit"),
    path("vouchers/<int:voucher_batch_id>/codes/", export_codes, name="voucher_codes"),
    path("vouchers/<int:voucher_batch_id>/<int:voucher_id>/disable/", disable, name="voucher_disable"),
]
