"""The form of a customer, for a new one and for one that exists. To add a field: here, in a tab, and in its act."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from tollgate.actions.customer_checks import offered
from tollgate.actions.customer_notes import add_customer_note
from tollgate.actions.customers import STATUSES
from tollgate.actions.portal_domains import SECTIONS
from tollgate.core.notices import NOTICES, OPTIONAL
from tollgate.panel import customer_billing, customer_clis, customer_paying
from tollgate.panel.access import actor, current_user, may, own_account, reach
from tollgate.panel.choosable import resellers
from tollgate.panel.company import ResellerField, name_one_of
from tollgate.panel.customer_clis import CliFields
from tollgate.panel.customer_paying import PayingFields
from tollgate.panel.fields import ChannelsField, CpsField, InstantField, LinesField, choices, pick
from tollgate.panel.saving import changes
from tollgate.panel.staff import name_for
from tollgate.store.models import Customer, CustomerNote
from tollgate.ui.departments import offer_departments
from tollgate.ui.fields import (
    SEARCHABLE,
    CountryField,
    CurrencyField,
    DurationField,
    MoneyField,
    PriceField,
    ZoneField,
)
from tollgate.ui.hours import HoursField
from tollgate.ui.phones import PhoneField

STATUS_WORDS = {name: name.capitalize() for name in STATUSES} | {"pending": "Pending approval"}
SECTION_WORDS = {name: name.capitalize() for name in SECTIONS} | {
    "clis": "CLIs",
    "dids": "DIDs",
    "endpoints": "IP addresses",
}
CREDIT_KINDS = (("none", "Prepaid"), ("credit", "Credit line"), ("reserve", "Reserve"))
PAI_WORDS = (
    ("default", "What the caller asserts, else its number"),
    ("remove", "Never sent"),
    ("if_available", "Only what the caller asserts"),
    ("required", "What the caller asserts; without it the call is refused"),
)
LOSS_WORDS = (("allow", "Let through"), ("warn", "Let through, the trace warns"), ("refuse", "Refuse"))
OFFERED = (
    ("account_manager_id", "name", "None"),
    ("tag_ids", "name", None),
    ("domain_id", "host", "None"),
    ("localization_id", "name", "None"),
    ("tax_ids", "name", None),
    ("invoice_template_id", "name", "Plain"),
)
"""The fields that name other records: in which order these are offered, and the words for none."""
WITH_LOGO = ("domain_id", "invoice_template_id")
RTP_WORDS = (
    ("locked", "Locked: media only from the address agreed"),
    ("unlocked", "Unlocked: media from anywhere"),
)


class CreditWidget(forms.MultiWidget):
    """What the limit is, and its amount without a sign, so that neither can be taken for the other."""

    template_name = "panel/credit.html"
    use_fieldset = True
    unit = ""

    def __init__(self) -> None:
        amount = forms.TextInput(attrs={"inputmode": "decimal", "class": "form-control num", "aria-label": "Amount"})
        kind = forms.Select(choices=CREDIT_KINDS, attrs={"class": "form-select", "aria-label": "Kind"})
        super().__init__({"kind": kind, "amount": amount})

    def decompress(self, value: str | None) -> list[str]:
        """The kind and amount of a signed amount."""
        text = value or "0"
        if not text.strip("-0.,"):
            return ["none", ""]
        return ["reserve", text.removeprefix("-")] if text.startswith("-") else ["credit", text]

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Both inputs; or one signed amount under the field's own name, as scripts send it."""
        if name in data and f"{name}_amount" not in data:
            return self.decompress(str(data[name]).strip())
        return super().value_from_datadict(data, files, name)

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Whether neither form was sent."""
        return name not in data and super().value_omitted_from_data(data, files, name)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Adds the currency's code."""
        return {**super().get_context(name, value, attrs), "unit": self.unit}


