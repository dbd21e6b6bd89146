"""The form of a portal domain: its brand and look, its sections, what its new customers begin with.

To add a field: the field and its tab here, its name in `FIELDS`; what it means is in actions/portal_domains.py.
"""

import base64
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Q

from tollgate.actions.payment_amounts import gateway_names
from tollgate.actions.portal_domains import SECTIONS
from tollgate.core.colors import THEME
from tollgate.core.money import CURRENCIES
from tollgate.core.pictures import MOST_BYTES, PictureRefused, read_picture
from tollgate.panel.company import CardsField, CustomerField, name_one_of
from tollgate.panel.customer_forms import SECTION_WORDS
from tollgate.panel.customer_paying import AS_ABOVE, GatewaysField
from tollgate.panel.fields import ColorField, note, pick
from tollgate.panel.saving import changes
from tollgate.store.models import Account, Card, Customer, InvoiceTemplate, PortalDomain
from tollgate.ui.fields import SEARCHABLE, TicksWidget
from tollgate.ui.forms import HouseForm
from tollgate.ui.phones import PhoneField

FIELDS = (
    "host", "brand", *THEME, "custom_css", "sections", "payment_gateways", "welcome_text", "footer_text", "terms_url",
    "privacy_url", "imprint_url", "support_url", "support_phone", "support_email", "currencies",
    "template_customer_id", "card_ids", "invoice_template_id",
)  # fmt: skip
SUPPORT = ("support_url", "support_phone", "support_email")
LEGAL = ("terms_url", "privacy_url", "imprint_url")


class LogoField(forms.FileField):
    """A PNG or SVG file; the value is its base64 text, None when no file was sent."""

    def clean(self, data: Any, initial: Any = None) -> str | None:
        """The checked file as the act takes it."""
        file = super().clean(data, initial)
        if not isinstance(file, UploadedFile):
            return None
        content = file.read(MOST_BYTES + 1)
        try:
            read_picture(content)
        except PictureRefused as problem:
            raise ValidationError(str(problem)) from None
        return base64.b64encode(content).decode()


def _ways_to_pay() -> list[tuple[str, str]]:
    """Every way, and each by itself. An installation serves one account."""
    account_id = Account.objects.order_by("id").values_list("pk", flat=True).first()
    return [(AS_ABOVE, "Every way there is"), *(gateway_names(account_id).items() if account_id else ())]


class PortalDomainForm(HouseForm):
    """One address with its brand."""

    tabs = [
        ("Basic", ["host", "brand", "logo", "logo_removed"]),
        ("Look", [*THEME, "custom_css"]),
        ("Sections", ["sections", "payment_gateways", "welcome_text"]),
        ("New customers", ["currencies", "template_customer_id", "card_ids", "invoice_template_id"]),
        ("Support and legal", [*SUPPORT, *LEGAL, "footer_text"]),
    ]
    widths = {
        "sections": 12, "payment_gateways": 12, "welcome_text": 12, "custom_css": 12, "footer_text": 12,
        **dict.fromkeys((*SUPPORT, *LEGAL), 4),
    }  # fmt: skip
    host = forms.CharField(
        max_length=253, label="Domain", help_text="Such as portal.example.com; let it lead to this server by a CNAME"
    )
    brand = forms.CharField(max_length=100)
    color = ColorField(help_text="Buttons and links; it has to be readable on white")
    color_dark = ColorField(label="Color in the dark theme", help_text="Empty = the same, made readable on dark")
    sidebar_color = ColorField(label="Sidebar", help_text="Dark, for the light text on it")
    background = ColorField(help_text="Light, for the dark text on it")
    background_dark = ColorField(label="Background in the dark theme", help_text="Dark, for the light text on it")
    custom_css = forms.CharField(
        required=False,
        label="Your own stylesheet (CSS)",
        help_text="Of the portal alone. It may name no addresses and no other sheets. "
        "If it breaks a page, ?plain at the end of its address leaves it out",
        widget=forms.Textarea(attrs={"rows": 8, "class": "font-monospace", "spellcheck": "false"}),
    )
    logo = LogoField(
        required=False,
        help_text="PNG or SVG, at most 200 kB; empty = as it is",
        widget=forms.FileInput(attrs={"accept": ".png,.svg"}),
    )
    logo_removed = forms.BooleanField(required=False, label="Without a logo")
    sections = forms.MultipleChoiceField(
        required=False, choices=list(SECTION_WORDS.items()), widget=TicksWidget, initial=list(SECTIONS)
    )
    payment_gateways = GatewaysField(
        label="Customers may pay by", choices=_ways_to_pay, help_text="Unless the customer says otherwise"
    )
    welcome_text = note(label="Welcome text", help_text="Shown to contacts after they log in")
    support_url = forms.CharField(max_length=200, required=False, label="Support page")
    support_phone = PhoneField(required=False)
    support_email = forms.EmailField(required=False)
    terms_url = forms.CharField(max_length=200, required=False, label="Terms", help_text="Pages of yours at the foot")
    privacy_url = forms.CharField(max_length=200, required=False, label="Privacy")
    imprint_url = forms.CharField(max_length=200, required=False, label="Imprint")
    footer_text = note(label="Foot of every page", max_length=500)
    currencies = forms.MultipleChoiceField(
        required=False,
        choices=[(code, code) for code in sorted(CURRENCIES)],
        help_text="Of new customers, and of what contacts pay in; none = all. Who has another keeps it",
        widget=forms.SelectMultiple(attrs=SEARCHABLE),
    )
    template_customer_id = CustomerField(
        required=False,
        label="Template customer",
        help_text="Its name or number. New customers get its settings, routes and packages, unless told otherwise",
    )
    card_ids = CardsField(
        "sold_card",
        required=False,
        label="Rate cards",
        help_text="New customers pay by these on the template's routes, one for each currency (semicolons between); "
        "none = as the template",
    )
    invoice_template_id = pick(
        "Invoice template", [], required=False, help_text="Of customers who have none of their own"
    )

    def __init__(self, *arguments: Any, account: Account, **options: Any) -> None:
        super().__init__(*arguments, **options)
        sold = Card.objects.filter(account=account, kind="customer", reseller=None, direction="termination")
        fits = Q(parent=None, deleted_at=None) | Q(pk=self.initial.get("template_customer_id"))
        name_one_of(self, Customer.objects.filter(fits, account=account), field="template_customer_id")
        name_one_of(self, sold, field="card_ids")
        papers = InvoiceTemplate.objects.filter(account=account).order_by("name")
        paper = self.fields["invoice_template_id"]
        assert isinstance(paper, forms.TypedChoiceField)
        paper.choices = [("", "As in stock"), *((row.pk, str(row)) for row in papers)]

    def given(self) -> dict[str, Any]:
        """The act's arguments: a logo only when it changes."""
        values = changes(self, leave_out=["logo", "logo_removed"])
        if self.cleaned_data["logo_removed"]:
            return {**values, "logo": None}
        logo = self.cleaned_data["logo"]
        return values if logo is None else {**values, "logo": logo}


class ChangedPortalDomainForm(PortalDomainForm):
    """The same with the version that was opened."""

    versioned = True


def values_of(domain: PortalDomain) -> dict[str, Any]:
    """A domain as its form begins."""
    values = {name: getattr(domain, name) for name in FIELDS}
    return {**values, "version": domain.version}
