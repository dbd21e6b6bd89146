"""The form of a line that a person writes into a draft: its price, its taxes, and what it comes to while it is typed.

The sums are the server's (actions.invoices.line_sums), by the code that writes the line. To let a line say more, add
its field here and to the act.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse

from tollgate.actions.acts import Invalid, acting
from tollgate.actions.invoices import LineSums, add_invoice_line, change_invoice_line, line_sums
from tollgate.actions.line_taxes import MOST_REASON, offered
from tollgate.core.invoice_document import NO_BREAK, rate_text
from tollgate.core.invoices import Totals
from tollgate.core.taxes import NO_VAT, TaxRule
from tollgate.panel.access import actor, reading, writing
from tollgate.panel.fields import DayField, QuantityField, pick
from tollgate.panel.invoice_forms import form_page
from tollgate.panel.invoice_pages import own_invoice
from tollgate.panel.saving import after_save, changes, posted, saved
from tollgate.panel.taxes import CATEGORY_WORDS
from tollgate.store.models import Invoice, InvoiceLine, Package
from tollgate.ui.fields import PriceField, TicksWidget
from tollgate.ui.forms import HouseForm
from tollgate.ui.words import sign

TAX_FIELDS: Final = ("tax_ids", "tax_category", "exemption_reason")
WITHOUT_VAT: Final = [("", "It bears VAT"), *(choice for choice in CATEGORY_WORDS if choice[0] in NO_VAT)]


class LineForm(HouseForm):
    """One line that a person writes."""

    live = True
    widths = {
        "package_id": 12, "description": 12, "quantity_milli": 3, "unit_price_nanos": 3, "from_on": 3, "last_on": 3,
        "tax_ids": 12, "exemption_reason": 8,
    }  # fmt: skip
    package_id = pick("Package", [], required=False, help_text="Fills what is left empty: its name and its price")
    description = forms.CharField(max_length=300, required=False)
    quantity_milli = QuantityField(label="Quantity")
    unit_price_nanos = PriceField(required=False, label="Unit price", help_text="Below zero = a discount")
    from_on = DayField(required=False, label="First day")
    last_on = DayField(required=False, label="Last day")
    tax_ids = forms.TypedMultipleChoiceField(
        coerce=int,
        required=False,
        label="Taxes",
        widget=TicksWidget,
        help_text="None ticked = what falls due, or none with a category",
    )
    tax_category = forms.ChoiceField(
        choices=WITHOUT_VAT, required=False, label="Without VAT", help_text="The category of EN 16931 that says why"
    )
    exemption_reason = forms.CharField(
        max_length=MOST_REASON, required=False, label="Reason without VAT", help_text="Printed on the document"
    )

    def __init__(self, *arguments: Any, invoice: Invoice, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.set_unit("unit_price_nanos", invoice.currency)
        taxes = self.fields["tax_ids"]
        assert isinstance(taxes, forms.ChoiceField)
        taxes.choices = [(rule.id, _tax_words(rule)) for rule in offered(invoice, datetime.now(UTC))]
        for name in TAX_FIELDS if invoice.kind == "receipt" else () if taxes.choices else TAX_FIELDS[:1]:
            del self.fields[name]
        self.packages = Package.objects.filter(account=invoice.account_id, currency=invoice.currency)
        field = self.fields["package_id"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "None"), *self.packages.order_by("name").values_list("pk", "name")]

    def clean(self) -> dict[str, Any]:
        """What a package fills; without one both are typed."""
        values: dict[str, Any] = super().clean() or {}
        chosen = values.get("package_id")
        package = self.packages.filter(pk=chosen).first() if chosen else None
        if package is not None:
            values["description"] = values.get("description") or package.name
            if values.get("unit_price_nanos") is None and "unit_price_nanos" not in self.errors:
                values["unit_price_nanos"] = package.retail_nanos
        for name in ("description", "unit_price_nanos"):
            if values.get(name) in (None, "") and name not in self.errors:
                self.add_error(name, "Type it, or choose a package.")
        return values

    def given(self) -> dict[str, Any]:
        """The act's arguments."""
        values = changes(self, leave_out=["last_on", "package_id"])
        if "tax_category" in self.fields:
            values.setdefault("tax_ids", None)  # none is offered any more
        last = self.cleaned_data["last_on"]
        return {**values, "until_on": last + timedelta(days=1) if last else None}


def _tax_words(rule: TaxRule) -> str:
    rate = rate_text(rule.rate_ppm)
    named = not rule.rate_ppm or rate.replace(NO_BREAK, "") in rule.name.replace(NO_BREAK, "").replace(" ", "")
    return rule.name if named else f"{rule.name}, {rate_text(rule.rate_ppm, decimal=sign())}"


