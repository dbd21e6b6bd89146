"""Which kinds of deleted records are listed to be restored, and who reads of them: the readers of each kind's area.

A kind of record is here by its act `restore_<noun>` (deleted_records.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Q

from tollgate.actions.acts import ACTS, Actor
from tollgate.actions.bulk import DELETES
from tollgate.actions.deleted_records import seen_by, table_of
from tollgate.actions.tasks import NAMED, restoring
from tollgate.core.areas import area_of_acts, may_read


@dataclass(frozen=True, slots=True)
class Restoring:
    """How a kind of record is restored: the act, its argument, and the area of both."""

    act: str
    argument: str
    area: str


def _restorings() -> Mapping[str, Restoring]:
    """By table."""
    found = {}
    for noun, deletion in DELETES.items():
        name = restoring(deletion.act)
        if name in ACTS and noun != "customer":
            area = area_of_acts(ACTS[name].__module__)
            found[table_of(deletion.model)] = Restoring(name, NAMED.get(noun, f"{noun}_id"), area)
    return found


RESTORINGS: Final = _restorings()


def read_by(actor: Actor) -> Q:
    """Which deleted records somebody is told of: those that he sees, of kinds in areas that he reads."""
    held = actor.reach is not None
    tables = [table for table, by in RESTORINGS.items() if may_read(by.area, actor.areas, reseller=held)]
    return seen_by(actor) & Q(table_name__in=tables)
