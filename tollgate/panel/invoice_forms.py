"""What is written into documents: drafts, credit and debit notes; and the release of a customer.

A draft's lines have their forms in invoice_line_forms.py.
"""

from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import path, reverse

from tollgate.actions.invoice_notes import credit_invoice, debit_invoice
from tollgate.actions.invoice_runs import release_customer
from tollgate.actions.invoices import draft_invoice, update_invoice
from tollgate.core.money import format_micros, minor_digits
from tollgate.panel.access import own_account, own_customers, writing
from tollgate.panel.company import CustomerField, name_one_of
from tollgate.panel.fields import DayField, QuantityField, note, pick, words
from tollgate.panel.frame import crumbs
from tollgate.panel.invoice_pages import own_invoice
from tollgate.panel.saving import after_save, changes, initial, posted, saved
from tollgate.panel.tried import whole
from tollgate.store.models import Customer, Invoice, InvoiceTemplate
from tollgate.store.queries.invoice_lists import left_of_lines
from tollgate.ui.fields import MoneyField, PriceField
from tollgate.ui.forms import HouseForm, render_form
from tollgate.ui.words import figure, worded

GROUPINGS: Final = (
    ("day", "By day"), ("destination", "By destination"), ("route", "By ingress route"), ("total", "All in one line"),
)  # fmt: skip
OWN_FIELDS: Final = ("note", "reference", "grouping", "template_id")


class PeriodForm(HouseForm):
    """The days a document is about; both are counted in."""

    from_on = DayField(required=False, label="First day", help_text="Empty = an empty draft, for lines by hand")
    last_on = DayField(required=False, label="Last day")
    grouping = forms.ChoiceField(
        choices=[("", "As the customer wants it"), *GROUPINGS], required=False, label="Lines of calls"
    )

    def days(self) -> dict[str, date | None]:
        """The act's days: `until_on` is the first one after."""
        last = self.cleaned_data["last_on"]
        return {"from_on": self.cleaned_data["from_on"], "until_on": last + timedelta(days=1) if last else None}


class DraftForm(PeriodForm):
    """For whom, and of which days."""

    field_order = ("customer_id",)
    customer_id = CustomerField()

    def __init__(self, *arguments: Any, request: HttpRequest, **options: Any) -> None:
        super().__init__(*arguments, **options)
        name_one_of(self, own_customers(request).filter(deleted_at=None))


class DraftChangesForm(HouseForm):
    """What a draft says beside its lines."""

    versioned = True
    widths = {"note": 12}
    grouping = forms.ChoiceField(choices=GROUPINGS, label="Lines of calls")
    reference = forms.CharField(max_length=200, required=False, help_text="The customer's, such as a PO")
    template_id = pick("Template", [], required=False)
    note = note(label="Note", help_text="Printed on this document only")

    def __init__(self, *arguments: Any, request: HttpRequest, **options: Any) -> None:
        super().__init__(*arguments, **options)
        field = self.fields["template_id"]
        assert isinstance(field, forms.ChoiceField)
        known = InvoiceTemplate.objects.filter(account=own_account(request)).order_by("name").values_list("pk", "name")
        field.choices = [("", "As the customer's"), *known]


