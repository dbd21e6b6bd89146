"""The options of the installation, each obeyed somewhere: its help says where."""

import re
from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path, reverse

from tollgate.actions.options import update_options
from tollgate.panel.access import may, own_account, writing
from tollgate.panel.customer_billing import GROUPINGS
from tollgate.panel.fields import note
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, saved
from tollgate.ui.forms import HouseForm, render_form

LINE = re.compile(r"(\w+)\s*[:=]\s*(\d{3})\s+(.+)")


class RewritesField(forms.CharField):
    """Answers of one's own, a line each: `credit: 402 Please top up`."""

    widget = forms.Textarea(attrs={"rows": 5, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        """Rows as lines."""
        if isinstance(value, list):
            return "\n".join(f"{row['refusal']}: {row['sip']} {row['reason']}" for row in value)
        return value

    def to_python(self, value: Any) -> list[dict[str, Any]]:  # type: ignore[override]  # CharField promises a str
        """Lines as rows; says which line cannot be read."""
        rows = []
        for number, line in enumerate((value or "").splitlines(), start=1):
            if line.strip():
                found = LINE.fullmatch(line.strip())
                if found is None:
                    raise forms.ValidationError(f"Line {number}: write it like “credit: 402 Please top up”.")
                rows.append({"refusal": found[1], "sip": int(found[2]), "reason": found[3]})
        return rows

    def run_validators(self, value: Any) -> None:
        """CharField's validators measure text."""


class OptionsForm(HouseForm):
    """Everything that may be chosen once for all."""

    tabs = [
        ("Customers", ["number_digits_count", "valid_from_creation", "block_start", "block_size"]),
        ("Calls", ["profit_assurance_default", "sip_rewrites"]),
        (
            "Retention",
            ["cdr_live_days", "cdr_archive_days", "recording_retention_days", "message_retention_days"],
        ),
        (
            "Portal",
            [
                "portal_text",
                "termination_addresses",
                "origination_addresses",
                "support_url",
                "support_phone",
                "support_email",
                "inactive_portal",
            ],
        ),
        ("Money", ["payment_details", "invoice_footer", "invoice_grouping", "invoice_lag_h"]),
        ("Packages", ["package_notice_days", "inactive_packages"]),
        ("Security", ["idle_logout_min", "audit_comment"]),
    ]
    widths = {
        "valid_from_creation": 12,
        "profit_assurance_default": 12,
        "sip_rewrites": 12,
        "portal_text": 12,
        "termination_addresses": 6,
        "origination_addresses": 6,
        "inactive_portal": 12,
        "inactive_packages": 8,
        "payment_details": 6,
        "invoice_footer": 6,
        "audit_comment": 12,
    }
    units = {
        "invoice_lag_h": "h",
        "package_notice_days": "days",
        "idle_logout_min": "minutes",
        "recording_retention_days": "days",
        "cdr_live_days": "days",
        "cdr_archive_days": "days",
        "message_retention_days": "days",
        "number_digits_count": "digits",
    }
    versioned = True

    number_digits_count = forms.IntegerField(
        min_value=4, max_value=18, label="Account numbers", help_text="How long those of new customers are"
    )
    valid_from_creation = forms.BooleanField(
        required=False, label="Valid days of a customer count from its creation, not from its first call"
    )
    block_start = forms.IntegerField(
        min_value=1, required=False, label="Internal number range start", help_text="Number blocks begin here"
    )
    block_size = forms.IntegerField(
        min_value=1, max_value=10**6, required=False, label="Block size", help_text="How many numbers a block has"
    )
    profit_assurance_default = forms.BooleanField(
        required=False, label="New ingress routes never use a carrier that costs more than the customer pays"
    )
    cdr_live_days = forms.IntegerField(
        min_value=7,
        max_value=36_500,
        required=False,
        label="CDRs stay in the database",
        help_text="Then in the lake alone, once all is billed; empty = for ever",
    )
    cdr_archive_days = forms.IntegerField(
        min_value=30,
        max_value=36_500,
        required=False,
        label="CDRs stay in the lake",
        help_text="Counted from the day of the call; empty = for ever",
    )
    message_retention_days = forms.IntegerField(
        min_value=1,
        max_value=36_500,
        required=False,
        label="Messages are kept",
        help_text="Empty = 90 days",
    )
    recording_retention_days = forms.IntegerField(
        min_value=1,
        max_value=36_500,
        required=False,
        label="Recordings are kept",
        help_text="Empty = for ever; a customer may have its own",
    )
    sip_rewrites = RewritesField(
        required=False,
        label="SIP answers of your own",
        help_text="One refusal per line: its key, the SIP code, the words. “credit: 402 Please top up”",
    )
    portal_text = note(label="Words on the customers' first page")
    termination_addresses = note(label="Where customers send calls")
    origination_addresses = note(label="Where calls to customers come from")
    support_url = forms.CharField(max_length=200, required=False, label="Support URL")
    support_phone = forms.CharField(max_length=20, required=False, label="Support phone")
    support_email = forms.EmailField(required=False, label="Support email")
    inactive_portal = forms.BooleanField(
        required=False, label="Contacts of an inactive customer may log in to see what is owed"
    )
    payment_details = note(label="Payment details", help_text="Printed on invoices; an IBAN in it goes into e-invoices")
    invoice_footer = note(label="Footer of documents", help_text="On every page")
    invoice_grouping = forms.ChoiceField(
        choices=GROUPINGS[1:], label="Lines of calls", help_text="Unless a customer differs"
    )
    package_notice_days = forms.IntegerField(
        min_value=0,
        max_value=60,
        required=False,
        label="Package notice",
        help_text="How long before a package renews its customer is told; empty: never",
    )
    inactive_packages = forms.BooleanField(required=False, label="Inactive customers are charged for their packages")
    invoice_lag_h = forms.IntegerField(
        min_value=0,
        max_value=720,
        label="Invoices are made",
        help_text="So long after a period has closed, when its last records are in",
    )
    idle_logout_min = forms.IntegerField(
        min_value=1,
        max_value=1440,
        required=False,
        label="Auto logout",
        help_text="Empty, or longer than this installation allows = what it allows",
    )
    audit_comment = forms.BooleanField(required=False, label="Every save asks for a reason, kept in the audit log")


@writing("update_options")
def options(request: HttpRequest) -> HttpResponseBase:
    """All options."""
    account = own_account(request)
    names = [name for _, fields in OptionsForm.tabs for name in fields]
    form = OptionsForm(posted(request), initial=initial(account, names))
    if form.is_valid():
        version = form.cleaned_data["version"]
        done = saved(request, form, update_options, account_id=account.pk, version=version, **changes(form))
        if done is not None:
            back = reverse("panel:account")
            return after_save(request, "The options are saved.", form_url=request.path, done_url=back)
    return render_form(
        request,
        form,
        template="panel/form.html",
        title="Options",
        breadcrumbs=crumbs(("System", ""), ("Account", reverse("panel:account"))),
        back_url=reverse("panel:account"),
        can_stay=True,
        read_only=not may(request, "update_options"),
    )


urlpatterns = [path("options/", options, name="options")]