@writing("add_invoice_line", shown_to_all=False)
def new_line(request: HttpRequest, invoice_id: int) -> HttpResponseBase:
    """A line by hand."""
    found = own_invoice(request, invoice_id)
    page = reverse("panel:invoice", args=[found.pk])
    form = LineForm(posted(request), invoice=found)
    if form.is_valid():
        done = saved(request, form, add_invoice_line, invoice_id=found.pk, **form.given())
        if done is not None:
            return after_save(request, "The line is added.", form_url=request.path, done_url=page)
    return _line_page(request, form, found, f"New line on {found}", save_title="Add", can_stay=True)


@writing("change_invoice_line", shown_to_all=False)
def edit_line(request: HttpRequest, invoice_id: int, line_id: int) -> HttpResponseBase:
    """A line that a person wrote."""
    found = own_invoice(request, invoice_id)
    line = get_object_or_404(InvoiceLine, pk=line_id, invoice=found)
    page = reverse("panel:invoice", args=[found.pk])
    kept = ("description", "quantity_milli", "from_on", "unit_price_nanos", *TAX_FIELDS)
    known = {
        **{name: getattr(line, name) for name in kept},
        "last_on": line.until_on - timedelta(days=1) if line.until_on else None,
    }
    if found.prices_include_tax:  # the row shows the price without its tax
        known["unit_price_nanos"] = line.exact_micros * 10**6 // line.quantity_milli
    form = LineForm(posted(request), invoice=found, initial=known)
    if form.is_valid():
        done = saved(request, form, change_invoice_line, line_id=line.pk, **form.given())
        if done is not None:
            return after_save(request, "The line is saved.", form_url=request.path, done_url=page)
    return _line_page(request, form, found, f"Line {line.position} of {found}", line=line, can_stay=True)


@reading
def line_totals(request: HttpRequest, invoice_id: int) -> HttpResponseBase:
    """What the line that is being typed comes to, and its draft with it; what is wrong with it goes to its fields."""
    found = own_invoice(request, invoice_id)
    line = found.lines.filter(pk=_whole(request.GET.get("line", "")), kind="manual").first()
    form = LineForm(request.POST, invoice=found)
    form.is_valid()
    sums, problem = _sums(request, form, found, line)
    typed = [field for field in form.visible_fields() if field.name in TAX_FIELDS or request.POST.get(field.name)]
    silent = [field for field in form.visible_fields() if field not in typed]
    for field in silent:  # nobody has come to it yet
        form.errors.pop(field.name, None)
    errors_of = [*typed, *silent]
    taxes = _tax_rows(sums.alone, sums.whole) if sums else []
    context = {"invoice": found, "sums": sums, "taxes": taxes, "problem": problem, "errors_of": errors_of}
    return render(request, "panel/invoice_line_totals.html", context)


def _sums(
    request: HttpRequest, form: LineForm, found: Invoice, line: InvoiceLine | None
) -> tuple[LineSums | None, str]:
    """The sums, or none and why where it is no field's fault. A line without words has sums already."""
    if set(form.errors) - {"description"}:
        return None, ""
    fields = {**form.given(), "description": form.cleaned_data.get("description") or "-"}
    try:
        with acting(actor(request)):
            return line_sums(found, fields, instead=line), ""
    except Invalid as invalid:
        for name in invalid.errors.keys() & form.fields.keys():
            form.add_error(name, list(invalid.errors[name]))
        others = invalid.errors.keys() - form.fields.keys()
        return None, " ".join(word for name in sorted(others) for word in invalid.errors[name])


@dataclass(frozen=True, slots=True)
class TaxRow:
    """One tax of the document, and what of it the line bears; None where it bears none of it."""

    words: str
    reason: str
    alone_micros: int | None
    whole_micros: int


def _tax_rows(alone: Totals, whole: Totals) -> list[TaxRow]:
    of_line = {(due.rule.id, due.rule.name, due.rule.exemption_reason): due.amount_micros for due in alone.taxes}
    return [
        TaxRow(
            _tax_words(due.rule),
            due.rule.exemption_reason,
            of_line.get((due.rule.id, due.rule.name, due.rule.exemption_reason)),
            due.amount_micros,
        )
        for due in whole.taxes
    ]


def _line_page(
    request: HttpRequest, form: LineForm, found: Invoice, title: str, *, line: InvoiceLine | None = None, **more: Any
) -> HttpResponseBase:
    """The form of a line, and what it comes to beside it."""
    page = reverse("panel:invoice", args=[found.pk])
    totals = reverse("panel:invoice_line_totals", args=[found.pk])
    context = {"totals_url": f"{totals}?line={line.pk}" if line else totals, "invoice": found}
    return form_page(request, form, title, back=page, template="panel/invoice_line.html", **context, **more)


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


urlpatterns = [
    path("invoices/<int:invoice_id>/lines/new/", new_line, name="invoice_line_new"),
    path("invoices/<int:invoice_id>/lines/totals/", line_totals, name="invoice_line_totals"),
    path("invoices/<int:invoice_id>/lines/<int:line_id>/", edit_line, name="invoice_line"),
]