class CreditField(forms.MultiValueField):
    """A debit limit: a credit line is above zero, a reserve below it."""

    widget: CreditWidget

    def __init__(self, **options: Any) -> None:
        kind = forms.ChoiceField(choices=CREDIT_KINDS, required=False)
        amount = MoneyField(least=0, required=False)
        super().__init__(
            fields=(kind, amount), widget=CreditWidget(), require_all_fields=False, required=False, **options
        )

    def compress(self, data_list: list[Any]) -> int:
        """The signed amount."""
        kind, micros = data_list or ("none", None)
        if kind in ("", "none"):
            if micros:
                raise ValidationError("Choose credit line or reserve for this amount.", code="kind")
            return 0
        if not micros:
            raise ValidationError("Give the amount.", code="amount")
        return -int(micros) if kind == "reserve" else int(micros)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the inputs mean another amount."""
        try:
            return bool(self.clean(data) != (initial or 0))
        except ValidationError:
            return True

    def prepare_value(self, value: Any) -> Any:
        """A stored amount as signed text."""
        return MoneyField().prepare_value(value)


class NoteWidget(forms.Textarea):
    """A note to be added, with the notes that are there below it."""

    template_name = "panel/note.html"
    notes: Iterable[tuple[str, CustomerNote]] = ()
    """Each with the words for its author."""

    def __init__(self) -> None:
        super().__init__({"rows": 3})

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """The notes with it."""
        return {**super().get_context(name, value, attrs), "notes": self.notes}


def _several(label: str, options: list[tuple[Any, str]], *, coerce: Any = str, **more: Any) -> Any:
    """Any number of choices, searched by typing."""
    return forms.TypedMultipleChoiceField(
        label=label,
        choices=options,
        coerce=coerce,
        required=False,
        widget=forms.SelectMultiple(attrs=SEARCHABLE),
        **more,
    )


class CustomerForm(CliFields, PayingFields):
    """Every field of a customer."""

    tabs = [
        (
            "Basic",
            [
                "name", "company", "number", "status", "status_reason", "status_until", "channels", "cps_milli",
                "max_duration_s", "debit_limit_micros", "daily_spend_limit_micros", "expires_at", "valid_days",
            ],
        ),
        (
            "Config",
            [
                "reference", "accounting_id", "website", "parent_id", "account_manager_id", "tag_ids", "domain_id",
                "portal_show", "portal_hide", "pai_mode", "rtp_firewall", "attestation", "localization_id",
                "local_price_nanos", "local_increment_s", "loss_making_calls", "recording_retention_days",
                "is_reseller", "local_calls", "recording", "ip_management", "vars_toml",
            ],
        ),
        ("Timeout", ["first_reply_s", "pdd_s", "ring_s"]),
        ("Address", ["phone", "zone", "country", "address_line1", "address_line2", "city", "state", "postcode"]),
        ("Verification", [*customer_clis.FIELDS, "email_verification", "mobile_verification"]),
        ("Notes", ["note"]),
        ("Day/Time", ["hours", "hours_hang_up"]),
        ("Billing", customer_billing.FIELDS),
        ("Payments", customer_paying.FIELDS),
        (
            "Notices",
            [
                "language", "low_balance_micros", "notification_emails", "notification_departments",
                "notification_opt_outs",
            ],
        ),
    ]  # fmt: skip
    widths = {
        "hours": 12, "hours_hang_up": 12, "note": 12,
        "vars_toml": 12, "approved_clis_only": 12, "email_verification": 12, "mobile_verification": 12,
        "parent_confirmed": 12, "invoice_note": 12, "address_line1": 6, "address_line2": 6,
    }  # fmt: skip
    units = {
        "recording_retention_days": "days", "valid_days": "days", "payment_terms_days": "days",
        "overdue_grace_days": "days",
    }  # fmt: skip
    versioned = True

    name = forms.CharField(max_length=200)
    company = forms.CharField(max_length=200, required=False, help_text="Its legal name")
    number = forms.CharField(max_length=20, label="Account number", help_text="Digits, belongs to one customer")
    status = forms.ChoiceField(choices=list(STATUS_WORDS.items()), help_text="Only an active customer may call")  # type: ignore[assignment]  # Django takes fields out of the class
    status_reason = forms.CharField(max_length=500, required=False, label="Reason of the status")
    status_until = InstantField(
        label="Until (UTC)", required=False, help_text="Inactive and penalty end by themselves then; empty = never"
    )
    channels = ChannelsField(help_text="Calls at once; 0 = no limit")
    cps_milli = CpsField(label="Flow speed", help_text="New calls per second; 0 = no limit")
    max_duration_s = DurationField(label="Longest call", least=1, most=86_400, initial=3600)
    debit_limit_micros = CreditField(
        label="Debit limit",
        initial=0,
        help_text="A credit line is how far below zero the balance may go, a reserve what calls never touch",
    )
    daily_spend_limit_micros = MoneyField(
        label="Daily spend limit", least=0, required=False, help_text="Per UTC day; empty = no limit"
    )
    expires_at = InstantField(label="Expires at (UTC)", required=False, help_text="New calls are refused from then on")
    valid_days = forms.IntegerField(
        min_value=1,
        max_value=36_500,
        required=False,
        help_text="From the first call on, unless Options say otherwise; of both ends the earlier counts",
    )
    reference = forms.CharField(max_length=200, required=False, help_text="Your own or the customer's, such as a PO")
    accounting_id = forms.CharField(
        max_length=100, required=False, label="Accounting id", help_text="Its key in your accounting system"
    )
    website = forms.CharField(max_length=200, required=False, help_text="Such as https://www.example.com")
    parent_id = ResellerField(required=False, help_text="Who sells to this customer. Empty = you")
    account_manager_id = pick("Account manager", [], required=False)
    tag_ids = _several("Tags", [], coerce=int)
    domain_id = pick("Portal domain", [], required=False, help_text="Where its contacts log in, and with which brand")
    portal_show = _several("Portal shows also", list(SECTION_WORDS.items()), help_text="Beside what the domain shows")
    portal_hide = _several("Portal hides", list(SECTION_WORDS.items()), help_text="Of what the domain shows")
    pai_mode = forms.ChoiceField(choices=PAI_WORDS, initial="default", label="P-Asserted-Identity")
    rtp_firewall = forms.ChoiceField(
        choices=RTP_WORDS,
        initial="locked",
        label="RTP firewall",
        help_text="Of calls whose media pass us, for both sides",
    )
    attestation = forms.ChoiceField(
        choices=choices("A", "B", "C"),
        initial="C",
        label="STIR/SHAKEN attestation",
        help_text="Given to the CLIs it verifies from now on",
    )
    localization_id = pick("Localization", [], required=False, help_text="How it writes numbers on its side")
    local_price_nanos = PriceField(
        label="Price of local calls", least=0, initial=0, help_text="To other SIP users of yours; 0 = free"
    )
    local_increment_s = DurationField(label="Local calls are billed by", least=1, most=3600, initial=60)
    recording_retention_days = forms.IntegerField(
        min_value=1,
        max_value=3650,
        required=False,
        label="Recordings are kept",
        help_text="Empty = as the account says",
    )
    is_reseller = forms.BooleanField(required=False, label="May own customers (reseller)")
    local_calls = forms.BooleanField(required=False, initial=True, label="Local calls stay local")
    loss_making_calls = forms.ChoiceField(
        choices=LOSS_WORDS,
        initial="allow",
        label="Loss-making calls",
        help_text="Which cost more than they are sold for",
    )
    recording = forms.BooleanField(required=False, label="Calls may be recorded")
    ip_management = forms.BooleanField(required=False, label="Contacts may change IP addresses")
    vars_toml = forms.CharField(
        required=False,
        label="Variables (TOML)",
        widget=forms.Textarea(attrs={"rows": 5, "class": "font-monospace", "spellcheck": "false"}),
    )
    first_reply_s = DurationField(
        label="First reply within", least=1, most=120, required=False, help_text="No reply at all: the next carrier"
    )
    pdd_s = DurationField(
        label="Ringing within", least=1, most=120, required=False, help_text="No ringing or answer: the next carrier"
    )
    ring_s = DurationField(
        label="Answer within", least=1, most=600, required=False, help_text="Of ringing. Empty = as the carrier says"
    )
    phone = PhoneField(required=False)
    zone = ZoneField(
        required=False, label="Time zone", help_text="Its portal tells this time beside UTC; empty = the account's"
    )
    country = CountryField(required=False)
    address_line1 = forms.CharField(max_length=200, required=False, label="Address")
    address_line2 = forms.CharField(max_length=200, required=False, label="Address, second line")
    city = forms.CharField(max_length=100, required=False)
    state = forms.CharField(max_length=100, required=False, label="Province or state")
    postcode = forms.CharField(max_length=20, required=False)
    email_verification = forms.BooleanField(required=False, label="Calls only after a contact's email is verified")
    mobile_verification = forms.BooleanField(required=False, label="Calls only after a contact's mobile is verified")
    note = forms.CharField(
        max_length=5000,
        required=False,
        label="A new note",
        help_text="For users of this panel only, kept with your name and the time",
        widget=NoteWidget(),
    )
    hours = HoursField(required=False, label="When calls are allowed")
    hours_hang_up = forms.BooleanField(
        required=False, label="Hang up where they end: calls are ended there, and not only new ones refused"
    )
    language = forms.CharField(
        max_length=10, required=False, help_text="Of its notices and documents, such as en or lt; empty = English"
    )
    low_balance_micros = MoneyField(
        required=False,
        label="Low balance below",
        help_text="Told once when what it has left falls below; empty = never",
    )
    notification_emails = LinesField(
        required=False, label="Notices go to", help_text="Emails, one to a line; empty = to its contacts"
    )
    notification_departments = _several(
        "Contacts told",
        [],
        help_text="Those in these departments; none, or nobody in them = all contacts",
    )
    notification_opt_outs = _several(
        "Not told of",
        [(event, NOTICES[event].title) for event in OPTIONAL],
        help_text="Mail about logins, passwords and caller numbers to be verified again is always sent",
    )

    def __init__(self, *arguments: Any, request: HttpRequest, currency: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        account = own_account(request)
        self._name_resellers(request)
        for name, order, nothing in OFFERED:
            known = known_of(request, name, self.initial).order_by(order)
            self._offer(name, known.defer("logo") if name in WITH_LOGO else known, nothing)
        offer_departments(self.fields["notification_departments"], account.pk)
        if reach(request) is not None:
            self._leave_out("tag_ids")
            self._leave_out("attestation")
        self.offer_paying(request, currency)
        if not self.offer_non_cli_cards(request, currency):
            self._leave_out("non_cli_card_id")
        self.fields["note"].disabled = not may(request, add_customer_note.__name__)
        self.fields["hours"].widget.attrs["data-default-zone"] = self.initial.get("zone") or account.zone
        credit = self.fields["debit_limit_micros"].widget
        assert isinstance(credit, CreditWidget)
        credit.unit = currency
        self.set_unit("daily_spend_limit_micros", currency)
        self.set_unit("low_balance_micros", currency)
        self.set_unit("local_price_nanos", f"{currency}/min" if currency else "per min")

    def _name_resellers(self, request: HttpRequest) -> None:
        """Through whom it may be sold to, and who does so now; a reseller's own users always sell by theirs."""
        now = Customer.objects.filter(pk=self.initial.get("parent_id") or 0, account=own_account(request))
        name_one_of(self, resellers(request) | now, field="parent_id")
        field = self.fields["parent_id"]
        if current_user(request).reseller_id is not None:
            field.required = field.widget.is_required = True
            field.help_text = "Who sells to this customer"

    def show_notes(self, request: HttpRequest, notes: Iterable[CustomerNote]) -> None:
        """Lists the notes that are there."""
        widget, name = self.fields["note"].widget, name_for(request)
        assert isinstance(widget, NoteWidget)
        widget.notes = [(name(note.author), note) for note in notes]

    def _leave_out(self, name: str) -> None:
        """Takes away a field that this user may not set: what the record has stays."""
        del self.fields[name]
        self.tabs = [(title, [one for one in names if one != name]) for title, names in self.tabs]  # type: ignore[misc]  # of this form alone

    def _offer(self, name: str, records: QuerySet[Any], none: str | None) -> None:
        """The records a field lets one choose from, and the words of choosing none."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        first = [] if none is None else [("", none)]
        field.choices = [*first, *((row.pk, str(row)) for row in records)]


class NewCustomerForm(CustomerForm):
    """The same with the currency, which is chosen once; only it and the name have to be given.

    What is cleared and cannot be empty is as the act makes it, or the template of the portal domain.
    """

    needed = ("name", "currency", "parent_id")

    tabs = [("Basic", [*CustomerForm.tabs[0][1][:3], "currency", *CustomerForm.tabs[0][1][3:]]), *CustomerForm.tabs[1:]]
    versioned = False
    number = forms.CharField(
        max_length=20, required=False, label="Account number", help_text="Empty = a free one is given"
    )
    currency = CurrencyField(help_text="Cannot be changed later")
    domain_id = pick(
        "Portal domain",
        [],
        required=False,
        help_text="Where its contacts log in. What you leave as it is comes from the domain's template customer",
    )
    billing_type = forms.ChoiceField(
        choices=[("", "Postpaid with a credit line, else prepaid"), *customer_billing.BILLING_TYPES], required=False
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.has_defaults = {"number"}
        for name, field in self.fields.items():
            if field.required and name not in self.needed:
                field.required = field.widget.is_required = False
                self.has_defaults.add(name)

    def given(self) -> dict[str, Any]:
        """The act's arguments. A domain other than the one that the form began with says what was left as it was."""
        values = {
            name: value
            for name, value in changes(self).items()
            if name not in self.has_defaults or value not in (None, "")
        }
        if not values["domain_id"] or "domain_id" not in self.changed_data:
            return values
        always = {"name", "currency", "parent_id", *self.changed_data}
        return {name: value for name, value in values.items() if name in always}

    def clean(self) -> dict[str, Any]:
        """Whoever gets credit is billed afterwards, unless told otherwise."""
        values: dict[str, Any] = super().clean() or {}
        if not values.get("billing_type"):
            values["billing_type"] = "postpaid" if (values.get("debit_limit_micros") or 0) > 0 else "prepaid"
        return values


