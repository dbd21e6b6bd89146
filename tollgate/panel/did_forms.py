"""The forms of DIDs: what the operator says of a number, what a reseller's users may say, and the cards of every level.

The cards by which the resellers above the customer pay are asked for once the customer is named: `SellersWidget` draws
a field for each, and asks `panel:did_sellers` for others when another customer is typed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property

from tollgate.actions.dids import OF_CUSTOMER, OPERATED
from tollgate.panel.access import own_account, own_customers
from tollgate.panel.choosable import bought_cards, did_cards
from tollgate.panel.company import CardField, CustomerField, name_one_of
from tollgate.panel.fields import ChannelsField, CpsField, pick
from tollgate.store.models import Card, Carrier, Customer, Did
from tollgate.ui.fields import DurationField
from tollgate.ui.forms import HouseForm

RECORDING_WORDS = {"inherit": "As the customer's", "off": "Never", "on": "Always"}
ORDER_WORDS = {"serial": "One after the other", "random": "In random order"}
PAI_WORDS = {"default": "As the carrier gives it", "remove": "Removed"}


class PlacesField(forms.CharField):
    """Where calls go, one place per line; what a line may be the act says, with the line's number."""

    def __init__(self) -> None:
        super().__init__(
            required=False,
            max_length=5000,
            label="Destinations",
            help_text="One per line, at most 10: an extension or a SIP user of the customer (a SIP user stands alone), "
            "or a SIP URI such as sip:192.0.2.7 or sip:office@pbx.example.com:5080;transport=tcp. Without a user the "
            "DID's number is called there",
            widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        )

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether other places are written, however the browser ends its lines."""
        return str(initial or "").split() != str(data or "").split()


class SellersWidget(forms.Widget):
    """A field for the card of each reseller above the customer."""

    template_name = "panel/did_sellers.html"
    use_fieldset = True

    def __init__(self) -> None:
        super().__init__()
        self.sellers: Sequence[Customer] = ()
        self.fields: Mapping[str, CardField] = {}
        self.waits = False
        """Whether it says that the customer comes first."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Each reseller with what is typed or chosen."""
        given: Mapping[str, Any] = value or {}
        rows = [
            {"seller": seller, "text": self._shown(given, str(seller.pk)), "suggest": suggestions_of(seller)}
            for seller in self.sellers
        ]
        more = {"rows": rows, "waits": self.waits}
        return {**super().get_context(name, value, attrs), **more}

    def _shown(self, given: Mapping[str, Any], key: str) -> Any:
        return self.fields[key].prepare_value(given.get(key)) or ""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> dict[str, str]:
        """The texts, by the reseller's id."""
        return {str(seller.pk): str(data.get(f"{name}-{seller.pk}", "")).strip() for seller in self.sellers}

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """No field at all is an answer."""
        return False

    def id_for_label(self, id_: str) -> str:
        """A fieldset's legend points at no single control."""
        return ""


