"""The table of rights in the form of a group: a line per area, to read it and to do each of its acts."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django import forms

from tollgate.actions.acts import ACTS, EVERY_ACT
from tollgate.actions.portal_rights import OWN_ONLY
from tollgate.core.areas import AREAS, EVERY_AREA, NOT_GIVEN, area_of_acts
from tollgate.panel.fields import words

ORDER = ("create", "add", "update", "set", "delete", "remove")


@dataclass(frozen=True, slots=True)
class Tick:
    """One box of the table."""

    value: str
    title: str
    ticked: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One area: whether it is read, and its acts."""

    area: Tick
    acts: tuple[Tick, ...]


class RightsWidget(forms.Widget):
    """The value is a pair of lists: acts and areas."""

    template_name = "panel/rights.html"
    use_fieldset = True

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """The lines of the table, and the two boxes for everything."""
        acts, areas = value or ([], [])
        context = super().get_context(name, value, attrs)
        everything = Tick(EVERY_ACT, "Do everything", EVERY_ACT in acts)
        every_area = Tick(EVERY_AREA, "Read everything", EVERY_AREA in areas)
        return {**context, "lines": _lines(acts, areas), "everything": everything, "every_area": every_area}

    def value_from_datadict(self, data: Any, files: Any, name: str) -> tuple[list[str], list[str]]:
        """What is ticked."""
        return data.getlist(name), data.getlist("areas")

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """No tick at all is an answer."""
        return False

    def id_for_label(self, id_: str) -> str:
        """A fieldset's legend points at no single control."""
        return ""


class RightsField(forms.Field):
    """Acts and areas; the act of the group checks them."""

    widget = RightsWidget

    def validate(self, value: Any) -> None:
        """Nothing ticked is a right too: none."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        """The order of the ticks means nothing."""
        return _sorted(initial) != _sorted(data)


def _sorted(value: Any) -> list[list[str]]:
    return [sorted(part) for part in value or ((), ())]


def grantable() -> dict[str, list[str]]:
    """The acts of each area, those that make first; acts that only contacts and jobs do belong to none."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, function in ACTS.items():
        area = area_of_acts(function.__module__)
        if area and name not in NOT_GIVEN and name not in OWN_ONLY:
            found[area].append(name)
    return {area: sorted(names, key=_place) for area, names in found.items()}


def _place(act: str) -> tuple[str, int, str]:
    verb, _, noun = act.partition("_")
    return noun, ORDER.index(verb) if verb in ORDER else len(ORDER), act


def _lines(acts: list[str], areas: list[str]) -> list[Line]:
    own = grantable()
    return [
        Line(
            Tick(area, found.title, area in areas),
            tuple(Tick(name, words(name), name in acts) for name in own.get(area, ())),
        )
        for area, found in AREAS.items()
    ]
