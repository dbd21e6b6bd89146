"""What a face knows of how its user likes to see lists: put into the request as `grid_memory` for `ui.grid`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Choice:
    """What a user wants to see of a grid: column names in order, and the sort. Empty means the grid's own."""

    columns: tuple[str, ...] = ()
    sort: str = ""


@dataclass(frozen=True, slots=True)
class NamedView:
    """A view that somebody has kept under a name: the part of the list's address, and whose it is."""

    view_id: int
    name: str
    query: str
    owner: str
    mine: bool
    shared: bool


class Memory(Protocol):
    """What a face knows of its user's choices."""

    @property
    def loads_on(self) -> bool:
        """Whether a list loads its next page by itself as its end comes into view (`ui/loading.js`)."""

    @property
    def views_url(self) -> str:
        """Where a view is kept (`grid`, `name`, `query`, `shared`, `back`), or forgotten (`forget`: its id)."""

    def views(self, grid: str) -> Sequence[NamedView]:
        """The named views of the grid of that name: the user's own and those that others share."""

    @property
    def url(self) -> str:
        """Where the columns dialog posts `grid`, `columns` and `sort`, or `reset`, and `back`: the list's address."""

    @property
    def pivot_template(self) -> str:
        """The page that tells a list as a pivot."""

    def choice(self, grid: str) -> Choice:
        """The user's choice for the grid of that name."""
