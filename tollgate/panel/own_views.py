"""How this user likes to see each list: what `ui.grid.respond` asks of every page of the panel.

`access` puts one into each request, so a list needs no line of its own. The columns dialog posts to `me.remember`, the
menu of views to `me.views`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from django.db.models import Q
from django.urls import reverse

from tollgate.actions.views import of_house
from tollgate.store.models import SavedView
from tollgate.ui.memory import Choice, NamedView


@dataclass(slots=True)
class OwnViews:
    """The views of one user."""

    user_id: int
    reseller_id: int | None = None
    smart: Callable[[], bool] = bool
    read: dict[str, list[SavedView]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where a choice is sent to be kept."""
        return reverse("panel:remember")

    @property
    def loads_on(self) -> bool:
        """As the account's options say for everybody."""
        return self.smart()

    @property
    def views_url(self) -> str:
        """Where a named view is kept or forgotten."""
        return reverse("panel:views")

    @property
    def pivot_template(self) -> str:
        """The page of a list as a pivot."""
        return "panel/pivot.html"

    def choice(self, grid: str) -> Choice:
        """What the user chose for this list; nothing chosen is an empty choice."""
        query = next((view.query for view in self._of(grid) if not view.name), "")
        kept = parse_qs(query)
        columns = kept.get("columns", [""])[0]
        return Choice(tuple(name for name in columns.split(",") if name), kept.get("sort", [""])[0])

    def views(self, grid: str) -> Sequence[NamedView]:
        """The user's own, then those that others of the same house share, by name."""
        named = [
            NamedView(
                view_id=view.pk,
                name=view.name,
                query=view.query,
                owner=view.user.name or view.user.email,
                mine=view.user_id == self.user_id,
                shared=view.shared,
            )
            for view in self._of(grid)
            if view.name
        ]
        return sorted(named, key=lambda view: (not view.mine, view.name.lower()))

    def _of(self, grid: str) -> list[SavedView]:
        """Every view of the list that concerns this user, read once for each page."""
        if grid not in self.read:
            theirs = Q(user_id=self.user_id) | of_house(self.reseller_id)
            self.read[grid] = list(SavedView.objects.filter(theirs, grid=grid).select_related("user"))
        return self.read[grid]