class SellersField(forms.Field):
    """By which card each reseller above the customer pays."""

    widget: SellersWidget

    def __init__(self) -> None:
        super().__init__(required=False, label="Resellers above it pay by", widget=SellersWidget())

    def of(self, sellers: Sequence[Customer]) -> None:
        """Asks for the cards of these."""
        fields = {str(seller.pk): CardField("did_card", required=False) for seller in sellers}
        for seller in sellers:
            fields[str(seller.pk)].known = did_cards(seller, resold=False)
        self.widget.sellers, self.widget.fields = sellers, fields

    def clean(self, value: Any) -> dict[str, int]:
        """The ids of the cards; an error names the reseller. Whose is empty is left out, and the act says so."""
        found: dict[str, int] = {}
        for seller in self.widget.sellers:
            key = str(seller.pk)
            try:
                card_id = self.widget.fields[key].clean((value or {}).get(key, ""))
            except forms.ValidationError as problem:
                raise forms.ValidationError(f"{seller.name}: {problem.messages[0]}") from None
            if card_id is not None:
                found[key] = card_id
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether other cards are named."""
        try:
            return self.clean(data) != (initial or {})
        except forms.ValidationError:
            return True


class DidForm(HouseForm):
    """Everything about a number. `did` is the one that is changed, `owner` whom a new one is for, if that is known."""

    tabs = [
        ("Basic", ["customer_id", "card_id", "reseller_cards", "carrier_id", "carrier_card_id", "enabled"]),
        ("Destinations", ["destinations", "order"]),
        ("Limits", ["channels", "cps_milli", "max_duration_s"]),
        ("Media", ["recording", "pai_mode"]),
        ("Notes", ["public_note", "private_note"]),
    ]
    widths = {
        "number": 12, "customer_id": 6, "card_id": 6, "reseller_cards": 12, "carrier_id": 6, "carrier_card_id": 6,
        "enabled": 12, "destinations": 8, "order": 4, "recording": 6, "pai_mode": 6, "public_note": 6,
        "private_note": 6,
    }  # fmt: skip
    customer_id = CustomerField(
        required=False, label="Customer", help_text="Its name or account number; empty = in the inventory"
    )
    card_id = CardField(
        "did_card", required=False, label="Customer card", help_text="What the customer pays for calls to it"
    )
    reseller_cards = SellersField()
    carrier_id = pick("Carrier", [], required=False, help_text="Who brings its calls; empty = no call comes to it")
    carrier_card_id = pick("Carrier card", [], required=False, help_text="What the carrier is paid; empty = nothing")
    destinations = PlacesField()
    order = forms.ChoiceField(
        choices=tuple(ORDER_WORDS.items()), help_text="Where nothing rings, or the server fails, the next is tried"
    )
    channels = ChannelsField()
    cps_milli = CpsField(label="New calls per second", help_text="0 = no limit")
    max_duration_s = DurationField(
        label="Longest call",
        required=False,
        least=1,
        most=86_400,
        help_text="Empty = as the customer's, which is never exceeded",
    )
    recording = forms.ChoiceField(choices=tuple(RECORDING_WORDS.items()))
    pai_mode = forms.ChoiceField(
        choices=tuple(PAI_WORDS.items()), label="P-Asserted-Identity", help_text="What the customer's phone is told"
    )
    public_note = forms.CharField(
        required=False,
        max_length=2000,
        help_text="The customer reads it in the portal",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    private_note = forms.CharField(
        required=False, max_length=2000, help_text="For the operator alone", widget=forms.Textarea(attrs={"rows": 3})
    )
    enabled = forms.BooleanField(required=False, initial=True)

    def __init__(
        self, *arguments: Any, request: HttpRequest, did: Did | None = None, owner: Customer | None = None,
        **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(*arguments, **options)
        self.request = request
        self.did = did
        if not own_account(request).recording:
            wish = self.fields["recording"]
            wish.disabled, wish.initial = True, "inherit"
            wish.help_text = "Nothing is recorded: call recording is not enabled in System > Account"
        now = did.customer if did else owner
        self._name_customers(now)
        self.payer = self._named_customer() if self.add_prefix("customer_id") in self.data else now
        if owner is not None:
            self.fields["customer_id"].initial = owner.pk
        self._name_cards(did.card_id if did else None)
        self.moved = self.payer != now
        self._name_sellers()
        self._name_carriers()

    @cached_property
    def changed_data(self) -> list[str]:
        """Of another customer everything is told anew that only a customer's DID has."""
        return [*super().changed_data, *(OF_CUSTOMER if self.moved else ())]

    def _name_customers(self, now: Customer | None) -> None:
        known = own_customers(self.request)
        name_one_of(self, known.filter(deleted_at=None) | known.filter(pk=now.pk if now else 0))

    def _named_customer(self) -> Customer | None:
        """Whom the form says has it; none where nobody of this name is known."""
        field = self.fields["customer_id"]
        assert isinstance(field, CustomerField)
        try:
            found = field.clean(self.data.get(self.add_prefix("customer_id"), ""))
        except forms.ValidationError:
            return None
        return Customer.objects.filter(pk=found or 0).first()

    def _name_cards(self, card_id: int | None) -> None:
        known = did_cards(self.payer or own_account(self.request), resold=False)
        name_one_of(self, known | _that(card_id), field="card_id")
        self.fields["card_id"].widget.attrs["data-suggest-with"] = "customer_id"

    def _name_sellers(self) -> None:
        field = self.fields["reseller_cards"]
        assert isinstance(field, SellersField)
        field.of(sellers_of(self.payer))

    def wait_for_sellers(self) -> None:
        """Says that the customer comes first, where the cards of resellers are a field of their own."""
        widget = self.fields["reseller_cards"].widget
        assert isinstance(widget, SellersWidget)
        widget.waits = True

    def _name_carriers(self) -> None:
        account = own_account(self.request)
        carrier, card = self.fields["carrier_id"], self.fields["carrier_card_id"]
        assert isinstance(carrier, forms.TypedChoiceField)
        assert isinstance(card, forms.TypedChoiceField)
        carriers = Carrier.objects.filter(account=account).order_by("name").values_list("pk", "name")
        carrier.choices = [("", "None"), *carriers]
        cards = bought_cards(account, "origination").order_by("carrier__name", "name")
        card.choices = [("", "None"), *((row.pk, f"{row.carrier}: {row.name} ({row.currency})") for row in cards)]


class NewDidForm(DidForm):
    """With the number, which never changes."""

    tabs = [("Basic", ["number", *DidForm.tabs[0][1]]), *DidForm.tabs[1:]]
    number = forms.CharField(
        max_length=40,
        help_text="In international form, such as +44 20 7183 8750. It is kept as digits and cannot be changed later",
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )


class ChangedDidForm(DidForm):
    """With the version that was opened."""

    versioned = True


class ResoldDidForm(ChangedDidForm):
    """What a reseller's users say of a DID of their customers: not who brings its calls, nor what they pay."""

    tabs = [
        ("Basic", ["card_id", "enabled"]),
        ("Destinations", ["destinations", "order"]),
        ("Media", ["recording", "pai_mode"]),
        ("Notes", ["public_note"]),
    ]

    def __init__(self, *arguments: Any, did: Did, **options: Any) -> None:
        super().__init__(*arguments, did=did, **options)
        for name in OPERATED:
            del self.fields[name]

    def _name_cards(self, card_id: int | None) -> None:
        assert isinstance(self.payer, Customer)
        name_one_of(self, did_cards(self.payer, resold=True) | _that(card_id), field="card_id", customer=self.payer.pk)

    def _named_customer(self) -> Customer | None:
        """It stays whose it is."""
        assert self.did is not None
        return self.did.customer


def sellers_of(customer: Customer | None) -> list[Customer]:
    """The resellers above a customer, the nearest first."""
    found: list[Customer] = []
    parent_id = customer.parent_id if customer else None
    while parent_id is not None:
        found.append(Customer.objects.get(pk=parent_id))
        parent_id = found[-1].parent_id
    return found


def suggestions_of(seller: Customer) -> str:
    """Where the cards that a reseller may pay by are suggested."""
    return f"{reverse('panel:suggestions', args=['did_card'])}?customer={seller.pk}"


def _that(card_id: int | None) -> QuerySet[Card]:
    """The card that it has, whatever fits."""
    return Card.objects.filter(pk=card_id or 0, kind="customer").select_related("reseller")