class MovedCustomerForm(CustomerForm):
    """The same when another reseller was chosen: it has to be confirmed."""

    tabs = [
        CustomerForm.tabs[0],
        ("Config", ["parent_confirmed", *CustomerForm.tabs[1][1]]),
        *CustomerForm.tabs[2:],
    ]
    parent_confirmed = forms.BooleanField(
        required=False,
        label="Move it to the other reseller: from the next call on, that one's limits and prices hold; "
        "what was charged stays",
    )

    def clean_parent_confirmed(self) -> bool:
        """Only a tick goes on."""
        if not self.cleaned_data["parent_confirmed"]:
            raise ValidationError("Another reseller is chosen: tick to confirm, or choose the old one again.")
        return True


def known_of(request: HttpRequest, name: str, values: Mapping[str, Any]) -> QuerySet[Any]:
    """The records that this user may choose in a field of a customer that has these values."""
    value = values.get(name)
    had = value if isinstance(value, list) else [value] if value else []
    return offered(name, own_account(request).pk, actor(request), had)


def form_for(request: HttpRequest, customer: Customer) -> type[CustomerForm]:
    """The form for what was sent about this customer."""
    if request.method != "POST" or "parent_id" not in request.POST:
        return CustomerForm
    field = ResellerField(required=False)
    field.known = resellers(request) | Customer.objects.filter(pk=customer.parent_id or 0)
    try:
        chosen = field.clean(request.POST["parent_id"])
    except ValidationError:  # the form says so at its field
        return CustomerForm
    return CustomerForm if chosen == customer.parent_id else MovedCustomerForm
