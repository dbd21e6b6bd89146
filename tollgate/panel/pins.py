"""PINs of customers: drawn and shown once, chosen, or taken away. The part of a customer's page draws `of_customer`."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse

from tollgate.actions.pins import clear_pin, generate_pin, set_pin
from tollgate.core.pins import LONGEST
from tollgate.panel.access import own_account, own_customers, reach, writing
from tollgate.panel.fields import pick
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, posted, press, saved
from tollgate.store.models import AccessNumber, Customer, Pin
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.words import as_is, worded

EVERYWHERE = "All access numbers"
MOST_SHOWN = 1000


class DrawForm(HouseForm):
    """Where a PIN holds."""

    widths = {"access_number_id": 6}
    access_number_id = pick("Holds at", [], required=False, help_text="The PIN before is void at once")

    def __init__(self, *arguments: Any, places: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["access_number_id"].choices = [("", EVERYWHERE), *places]  # type: ignore[attr-defined]  # a choice


class ChoiceForm(DrawForm):
    """A PIN that somebody has chosen."""

    widths = {"pin": 6, **DrawForm.widths}
    pin = forms.CharField(
        max_length=LONGEST,
        label="PIN",
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric", "spellcheck": "false"}),
    )
    field_order = ("pin", "access_number_id")


def of_customer(request: HttpRequest, customer: Customer) -> dict[str, object]:
    """What the customer's page says of its PIN."""
    held = Pin.objects.filter(customer=customer).select_related("access_number").first()
    return {"pin": held, "may_choose_pin": reach(request) is None}


@writing("generate_pin", shown_to_all=False)
def draw_pin(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Draws a PIN; it is shown on the next page and never again."""
    customer = _customer(request, customer_id)
    form = DrawForm(posted(request), initial=_held_at(customer), places=_places(request))
    if form.is_valid():
        given = saved(request, form, generate_pin, customer_id=customer.pk, **form.cleaned_data)
        if given is not None:
            context = {
                "title": worded("{name}: new PIN", name=customer.name),
                "breadcrumbs": _way(customer),
                "given": given,
                "back_url": _back(customer),
            }
            answer = render(request, "panel/pin_given.html", context)
            answer["Cache-Control"] = "no-store"
            return answer
    return _form_page(
        request, form, customer, title=worded("{name}: draw a PIN", name=customer.name), save_title="Draw a PIN"
    )


@writing("set_pin", shown_to_all=False)
def choose_pin(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Takes a PIN that somebody has chosen."""
    customer = _customer(request, customer_id)
    length = customer.account.pin_length
    form = ChoiceForm(posted(request), initial=_held_at(customer), places=_places(request))
    form.fields["pin"].help_text = f"{length} digits. Kept as a keyed hash only"
    if form.is_valid():
        done = saved(request, form, set_pin, customer_id=customer.pk, **form.cleaned_data)
        if done is not None:
            words = f"{customer.name} has a new PIN."
            return after_save(request, words, form_url=request.path, done_url=_back(customer))
    return _form_page(
        request, form, customer, title=worded("{name}: choose a PIN", name=customer.name), save_title="Save"
    )


@writing("clear_pin", shown_to_all=False)
def remove_pin(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Takes the PIN away, of a deleted customer too: another one may have it then."""
    customer = get_object_or_404(own_customers(request), pk=customer_id)
    if request.method == "POST":
        press(request, clear_pin, f"{customer.name} has no PIN any more.", customer_id=customer.pk)
    return redirect(_back(customer))


def _form_page(
    request: HttpRequest, form: HouseForm, customer: Customer, *, title: str, save_title: str
) -> HttpResponseBase:
    return render_form(
        request,
        form,
        title=title,
        breadcrumbs=_way(customer),
        back_url=_back(customer),
        save_title=save_title,
    )


def _held_at(customer: Customer) -> dict[str, int | None]:
    held = Pin.objects.filter(customer=customer)
    return {"access_number_id": held.values_list("access_number_id", flat=True).first()}


def _places(request: HttpRequest) -> list[tuple[str, str]]:
    found = AccessNumber.objects.filter(account=own_account(request)).order_by("number")[:MOST_SHOWN]
    return [(str(row.pk), f"{row.number} {row.name}".strip()) for row in found]


def _back(customer: Customer) -> str:
    return reverse("panel:customer_auth", args=[customer.pk])


def _way(customer: Customer) -> Any:
    return crumbs(("Selling", ""), ("Customers", reverse("panel:customers")), (as_is(customer.name), _back(customer)))


def _customer(request: HttpRequest, customer_id: int) -> Customer:
    return get_object_or_404(own_customers(request).filter(deleted_at=None).select_related("account"), pk=customer_id)


urlpatterns = [
    path("customers/<int:customer_id>/pin/draw/", draw_pin, name="pin_draw"),
    path("customers/<int:customer_id>/pin/choose/", choose_pin, name="pin_choose"),
    path("customers/<int:customer_id>/pin/remove/", remove_pin, name="pin_remove"),
]
