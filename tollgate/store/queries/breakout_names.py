"""The records that a breakout's filters name: the same for the database's days and for the lake's.

A filter that takes several names is in `core.breakout.LISTED`; to add one, its table here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any, Final

from django.db.models import Q

from tollgate.core.breakout import Name, Question, names_in
from tollgate.store.models import Account, Carrier, Customer

TABLES: Final[Mapping[str, type[Any]]] = {"customer": Customer, "carrier": Carrier}


def named_ids(account: Account, question: Question, name: str) -> list[int]:
    """The ids of the records that the filter of that name means."""
    known = TABLES[name].objects.filter(account=account)
    if name == "customer" and question.reach is not None:
        known = known.filter(pk__in=question.reach)

    def is_name(text: str, whole: bool) -> bool:
        return bool(known.filter(_called(Name(text, whole))).exists())

    wanted = reduce(or_, map(_called, names_in(question.filters[name], is_name)))
    return sorted(known.filter(wanted).order_by().values_list("pk", flat=True))


def _called(name: Name) -> Q:
    return Q(name__iexact=name.text) if name.whole else Q(name__icontains=name.text)
