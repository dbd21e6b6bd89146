"""Packages for DIDs: the field that names the DID which a package is for, and what the page of a DID tells of them."""

from typing import Any, Final

from django import forms
from django.http import HttpRequest

from tollgate.core.digits import NumberInvalid, normalize
from tollgate.panel.access import may, reach, rights
from tollgate.panel.cells import excerpt, link
from tollgate.store.models import Customer, CustomerPackage, Did
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Grid
from tollgate.ui.packages import falls_due
from tollgate.ui.sources import QuerysetSource

OF_DID: Final = Grid(
    name="did-packages",
    columns=(
        Column("package", "Package", value="package.name", link=link("panel:customer_package", lambda row: row.pk)),
        Column("customer", "Paid by", value="customer.name"),
        Column("quantity", "Quantity", kind=Kind.COUNT),
        Column("due", "Falls due", value=lambda row: falls_due(row.package), says=True),
        Column("starts_on", "From"),
        Column("ends_on", "Until"),
        Column("next_on", "Next charge"),
    ),
    sort="-starts_on",
    searchable=False,
    compact=True,
    empty_text="No package is or was for this DID.",
)


class OwnDidField(forms.CharField):
    """A DID of one customer by its number; the value is its id, None where nothing is typed. Numbers are typed, because
    a customer may have very many."""

    owner: Customer | None = None

    def __init__(self, **options: Any) -> None:
        told = "Its number, for a package that is for one DID; empty: for the customer as a whole"
        super().__init__(**{"label": "DID", "required": False, "max_length": 30, "help_text": told, **options})

    def clean(self, value: Any) -> int | None:
        """The id of the number that was typed."""
        text = super().clean(value)
        if not text:
            return None
        try:
            number = normalize(text).removeprefix("00")
        except NumberInvalid:
            number = ""
        found: int | None = Did.objects.filter(customer=self.owner, number=number).values_list("pk", flat=True).first()
        if found is None:
            raise forms.ValidationError("This customer has no DID of this number.")
        return found


def of_did(request: HttpRequest, did: Did) -> dict[str, Any]:
    """What the page of a DID tells of packages: nothing to who does not read them."""
    if reach(request) is not None or not rights(request).reads("packages"):
        return {}
    held = CustomerPackage.objects.filter(did=did).select_related("package", "customer").order_by("-pk")
    return {
        "held": excerpt(OF_DID, QuerysetSource(queryset=held)),
        "may_assign": did.customer_id is not None and may(request, "assign_package"),
    }
