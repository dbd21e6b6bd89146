"""The fields of a customer's form that decide how it may pay: the tab Payments of customer_forms.py."""

from typing import Any, Final

from django import forms
from django.http import HttpRequest

from tollgate.actions.payment_amounts import gateway_names
from tollgate.panel.access import own_account
from tollgate.panel.customer_billing import BillingFields
from tollgate.ui.fields import SEARCHABLE, MoneyField

FIELDS: Final = [
    "minimum_payment_micros", "topup_currencies", "payment_gateways", "paypal_email", "create_invoice_on_payment",
]  # fmt: skip
AS_ABOVE: Final = "*"


class GatewaysField(forms.MultipleChoiceField):
    """The ways to pay that are allowed: what stands above (None), or exactly those that are chosen."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, widget=forms.SelectMultiple(attrs=SEARCHABLE), **options)

    def clean(self, value: Any) -> Any:
        """The names, or None for what stands above."""
        chosen = super().clean(value)
        if AS_ABOVE in chosen and len(chosen) > 1:
            raise forms.ValidationError("Choose the first alone, or the ways one by one.")
        return None if AS_ABOVE in chosen else chosen

    def prepare_value(self, value: Any) -> Any:
        """A stored value as choices."""
        return [AS_ABOVE] if value is None else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether other ways are chosen."""
        return set(self.prepare_value(initial) or []) != set(data or [])


class PayingFields(BillingFields):
    """How a customer's contacts may pay, and by what its payments are known."""

    minimum_payment_micros = MoneyField(
        required=False,
        least=0,
        initial=0,
        label="Minimum payment",
        help_text="Of its contacts; what you enter is free of it",
    )
    topup_currencies = forms.MultipleChoiceField(
        required=False,
        label="Top-up currencies",
        help_text="None = all that a gateway takes. Without its own currency it cannot pay by bank transfer either",
        widget=forms.SelectMultiple(attrs=SEARCHABLE),
    )
    payment_gateways = GatewaysField(label="May pay by", help_text="None chosen = it cannot pay by itself")
    paypal_email = forms.EmailField(
        required=False, label="PayPal email", help_text="Money from this address at PayPal is this customer's"
    )
    create_invoice_on_payment = forms.BooleanField(required=False, label="A receipt for each payment")

    def clean_minimum_payment_micros(self) -> int:
        """Empty is none."""
        return self.cleaned_data["minimum_payment_micros"] or 0

    def offer_paying(self, request: HttpRequest, currency: str) -> None:
        """The gateways of the account and their currencies."""
        account = own_account(request)
        names, ways = gateway_names(account.pk), self.fields["payment_gateways"]
        codes, allowed = self.fields["topup_currencies"], self.initial.get("topup_currencies") or []
        assert isinstance(ways, forms.MultipleChoiceField)
        assert isinstance(codes, forms.MultipleChoiceField)
        kept = [name for name in self.initial.get("payment_gateways") or [] if name not in names]
        ways.choices = [(AS_ABOVE, "As its portal domain says"), *names.items(), *((name, name) for name in kept)]
        taken = {code for row in account.payment_gateways.values_list("currencies", flat=True) for code in row}
        codes.choices = [(code, code) for code in sorted({account.currency, *taken, *allowed})]
        self.set_unit("minimum_payment_micros", currency)