class DebitForm(HouseForm):
    """What was forgotten on an invoice."""

    widths = {"description": 12, "reason": 12}
    description = forms.CharField(max_length=300)
    quantity_milli = QuantityField(label="Quantity")
    unit_price_nanos = PriceField(label="Unit price", least=1)
    reason = forms.CharField(max_length=500, help_text="Printed on the debit note")

    def __init__(self, *arguments: Any, invoice: Invoice, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.set_unit("unit_price_nanos", invoice.currency)
        words = "Tax included, as on the invoice" if invoice.prices_include_tax else "Without tax"
        self.fields["unit_price_nanos"].help_text = words


class CreditForm(HouseForm):
    """How much of each line is taken back."""

    reason = forms.CharField(max_length=500, help_text="Printed on the credit note")
    whole = forms.BooleanField(required=False, label="Everything that is left of this document")

    def __init__(self, *arguments: Any, invoice: Invoice, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.lines: dict[str, int] = {}
        left = left_of_lines(invoice)
        for line in invoice.lines.order_by("position"):
            micros = left[line.pk]
            left_text = figure(format_micros(micros, minor_digits(invoice.currency)))
            name = f"line_{line.position}"
            self.lines[name] = line.pk
            self.fields[name] = MoneyField(
                required=False,
                label=f"{line.position}. {line.description}",
                least=min(0, micros),
                most=max(0, micros),
                help_text=f"Net; {left_text} is left",
            )
            self.fields[name].widget.attrs.update(
                {"class": "form-control num", "data-width": "6", "data-left": left_text}
            )
            self.set_unit(name, invoice.currency)
        for name in ("reason", "whole"):
            self.fields[name].widget.attrs["data-width"] = "12"

    def clean(self) -> dict[str, Any]:
        """Something has to be credited."""
        values: dict[str, Any] = super().clean() or {}
        if not self.errors and not values["whole"] and not any(values.get(name) for name in self.lines):
            raise ValidationError("Say how much of which line is credited, or tick everything.")
        return values

    def credited(self) -> list[dict[str, int]] | None:
        """The act's lines; None is all of them."""
        if self.cleaned_data["whole"]:
            return None
        amounts = ((pk, self.cleaned_data[name]) for name, pk in self.lines.items())
        return [{"line_id": pk, "net_micros": micros} for pk, micros in amounts if micros]


class ReleaseForm(HouseForm):
    """Why it goes on."""

    widths = {"reason": 12}
    reason = forms.CharField(max_length=500, help_text="What was looked at, kept in the audit log")


@writing("draft_invoice", shown_to_all=False)
def new_invoice(request: HttpRequest) -> HttpResponseBase:
    """A draft for any customer."""
    form = DraftForm(posted(request), request=request, initial={"customer_id": whole(request, "customer")})
    if form.is_valid():
        customer = get_object_or_404(own_customers(request), pk=form.cleaned_data["customer_id"])
        given = {**form.days(), "grouping": form.cleaned_data["grouping"]}
        done = saved(request, form, draft_invoice, customer_id=customer.pk, **given)
        if done is not None:
            page = reverse("panel:invoice", args=[done.pk])
            return after_save(request, f"{words(done.kind)} is drafted.", form_url=page, done_url=page)
    return form_page(request, form, "New invoice", back=reverse("panel:invoices"), save_title="Draft it")


@writing("update_invoice", shown_to_all=False)
def edit_invoice(request: HttpRequest, invoice_id: int) -> HttpResponseBase:
    """What a draft says beside its lines."""
    found = own_invoice(request, invoice_id)
    page = reverse("panel:invoice", args=[found.pk])
    form = DraftChangesForm(posted(request), request=request, initial=initial(found, OWN_FIELDS))
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_invoice, invoice_id=found.pk, version=version, **changes(form))
        if done is not None:
            return after_save(request, "The draft is saved.", form_url=request.path, done_url=page)
    return form_page(request, form, f"Edit {found}", back=page)


@writing("credit_invoice", shown_to_all=False)
def credit(request: HttpRequest, invoice_id: int) -> HttpResponseBase:
    """A credit note for parts of a document, or for all of it."""
    found = own_invoice(request, invoice_id)
    page = reverse("panel:invoice", args=[found.pk])
    form = CreditForm(posted(request), invoice=found)
    if form.is_valid():
        given = {"reason": form.cleaned_data["reason"], "lines": form.credited()}
        done = saved(request, form, credit_invoice, invoice_id=found.pk, **given)
        if done is not None:
            made = reverse("panel:invoice", args=[done.pk])
            return after_save(request, f"{done} credits {found}.", form_url=made, done_url=made)
    return form_page(
        request,
        form,
        f"Credit {found}",
        back=page,
        save_title="Issue the credit note",
        template="panel/invoice_credit.html",
    )


@writing("debit_invoice", shown_to_all=False)
def debit(request: HttpRequest, invoice_id: int) -> HttpResponseBase:
    """A debit note: what an invoice forgot."""
    found = own_invoice(request, invoice_id)
    page = reverse("panel:invoice", args=[found.pk])
    form = DebitForm(posted(request), invoice=found)
    if form.is_valid():
        given = {"reason": form.cleaned_data["reason"], "lines": [changes(form)]}
        done = saved(request, form, debit_invoice, invoice_id=found.pk, **given)
        if done is not None:
            made = reverse("panel:invoice", args=[done.pk])
            return after_save(request, f"{done} adds to {found}.", form_url=made, done_url=made)
    return form_page(request, form, f"Debit note for {found}", back=page, save_title="Issue the debit note")


@writing("release_customer", shown_to_all=False)
def release(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """Lets a customer's billing go on."""
    customer = _customer(request, customer_id)
    page = reverse("panel:customer_invoices", args=[customer.pk])
    form = ReleaseForm(posted(request))
    if form.is_valid():
        done = saved(request, form, release_customer, customer_id=customer.pk, reason=form.cleaned_data["reason"])
        if done is not None:
            return after_save(request, f"{done.name} is billed again.", form_url=page, done_url=page)
    title = worded("Release the billing of {name}", name=customer.name)
    return form_page(
        request, form, title, back=page, save_title="Release", template="panel/release.html", customer=customer
    )


def _customer(request: HttpRequest, customer_id: int) -> Customer:
    return get_object_or_404(own_customers(request).filter(deleted_at=None), pk=customer_id)


def form_page(request: HttpRequest, form: HouseForm, title: str, *, back: str, **more: Any) -> HttpResponseBase:
    """The page of a form about documents."""
    way = crumbs(("Money", ""), ("Invoices", reverse("panel:invoices")))
    return render_form(
        request, form, **{"template": "panel/form.html", **more}, title=title, breadcrumbs=way, back_url=back
    )


urlpatterns = [
    path("invoices/new/", new_invoice, name="invoice_new"),
    path("invoices/<int:invoice_id>/edit/", edit_invoice, name="invoice_edit"),
    path("invoices/<int:invoice_id>/credit/", credit, name="invoice_credit"),
    path("invoices/<int:invoice_id>/debit/", debit, name="invoice_debit"),
    path("customers/<int:customer_id>/release/", release, name="customer_release"),
]
