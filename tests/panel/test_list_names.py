"""The lists of the panel stand in `core.lists`, below the area of the page that shows them."""

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterator, Mapping

import tollgate.panel
from tollgate.core.areas import AREAS, area_of_page
from tollgate.core.lists import LISTS
from tollgate.ui.grid import Grid


def grids_of(value: object) -> Iterator[Grid]:
    """The grids in a value of a module."""
    if isinstance(value, Grid):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from grids_of(one)


def areas_of_lists() -> dict[str, set[str]]:
    """Each list that a module of the panel has, with the areas of the modules that have it; those of no area are parts
    of pages."""
    found: dict[str, set[str]] = defaultdict(set)
    for known in pkgutil.iter_modules(tollgate.panel.__path__):
        module = importlib.import_module(f"tollgate.panel.{known.name}")
        for value in vars(module).values():
            for grid in grids_of(value):
                found[grid.name] |= {area_of_page(module.__name__)} - {""}
    return found


def test_every_list_stands_below_the_area_of_its_page() -> None:
    told = {name: area for area, names in LISTS.items() for name in names}
    found = areas_of_lists()
    assert found.keys() <= told.keys(), "a view of it that is shared would be told only to those who read everything"
    assert {name: told[name] for name, areas in found.items() if areas and told[name] not in areas} == {}
    assert LISTS.keys() <= AREAS.keys()
