"""Payment gateways: their keys, currencies and surcharges, and the address that each is to be told.

The fields of a provider come from its row in gateways/payments; a key that is there is never shown again.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from tollgate.actions.payment_gateways import (
    create_payment_gateway,
    default_of,
    delete_payment_gateway,
    kept_secrets,
    notice_address,
    update_payment_gateway,
)
from tollgate.core.money import CURRENCIES
from tollgate.gateways.payments import PROVIDERS
from tollgate.panel.access import may, own_account, reading, writing
from tollgate.panel.cells import enabled_column, link
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, posted, press, saved
from tollgate.store.models import PaymentGateway
from tollgate.ui.columns import Column, Kind
from tollgate.ui.fields import SEARCHABLE, ExactField, MoneyField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.grid import Grid, respond
from tollgate.ui.sources import QuerysetSource
from tollgate.ui.words import as_is

LIST = Grid(
    name="payment_gateways",
    columns=(
        Column("title", "Gateway", sort="title", link=link("panel:payment_gateway", lambda row: row.pk)),
        Column("name", "Name", sort="name"),
        Column("provider", "Provider", value=lambda row: PROVIDERS[row.provider].title, sort="provider"),
        Column("mode", "Mode", value=lambda row: row.mode.capitalize(), kind=Kind.BADGE, tone={"live": "green"}),
        Column("currencies", "Currencies", value=lambda row: ", ".join(row.currencies)),
        enabled_column(),
    ),
    sort="title",
    searchable=False,
    ticks=True,
    empty_text="No gateways yet. Customers pay by bank transfer, or you set up a gateway such as Stripe or PayPal.",
    empty_url="/payment-gateways/new/",
    empty_action="Set up a gateway",
)


class PercentField(ExactField):
    """A percentage: decimal text, parts per million."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"unit": "%", "least": 0, "most": 500_000, "initial": 0, **options})

    def read(self, text: str) -> int:
        """Parts per million of the text."""
        micros = MoneyField().read(text)
        if micros % 100:
            raise ValueError("At most four decimals.")
        return micros // 100

    def write(self, value: int) -> str:
        """The shortest decimal."""
        return MoneyField().write(value * 100)


class NewGatewayForm(HouseForm):
    """What a gateway is; its keys follow."""

    name = forms.CharField(
        max_length=30, help_text="Small letters, such as stripe_eu; payments carry it, so it never changes"
    )
    provider = forms.ChoiceField(choices=[(name, row.title) for name, row in PROVIDERS.items()])


