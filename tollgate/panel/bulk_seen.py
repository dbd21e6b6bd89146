"""What a form for many records has seen of them, and what it says when somebody else saved some of them meanwhile.

The form carries along the version of each record as it was when the form was opened, packed into one field. Those that
have another one when it is saved are told, with what was changed and by whom, and the person decides about them.
"""

from __future__ import annotations

import binascii
import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from typing import Any, Final

from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.http import HttpRequest

from tollgate.actions.tasks import MOST_ROWS
from tollgate.core.field_words import field_words, kept_beside
from tollgate.panel import audit_words
from tollgate.panel.staff import name_for, told_values
from tollgate.store.queries.meanwhile import Saved, saved_since, versions_of

SHOWN: Final = 50
"""So many of those that were changed are told one by one."""
OTHER: Final = "Other fields"
SAME: Final = "The same as before again"
MOST_ID: Final = 2**63 - 1
BYTES_MOST: Final = 40 * MOST_ROWS
"""Of what is packed: so that a short text from elsewhere does not unpack to a large one."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The version of each record by its id, as the person knows it: as it was when the form was opened, or as it was
    told since. `told` are those that were told, with the version that was seen before; `gone` how many are no more."""

    versions: Mapping[int, int]
    told: Mapping[int, int] = field(default_factory=dict)
    gone: frozenset[int] = frozenset()

    @classmethod
    def now(cls, rows: QuerySet[Any], ids: Sequence[int]) -> Seen:
        """As a form that is opened at this moment."""
        found = versions_of(rows, ids)
        return cls({pk: found[pk] for pk in ids if pk in found})

    @classmethod
    def read(cls, text: str) -> Seen:
        """What a form has carried along. Raises BadRequest for what none has."""
        try:
            unpacking = zlib.decompressobj()
            plain = unpacking.decompress(urlsafe_b64decode(text.encode()), BYTES_MOST)
            steps, versions, told, before, gone = json.loads(plain)
            ids = list(accumulate(map(int, steps)))
            seen = dict(zip(ids, map(int, versions), strict=True))
            told = dict(zip(map(int, told), map(int, before), strict=True))
            if not all(0 <= pk <= MOST_ID for pk in (*ids, *told)):
                raise ValueError(text)
            return cls(seen, told, frozenset(map(int, gone)))
        except (ValueError, TypeError, zlib.error, binascii.Error):
            raise BadRequest("This form is not complete: open it again.") from None

    def text(self) -> str:
        """The same for a field of the form: of most ids only the step from the one before is written."""
        ids = sorted(self.versions)
        steps = [later - one for one, later in pairwise([0, *ids])]
        parts = [steps, [self.versions[pk] for pk in ids], list(self.told), list(self.told.values()), sorted(self.gone)]
        return urlsafe_b64encode(zlib.compress(json.dumps(parts, separators=(",", ":")).encode(), 9)).decode()

    def met(self, rows: QuerySet[Any]) -> Seen:
        """The same with what has changed since: the versions of now, and what is told of them."""
        now = versions_of(rows, self.versions.keys())
        changed = {pk for pk, version in self.versions.items() if now.get(pk, version) != version}
        told = {
            pk: self.told.get(pk, version) for pk, version in self.versions.items() if pk in changed | self.told.keys()
        }
        gone = self.versions.keys() - now.keys()
        return replace(
            self,
            versions={pk: now[pk] for pk in self.versions if pk in now},
            told={pk: version for pk, version in told.items() if pk not in gone},
            gone=self.gone | gone,
        )

    def others(self) -> Seen:
        """Without those that were told."""
        return replace(self, versions={pk: one for pk, one in self.versions.items() if pk not in self.told})


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody else changed of one record, in words."""

    title: str
    url: str | None
    who: str
    lines: tuple[str, ...]


def changes(request: HttpRequest, rows: QuerySet[Any], seen: Seen, fields: frozenset[str]) -> list[Change]:
    """The first of those that were told; values of the form's fields alone, as its conflicts with one record tell."""
    first = dict(list(seen.told.items())[:SHOWN])
    # The ids have been in the browser: nobody is told of a record that is not theirs.
    within = versions_of(rows, first) if first else {}
    first = {pk: version for pk, version in first.items() if pk in within}
    return [_in_words(request, saved, rows.model._meta.db_table, fields) for saved in saved_since(rows, first)]  # noqa: SLF001


def _in_words(request: HttpRequest, saved: Saved, table: str, fields: frozenset[str]) -> Change:
    name = name_for(request)
    told = {one for one in saved.after if one in fields}
    before, after = ({one: values[one] for one in told} for values in (saved.before, saved.after))
    lines = audit_words.lines(told_values(request, before), told_values(request, after), table=table)
    beside = kept_beside(saved.after, fields)
    words = [*(line.words(new=False) for line in lines), *(field_words(one) for one in beside)]
    if any(one not in told and not kept_beside([one], beside) for one in saved.after):
        words.append(OTHER)
    return Change(
        title=saved.title,
        url=audit_words.record_url(table, saved.record_id),
        who=", ".join(audit_words.actor_words(name(one), kind) for one, kind in saved.who),
        lines=tuple(words or [SAME]),
    )
