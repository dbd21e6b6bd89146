"""The fields of a customer's form that say which caller numbers its calls show, and what others cost: in the tab
Verification of customer_forms.py."""

from typing import Final

from django import forms
from django.db.models import Q
from django.http import HttpRequest

from tollgate.core.cli_pools import MODES
from tollgate.core.cli_rules import SELECTIONS
from tollgate.panel.access import rights
from tollgate.panel.choosable import non_cli_cards
from tollgate.panel.company import CardField, name_one_of
from tollgate.panel.suggestions import KINDS
from tollgate.store.models import Card
from tollgate.ui.forms import HouseForm

FIELDS: Final = ["approved_clis_only", "cli_selection", "cli_pool", "non_cli_card_id"]
SELECTION_WORDS: Final = {
    "first": "The first",
    "random": "Any, by chance",
    "weighted": "By their weights",
    "round_robin": "One after the other",
}
POOL_WORDS: Final = {
    "disabled": "Disabled: any number will do",
    "did_or_random": "Show a DID of its own, else any of them",
    "cli_or_random": "Show a CLI of its own, else any of them",
    "non_cli_unless_did": "NON-CLI card, unless it is a DID of its own",
    "non_cli_unless_cli": "NON-CLI card, unless it is a CLI of its own",
    "non_cli_unless_either": "NON-CLI card, unless it is a DID or CLI of its own",
    "refuse_unless_did": "Refuse, unless it is a DID of its own",
    "refuse_unless_cli": "Refuse, unless it is a CLI of its own",
    "refuse_unless_either": "Refuse, unless it is a DID or CLI of its own",
}
KIND: Final = "non_cli_card"


class CliFields(HouseForm):
    """Which numbers calls show, and by which card those pay that show another."""

    approved_clis_only = forms.BooleanField(
        required=False, label="Approved CLIs only: calls from any other caller's number are refused"
    )
    cli_selection = forms.ChoiceField(
        choices=[(name, SELECTION_WORDS[name]) for name in SELECTIONS],
        initial="first",
        label="Of several forced CLIs",
        help_text="Which is shown where no CLI rule fits",
    )
    cli_pool = forms.ChoiceField(
        choices=[(name, POOL_WORDS[name]) for name in MODES],
        initial="disabled",
        label="CLI pool",
        help_text="By the caller's number. CLIs of its own are verified, or named by a CLI rule of its own",
    )
    non_cli_card_id = CardField(
        KIND,
        required=False,
        label="NON-CLI card",
        help_text="What calls pay by from numbers that are not in the pool; empty = they are refused",
    )

    def offer_non_cli_cards(self, request: HttpRequest, currency: str) -> bool:
        """Says which cards one may name, in a currency if that is known; False for who may read none."""
        if not any(rights(request).reads(area) for area in KINDS[KIND][0]):
            return False
        now = Card.objects.filter(Q(pk=self.initial.get("non_cli_card_id") or 0), kind="customer")
        known = non_cli_cards(request, currency) | now.select_related("reseller")
        name_one_of(self, known, field="non_cli_card_id", **({"currency": currency} if currency else {}))
        return True