class GatewayForm(HouseForm):
    """A gateway's settings; those of its provider are added, but not for many at once."""

    widths = {"currencies": 8}
    versioned = True
    title = forms.CharField(max_length=100, help_text="What customers read")
    mode = forms.ChoiceField(choices=[("test", "Test: no real money"), ("live", "Live")])
    currencies = forms.MultipleChoiceField(widget=forms.SelectMultiple(attrs=SEARCHABLE))
    surcharge_micros = MoneyField(
        least=0, initial=0, label="Surcharge, fixed", help_text="In the currency that is paid; shown before paying"
    )
    surcharge_ppm = PercentField(label="Surcharge, of the amount")
    deduct_fees = forms.BooleanField(required=False, label="The gateway's fee is taken off what the customer gains")
    enabled = forms.BooleanField(required=False, label="Customers may pay by it")

    def __init__(self, *arguments: Any, gateway: PaymentGateway | None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        provider = None if gateway is None else PROVIDERS[gateway.provider]
        codes = self.fields["currencies"]
        assert isinstance(codes, forms.MultipleChoiceField)
        codes.choices = [(code, code) for code in sorted((provider and provider.currencies) or CURRENCIES)]
        if gateway is None or provider is None:
            return
        if not provider.tells_fees:
            del self.fields["deduct_fees"]
        kept = kept_secrets(gateway)
        for row in provider.fields:
            field = forms.CharField(max_length=2000, required=False, label=row.title)
            field.help_text = row.help or (f"Empty = {default_of(row.name, gateway)}" if row.default else "")
            attrs = {"class": "form-control", "data-width": "6", "autocomplete": "off"}
            if row.secret:
                field.widget = forms.PasswordInput(attrs={**attrs, "autocomplete": "new-password"})
                field.help_text = "Kept; type it only to change it" if row.name in kept else row.help
            else:
                field.widget.attrs.update(attrs)
                field.initial = gateway.settings.get(row.name, "")
            self.fields[f"{'secret' if row.secret else 'setting'}.{row.name}"] = field

    def arguments(self) -> dict[str, Any]:
        """What the act takes."""
        plain = {name: value for name, value in self.cleaned_data.items() if "." not in name}
        of = {
            kind: {name.partition(".")[2]: value for name, value in self.cleaned_data.items() if name.startswith(kind)}
            for kind in ("setting.", "secret.")
        }
        return {**plain, "settings": of["setting."], "secrets": of["secret."]}


@reading
def payment_gateways(request: HttpRequest) -> HttpResponseBase:
    """Every gateway."""
    grid, source = listed(request, request.GET.dict())
    way = crumbs(("Money", ""))
    return respond(
        request, grid, source, template="panel/payment_gateways.html", title="Payment gateways", breadcrumbs=way
    )


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user."""
    del parameters
    return LIST, QuerysetSource(queryset=PaymentGateway.objects.filter(account=own_account(request)))


@writing("create_payment_gateway", shown_to_all=False)
def new_payment_gateway(request: HttpRequest) -> HttpResponseBase:
    """A new gateway, still disabled, because its keys are missing."""
    form = NewGatewayForm(posted(request))
    back = reverse("panel:payment_gateways")
    if form.is_valid():
        given = {**form.cleaned_data, "account_id": own_account(request).pk, "enabled": False}
        done = saved(request, form, create_payment_gateway, **given)
        if done is not None:
            page = reverse("panel:payment_gateway", args=[done.pk])
            return after_save(request, "Now enter its keys and enable it.", form_url=page, done_url=page)
    way = crumbs(("Money", ""), ("Payment gateways", back))
    return render_form(request, form, title="New gateway", breadcrumbs=way, back_url=back, save_title="Next")


@writing("update_payment_gateway")
def payment_gateway(request: HttpRequest, payment_gateway_id: int) -> HttpResponseBase:
    """A gateway's settings, and the address for its notices."""
    found = _gateway(request, payment_gateway_id)
    names = ("title", "mode", "currencies", "surcharge_micros", "surcharge_ppm", "deduct_fees", "enabled", "version")
    start = {name: getattr(found, name) for name in names}
    form = GatewayForm(posted(request), initial=start, gateway=found)
    back = reverse("panel:payment_gateways")
    if form.is_valid():
        done = saved(request, form, update_payment_gateway, payment_gateway_id=found.pk, **form.arguments())
        if done is not None:
            return after_save(request, f"{done.title} is saved.", form_url=request.path, done_url=back)
    return render_form(
        request,
        form,
        template="panel/payment_gateway.html",
        title=as_is(found.title),
        breadcrumbs=crumbs(("Money", ""), ("Payment gateways", back)),
        back_url=back,
        can_stay=True,
        read_only=not may(request, "update_payment_gateway"),
        gateway=found,
        notice_address=notice_address(found) if PROVIDERS[found.provider].notifies else "",
    )


@writing("delete_payment_gateway", shown_to_all=False)
def remove_payment_gateway(request: HttpRequest, payment_gateway_id: int) -> HttpResponseBase:
    """Removes a gateway that was never used, once its name is typed."""
    found = _gateway(request, payment_gateway_id)
    if request.method == "POST" and request.POST.get("confirmation") == found.name:
        gone = press(request, delete_payment_gateway, f"{found.title} is removed.", payment_gateway_id=found.pk)
        return redirect("panel:payment_gateways") if gone else redirect("panel:payment_gateway", found.pk)
    return redirect("panel:payment_gateway", found.pk)


def _gateway(request: HttpRequest, payment_gateway_id: int) -> PaymentGateway:
    return get_object_or_404(PaymentGateway, pk=payment_gateway_id, account=own_account(request))


urlpatterns = [
    path("payment-gateways/", payment_gateways, name="payment_gateways"),
    path("payment-gateways/new/", new_payment_gateway, name="payment_gateway_new"),
    path("payment-gateways/<int:payment_gateway_id>/", payment_gateway, name="payment_gateway"),
    path("payment-gateways/<int:payment_gateway_id>/delete/", remove_payment_gateway, name="payment_gateway_delete"),
]
