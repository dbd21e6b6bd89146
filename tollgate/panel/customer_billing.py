"""The fields of a customer's form that decide how it is invoiced and taxed: the tab Billing of customer_forms.py."""

from typing import Final

from django import forms

from tollgate.panel.fields import note, pick
from tollgate.ui.fields import SEARCHABLE, ZoneField
from tollgate.ui.forms import HouseForm

FIELDS: Final = [
    "billing_type", "invoice_schedule", "billing_day", "billing_zone", "payment_terms_days", "overdue_grace_days",
    "overdue_action", "invoice_grouping", "invoice_template_id", "registration_id", "tax_number", "tax_treatment",
    "tax_ids", "prices_include_tax", "generate_invoices", "zero_invoices", "email_invoices", "daily_receipts",
    "invoice_note",
]  # fmt: skip
BILLING_TYPES: Final = (
    ("prepaid", "Prepaid: pays ahead, gets receipts"),
    ("postpaid", "Postpaid: pays invoices afterwards"),
)
SCHEDULES: Final = (("none", "By hand only"), ("daily", "Daily"), ("weekly", "Weekly"), ("monthly", "Monthly"))
OVERDUE_ACTIONS: Final = (
    ("none", "Nothing"), ("remind", "Remind"), ("restrict", "Restrict: no new calls"), ("penalty", "Penalty"),
)  # fmt: skip
GROUPINGS: Final = (
    ("", "As the account says"), ("day", "By day"), ("destination", "By destination"), ("route", "By ingress route"),
    ("total", "All in one line"),
)  # fmt: skip
TREATMENTS: Final = (
    ("auto", "By its country and tax number"),
    ("taxed", "Always taxed"),
    ("reverse_charge", "Reverse charge"),
    ("exempt", "Exempt"),
    ("no_vat", "No VAT, and no reason printed"),
)


class BillingFields(HouseForm):
    """How a customer is invoiced and taxed."""

    billing_type = forms.ChoiceField(choices=BILLING_TYPES, initial="prepaid")
    invoice_schedule = forms.ChoiceField(choices=SCHEDULES, initial="none")
    billing_day = forms.IntegerField(
        min_value=1, max_value=31, initial=1, help_text="Of the month (29 to 31: its last), or of the week from Monday"
    )
    billing_zone = ZoneField(required=False, label="Billed by the days of", help_text="Empty = its own time zone")
    payment_terms_days = forms.IntegerField(
        min_value=0, max_value=365, initial=14, label="Payment terms", help_text="From the invoice to the day it is due"
    )
    overdue_grace_days = forms.IntegerField(
        min_value=0, max_value=365, initial=0, label="Grace", help_text="From that day to what follows"
    )
    overdue_action = forms.ChoiceField(choices=OVERDUE_ACTIONS, initial="remind", label="When overdue")
    invoice_grouping = forms.ChoiceField(choices=GROUPINGS, required=False, label="Lines of calls")
    invoice_template_id = pick("Invoice template", [], required=False)
    registration_id = forms.CharField(max_length=100, required=False, label="Company number")
    tax_number = forms.CharField(
        max_length=30, required=False, help_text="Its VAT number; decides over reverse charge, printed"
    )
    tax_treatment = forms.ChoiceField(choices=TREATMENTS, initial="auto", label="Taxed")
    tax_ids = forms.TypedMultipleChoiceField(
        label="Pays these taxes", coerce=int, required=False, widget=forms.SelectMultiple(attrs=SEARCHABLE)
    )
    prices_include_tax = forms.BooleanField(required=False, label="Its prices include tax")
    generate_invoices = forms.BooleanField(required=False, initial=True, label="Invoices are made by the schedule")
    zero_invoices = forms.BooleanField(required=False, label="Also for periods without any charge")
    email_invoices = forms.BooleanField(required=False, initial=True, label="Documents are mailed when issued")
    daily_receipts = forms.BooleanField(required=False, label="A receipt for every day (prepaid)")
    invoice_note = note(label="Invoice note", help_text="Printed on each of its documents, beside your own footer")
