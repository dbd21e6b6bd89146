"""Records that calls are asked by, of one owner or of all: what their pages share (aliases, CLI rules).

Their page extends `panel/tried_form.html`: below the form a card sends what is tried, and the form as it stands, to
`try_url`, whose view reads it by `tried`, `as_typed` and `whole`. The form for a record of any owner takes
`OfCompanyForm` beside the record's own.
"""

from typing import Any, Final

from django.http import HttpRequest

from tollgate.panel.access import own_customers
from tollgate.panel.company import CustomerField, name_one_of
from tollgate.ui.forms import HouseForm

ALL: Final = "All customers"
MOST_TRIED: Final = 128


class OfCompanyForm(HouseForm):
    """With the company, typed: there may be too many to list."""

    field_order = ("customer_id",)
    customer_id = CustomerField(
        required=False, label="Company", help_text="Its name or account number; empty = all customers"
    )

    def __init__(self, *arguments: Any, request: HttpRequest, **options: Any) -> None:
        super().__init__(*arguments, **options)
        name_one_of(self, own_customers(request).filter(deleted_at=None))


def as_typed(request: HttpRequest, name: str) -> str:
    """A text of the form, as it stands in the page."""
    return request.GET.get(name, "").strip()


def tried(request: HttpRequest, name: str) -> str:
    """What is tried on it."""
    return as_typed(request, f"try_{name}")[:MOST_TRIED]


def whole(request: HttpRequest, name: str) -> int:
    """A number of the form, or the id of a record; 0, which none has, for anything else."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
