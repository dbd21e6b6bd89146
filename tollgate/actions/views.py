"""Acts on saved views: how a user likes to see a list. Everybody does them for himself; they belong to no area."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from tollgate.actions import checks
from tollgate.actions.acts import NotFound, act, current
from tollgate.store.models import SavedView

COLUMNS_MOST: Final = 100


def _columns(value: object) -> list[str]:
    """Names of columns in order; which of them a list has, it finds out when it is shown."""
    if not isinstance(value, (list, tuple)) or len(value) > COLUMNS_MOST:
        raise checks.Unfit(f"Give a list of at most {COLUMNS_MOST} columns.")
    name = checks.text(50, required=True)
    return [str(name(one)) for one in value]


CHECKS: Mapping[str, checks.Check] = {
    "grid": checks.text(50, required=True),
    "columns": _columns,
    "sort": checks.text(100),
}


@act
def remember_view(*, grid: str, columns: Sequence[str] = (), sort: str = "") -> SavedView | None:
    """Keeps columns and sort of a list for the user who acts; with neither, the list is shown as it was made."""
    who = current.get()
    if who.kind != "user" or who.id is None:
        raise NotFound("Only a user has views of his own.")
    values = checks.cleaned(CHECKS, {"grid": grid, "columns": list(columns), "sort": sort})
    own = SavedView.objects.filter(user_id=who.id, grid=values["grid"], name="")
    if not values["columns"] and not values["sort"]:
        own.delete()
        return None
    query = urlencode({"columns": ",".join(values["columns"]), "sort": values["sort"]})
    saved, _ = SavedView.objects.update_or_create(
        user_id=who.id, grid=values["grid"], name="", defaults={"query": query}
    )
    return saved
