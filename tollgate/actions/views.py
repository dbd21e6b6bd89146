"""Acts on saved views: how a user likes to see a list. Everybody does them for himself, whatever the groups give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from django.db.models import Q

from tollgate.actions import checks
from tollgate.actions.acts import Actor, NotFound, act, current, refuse
from tollgate.core.areas import EVERY_AREA, may_read
from tollgate.core.lists import LISTS
from tollgate.store.models import SavedView

GRIDS: Final = frozenset().union(*LISTS.values())
COLUMNS_MOST: Final = 100
VIEWS_MOST: Final = 50
"""Of one user and list."""


def _columns(value: object) -> list[str]:
    """Names of columns in order; which of them a list has, it finds out when it is shown."""
    if not isinstance(value, (list, tuple)) or len(value) > COLUMNS_MOST:
        raise checks.Unfit(f"Give a list of at most {COLUMNS_MOST} columns.")
    name = checks.text(50, required=True)
    return [str(name(one)) for one in value]


def _grid(value: object) -> str:
    if not isinstance(value, str) or value not in GRIDS:
        raise checks.Unfit("There is no such list.")
    return value


CHECKS: Mapping[str, checks.Check] = {
    "grid": _grid,
    "columns": _columns,
    "sort": checks.text(100),
}


@act
def remember_view(*, grid: str, columns: Sequence[str] = (), sort: str = "") -> SavedView | None:
    """Keeps columns and sort of a list for the user who acts; with neither, the list is shown as it was made."""
    user_id = _user_id()
    values = checks.cleaned(CHECKS, {"grid": grid, "columns": list(columns), "sort": sort})
    own = SavedView.objects.filter(user_id=user_id, grid=values["grid"], name="")
    if not values["columns"] and not values["sort"]:
        own.delete()
        return None
    query = urlencode({"columns": ",".join(values["columns"]), "sort": values["sort"]})
    saved, _ = SavedView.objects.update_or_create(
        user_id=user_id, grid=values["grid"], name="", defaults={"query": query}
    )
    return saved


@act
def keep_view(*, grid: str, name: str, query: str, shared: bool = False) -> SavedView:
    """Keeps the state of a list under a name, in place of one of that name. `shared` shows it to everybody."""
    user_id = _user_id()
    known: dict[str, checks.Check] = {
        "grid": _grid,
        "name": checks.text(100, required=True),
        "query": checks.text(4000),
        "shared": checks.yes_no,
    }
    values = checks.cleaned(known, {"grid": grid, "name": name, "query": query, "shared": shared})
    own = SavedView.objects.filter(user_id=user_id, grid=values["grid"]).exclude(name="")
    if own.count() >= VIEWS_MOST and not own.filter(name=values["name"]).exists():
        raise refuse("name", f"You keep {VIEWS_MOST} views of this list already: forget one first.")
    saved, _ = SavedView.objects.update_or_create(
        user_id=user_id,
        grid=values["grid"],
        name=values["name"],
        defaults={"query": values["query"], "shared": values["shared"]},
    )
    return saved


@act
def forget_view(*, view_id: int) -> None:
    """Forgets a named view of one's own."""
    gone, _ = SavedView.objects.filter(user_id=_user_id(), pk=view_id).exclude(name="").delete()
    if not gone:
        raise NotFound(f"There is no view {view_id} of yours.")


def seen_by(actor: Actor) -> Q:
    """The views that an actor reads: one's own, and those that others of the house share of lists that he may open."""
    own, others = Q(user_id=actor.id if actor.kind == "user" else None), of_house(actor.reseller_id)
    if EVERY_AREA in actor.areas and actor.reach is None:
        return own | others
    open_to = [area for area in LISTS if may_read(area, actor.areas, reseller=actor.reach is not None)]
    return own | (others & Q(grid__in=[name for area in open_to for name in LISTS[area]]))


def of_house(reseller_id: int | None) -> Q:
    """The named views that users of a reseller share among themselves, or those of the account: what others share tells
    whom they look for."""
    return Q(shared=True, user__reseller_id=reseller_id) & ~Q(name="")


def _user_id() -> int:
    who = current.get()
    if who.kind != "user" or who.id is None:
        raise NotFound("Only a user has views of his own.")
    return who.id
