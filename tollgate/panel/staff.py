"""Who did something, as the user may be told: to a reseller's user everybody of the operator's staff is "Operator".

A template says `{% who name %}`, a page asks `name_for(request)`, and `as_seen` does it for columns of a list. Names
are emails, as acts keep them; those of the reseller's own users, of its customers' contacts and of jobs are told as
they are.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from django.http import HttpRequest

from tollgate.core.areas import STAFF_FIELDS
from tollgate.panel.access import current_user, own_customers
from tollgate.store.models import Contact, User
from tollgate.ui.grid import Grid
from tollgate.ui.words import told

OPERATOR: Final = "Operator"


def colleagues(request: HttpRequest) -> frozenset[int] | None:
    """The ids of the users of one's own reseller, read once per request; None for a user of the account."""
    reseller_id = current_user(request).reseller_id
    if reseller_id is None:
        return None
    known = getattr(request, "colleagues", None)
    if not isinstance(known, frozenset):
        known = frozenset(User.objects.filter(reseller_id=reseller_id).values_list("pk", flat=True))
        request.colleagues = known  # type: ignore[attr-defined]  # kept for the rest of the request
    return known


def name_for(request: HttpRequest) -> Callable[[str], str]:
    """How the name of whoever did something is told to this user; each is looked for once per request."""
    ids = colleagues(request)
    if ids is None:
        return str
    if not hasattr(request, "told_names"):
        emails = User.objects.filter(pk__in=ids).values_list("email", flat=True)
        request.told_names = {email: email for email in emails}  # type: ignore[attr-defined]  # kept for the request
    known: dict[str, str] = request.told_names  # type: ignore[attr-defined]  # as set above

    def name(author: str) -> str:
        if "@" in author and author not in known:
            theirs = Contact.objects.filter(customer__in=own_customers(request), email=author).exists()
            known[author] = author if theirs else operator()
        return known.get(author, author)

    return name


def operator() -> str:
    """The word for everybody of the operator's staff."""
    return str(told(OPERATOR))


def told_values(request: HttpRequest, values: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The values of a record with the names among them as this user may be told."""
    if values is None or colleagues(request) is None or not STAFF_FIELDS & values.keys():
        return values
    name = name_for(request)
    return {
        field: name(value) if field in STAFF_FIELDS and isinstance(value, str) else value
        for field, value in values.items()
    }


def as_seen(request: HttpRequest, grid: Grid, **values: Callable[[Any], str]) -> Grid:
    """A list some of whose columns tell who did something: `values` says by the column's name how a reseller's user is
    told. They then have no order and no filter: both would tell of what is not shown."""
    if colleagues(request) is None:
        return grid
    columns = tuple(
        replace(one, value=values[one.name], sort="") if one.name in values else one for one in grid.columns
    )
    return replace(grid, columns=columns, filters=tuple(one for one in grid.filters if one.name not in values))
