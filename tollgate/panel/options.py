"""The options of the installation, each obeyed somewhere: its help says where."""

import re
from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path, reverse

from tollgate.actions.options import update_options
from tollgate.core.languages import LANGUAGES
from tollgate.core.pins import LONGEST, SHORTEST
from tollgate.panel.access import may, own_account, writing
from tollgate.panel.company import SipUserField, name_one_of
from tollgate.panel.customer_billing import GROUPINGS
from tollgate.panel.fields import note
from tollgate.panel.frame import crumbs
from tollgate.panel.saving import after_save, changes, initial, posted, saved
from tollgate.store.models import Account, Endpoint
from tollgate.ui.fields import PriceField
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


def _days(label: str, *, least: int, help_text: str) -> forms.IntegerField:
    """For how many days something is kept."""
    return forms.IntegerField(min_value=least, max_value=36_500, required=False, label=label, help_text=help_text)


class OptionsForm(HouseForm):
    """Everything that may be chosen once for all."""

    tabs = [
        (
            "Customers",
            [
                "number_digits_count",
                "block_start",
                "block_size",
                "pin_length",
                "valid_from_creation",
                "unique_references",
            ],
        ),
        ("Calls", ["profit_assurance_default", "circuit_user_id", "sip_rewrites"]),
        (
            "Caller numbers",
            [
                "verification_user_id",
                "verification_cli",
                "verification_denied",
                "verification_daily_count",
                "verification_capped_price_nanos",
                "verification_approval",
                "verification_valid_days",
            ],
        ),
        (
            "Retention",
            [
                "cdr_live_days",
                "cdr_archive_days",
                "recording_retention_days",
                "message_retention_days",
                "payment_notice_days",
            ],
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
        ("Pages", ["language", "smart_lists"]),
        (
            "Money",
            [
                "payment_details",
                "invoice_footer",
                "invoice_grouping",
                "invoice_lag_h",
                "payment_description",
                "two_person_payments",
                "sepa_name",
                "sepa_iban",
                "sepa_bic",
                "sepa_creditor_id",
            ],
        ),
        ("Packages", ["package_notice_days", "inactive_packages"]),
        (
            "Security",
            ["idle_logout_min", "auth_failure_count", "second_factor_days", "second_factor", "audit_comment"],
        ),
    ]
    widths = {
        "verification_denied": 6,
        "verification_approval": 12,
        "valid_from_creation": 12,
        "unique_references": 12,
        "profit_assurance_default": 12,
        "sip_rewrites": 12,
        "portal_text": 12,
        "termination_addresses": 6,
        "origination_addresses": 6,
        "inactive_portal": 12,
        "inactive_packages": 8,
        "payment_details": 6,
        "invoice_footer": 6,
        "two_person_payments": 12,
        "second_factor": 12,
        "audit_comment": 12,
        "smart_lists": 12,
    }
    units = {
        "invoice_lag_h": "h",
        "package_notice_days": "days",
        "idle_logout_min": "minutes",
        "second_factor_days": "days",
        "recording_retention_days": "days",
        "cdr_live_days": "days",
        "cdr_archive_days": "days",
        "message_retention_days": "days",
        "payment_notice_days": "days",
        "number_digits_count": "digits",
        "pin_length": "digits",
    }
    versioned = True

    number_digits_count = forms.IntegerField(
        min_value=4, max_value=18, label="Account numbers", help_text="How long those of new customers are"
    )
    valid_from_creation = forms.BooleanField(
        required=False, label="Valid days of a customer count from its creation, not from its first call"
    )
    unique_references = forms.BooleanField(required=False, label="A reference belongs to one customer")
    pin_length = forms.IntegerField(
        min_value=SHORTEST, max_value=LONGEST, label="Length of PINs", help_text="Of new ones; older ones stay"
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
    cdr_live_days = _days(
        "CDRs stay in the database", least=7, help_text="Then in the lake alone, once all is billed; empty = for ever"
    )
    cdr_archive_days = _days(
        "CDRs stay in the lake", least=30, help_text="Counted from the day of the call; empty = for ever"
    )
    message_retention_days = _days("Messages are kept", least=1, help_text="Empty = 90 days")
    payment_notice_days = _days(
        "Notices of payments are kept",
        least=30,
        help_text="As gateways sent them, with the payer's name and address; empty = 400 days",
    )
    recording_retention_days = _days(
        "Recordings are kept", least=1, help_text="Empty = for ever; a customer may have its own"
    )
    circuit_user_id = SipUserField(
        label="Circuit test user",
        required=False,
        help_text="The SIP user that makes circuit tests, by its customer's routes and at its cost; none = no tests",
    )
    sip_rewrites = RewritesField(
        required=False,
        label="SIP answers of your own",
        help_text="One refusal per line: its key, the SIP code, the words. “credit: 402 Please top up”",
    )
    verification_user_id = SipUserField(
        label="SIP user that calls to verify",
        required=False,
        help_text="By its customer's routes and at its cost; none = contacts cannot be called",
    )
    verification_cli = forms.CharField(
        max_length=20, required=False, label="Number these calls show", help_text="Empty = the name of the SIP user"
    )
    verification_denied = note(
        label="Never called to verify", help_text="Prefixes, one per line; premium numbers never are"
    )
    verification_daily_count = forms.IntegerField(
        min_value=0, max_value=10**6, label="Codes a day", help_text="Calls and SMS of all customers together (UTC)"
    )
    verification_capped_price_nanos = PriceField(
        label="Most expensive call", least=0, help_text="What the first minute may cost, with its connect fee"
    )
    verification_approval = forms.BooleanField(
        required=False, label="A user approves each number that a contact has verified before calls show it"
    )
    verification_valid_days = forms.IntegerField(
        min_value=0,
        max_value=3650,
        label="Days until verified again",
        help_text="Of what contacts have verified; they are told a week before. 0 = never",
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
    payment_description = forms.CharField(
        max_length=100, required=False, help_text="What payers read at a gateway; empty = that it is a top-up"
    )
    sepa_name = forms.CharField(
        max_length=70, required=False, label="Account holder", help_text="Of your bank account, in files for the bank"
    )
    sepa_iban = forms.CharField(
        max_length=42, required=False, label="IBAN", help_text="Direct debits come to it, transfers leave it"
    )
    sepa_bic = forms.CharField(max_length=11, required=False, label="BIC", help_text="Where your bank asks for it")
    sepa_creditor_id = forms.CharField(
        max_length=35,
        required=False,
        label="Creditor identifier",
        help_text="Your bank gives it to who collects by SEPA direct debit; empty = nothing is collected",
    )
    two_person_payments = forms.BooleanField(
        required=False,
        label="Two people for payments",
        help_text="What one enters or gives back another approves. Adjustments and vouchers move money by one person: "
        "they are rights of their own",
    )
    idle_logout_min = forms.IntegerField(
        min_value=1,
        max_value=1440,
        required=False,
        label="Auto logout",
        help_text="Empty, or longer than this installation allows = what it allows",
    )
    auth_failure_count = forms.IntegerField(
        min_value=0,
        max_value=1000,
        label="Server maximum auth failures",
        help_text="Wrong passwords of one SIP user from one address within 5 minutes; then it is turned away there for "
        "15 minutes. Others at the address, and the user elsewhere, call on. 0 = never",
    )
    second_factor_days = forms.IntegerField(
        min_value=0,
        max_value=90,
        label="Time to set up a second factor",
        help_text="For who needs one, from the first login on; then nothing else opens",
    )
    second_factor = forms.BooleanField(
        required=False,
        label="Every user needs a second factor",
        help_text="An authenticator app or a passkey. A group may ask it of its members alone",
    )
    language = forms.ChoiceField(
        choices=[("", "As the browser asks"), *LANGUAGES.items()],
        required=False,
        help_text="Of panel and portal, for who has chosen none. What they say is under Texts",
    )
    smart_lists = forms.BooleanField(
        required=False,
        label="Smart loading of lists",
        help_text="The panel's lists load on as their end comes into view, up to 2,000 rows",
    )
    audit_comment = forms.BooleanField(required=False, label="Every save asks for a reason, kept in the audit log")

    def __init__(self, *arguments: Any, account: Account, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.set_unit("verification_capped_price_nanos", f"{account.currency}/min")
        for name in ("verification_user_id", "circuit_user_id"):
            name_one_of(self, Endpoint.objects.filter(account=account, kind="sip_user"), field=name)


@writing("update_options")
def options(request: HttpRequest) -> HttpResponseBase:
    """All options."""
    account = own_account(request)
    names = [name for _, fields in OptionsForm.tabs for name in fields]
    form = OptionsForm(posted(request), initial=initial(account, names), account=account)
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
