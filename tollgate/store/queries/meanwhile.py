"""What became of records since somebody saw them, by the log: who saved them, and which values are others now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet

from tollgate.store.models import Audit
from tollgate.store.queries.finding import among


@dataclass(frozen=True, slots=True)
class Saved:
    """What somebody else saved of a record: the values of before and those of now, and who did it, the last one first.
    Each is a name and a kind, as the log has them."""

    record_id: int
    title: str
    gone: bool
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    who: tuple[tuple[str, str], ...]


def versions_of(rows: QuerySet[Any], ids: Collection[int]) -> dict[int, int]:
    """The version of each of these records now; of those alone that are there."""
    return dict(rows.filter(among("pk", ids)).order_by().values_list("pk", "version"))


def saved_since(rows: QuerySet[Any], seen: Mapping[int, int]) -> list[Saved]:
    """What was saved of these records since they had the versions seen; one that is not among `rows` is gone."""
    records = rows.in_bulk(list(seen))
    return [_saved(rows.model, pk, version, records.get(pk)) for pk, version in seen.items()]


def _saved(model: type[Model], pk: int, version: int, record: Model | None) -> Saved:
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    who: dict[tuple[str, str], None] = {}
    table = model._meta.db_table  # noqa: SLF001 - Django's public name
    for row in Audit.objects.filter(table_name=table, row_id=pk, verb__in=("UPDATE", "DELETE")).order_by("-id"):
        becomes = (row.after or {}).get("version")
        if row.verb == "UPDATE" and (becomes is None or becomes <= version):
            break
        who[row.actor or "", row.actor_kind or ""] = None
        if row.verb == "UPDATE":
            before = {**before, **(row.before or {})}
            after = {**(row.after or {}), **after}
    changed = {name for name in after if after[name] != before.get(name)} - {"version"}
    return Saved(
        record_id=pk,
        title="" if record is None else str(record),
        gone=record is None,
        before={name: before.get(name) for name in after if name in changed},
        after={name: after[name] for name in after if name in changed},
        who=tuple(who),
    )
