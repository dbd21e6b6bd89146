"""How this user likes to see each list: what `ui.grid.respond` asks of every page of the panel.

`access` puts one into each request, so a list needs no line of its own. The columns dialog posts to `me.remember`.
"""

from dataclasses import dataclass
from urllib.parse import parse_qs

from django.urls import reverse

from tollgate.store.models import SavedView
from tollgate.ui.grid import Choice


@dataclass(frozen=True, slots=True)
class OwnViews:
    """The views of one user."""

    user_id: int

    @property
    def url(self) -> str:
        """Where a choice is sent to be kept."""
        return reverse("panel:remember")

    def choice(self, grid: str) -> Choice:
        """What the user chose for this list; nothing chosen is an empty choice."""
        own = SavedView.objects.filter(user_id=self.user_id, grid=grid, name="")
        kept = parse_qs(own.values_list("query", flat=True).first() or "")
        columns = kept.get("columns", [""])[0]
        return Choice(tuple(name for name in columns.split(",") if name), kept.get("sort", [""])[0])
