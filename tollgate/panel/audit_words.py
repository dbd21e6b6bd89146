"""The audit log in words: what a row was about, what changed, and where the record has its page.

A new kind of record with a page of its own adds it to `PAGES`; a new event adds its verb to `VERBS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.db.models import ForeignKey, Model
from django.urls import NoReverseMatch, reverse

from tollgate.core.field_words import COUNTERS, EMPTY, field_words, value_words

PAGES: Final = {
    "account": "panel:account",
    "customer": "panel:customer",
    "contact": "panel:contact",
    "endpoint": "panel:endpoint",
    "conference_room": "panel:conference_room",
    "ingress_route": "panel:route",
    "did": "panel:did",
    "carrier": "panel:carrier",
    "gateway": "panel:gateway",
    "card": "panel:card",
    "app_user": "panel:user",
    "user_group": "panel:group",
    "edge": "panel:edge",
    "stir_certificate": "panel:stir_certificate",
    "call": "panel:call",
    "custom_page": "panel:custom_page",
    "department": "panel:department",
    "mandate": "panel:mandate_edit",
    "carrier_payment": "panel:carrier_payment",
    "bank_run": "panel:bank_run",
    "delayed_save": "panel:delay",
}
WITHOUT_ID: Final = frozenset({"account"})
VERBS: Final = {"INSERT": "created", "UPDATE": "changed", "DELETE": "deleted"}
TABLE_WORDS: Final = {
    "app_user": "User",
    "user_group": "Group",
    "app_user_group": "Group of a user",
    "stir_certificate": "STIR/SHAKEN certificate",
}
UNTOLD: Final = frozenset({"version", "id", "created_at", "account_id", *COUNTERS})
LONG: Final = 400
SHORT: Final = 120
"""So many signs of a long value, such as the text of an agreement, where there is a way to all of it."""
KINDS: Final = {"user": "User", "contact": "Contact", "job": "Job"}


@dataclass(frozen=True, slots=True)
class Line:
    """One value that changed."""

    name: str
    before: str
    after: str

    def words(self, *, new: bool, most: int | None = None) -> str:
        """In one line; of a new record only what it has. `most` is how many signs of a value are told."""
        before, after = shortened(self.before, most), shortened(self.after, most)
        return f"{self.name}: {after}" if new else f"{self.name}: {before} → {after}"

    @property
    def long(self) -> bool:
        """Whether it is told in short first, and whole where somebody asks for it."""
        return max(len(self.before), len(self.after)) > LONG

    def begin(self) -> Line:
        """How a long one begins."""
        return Line(self.name, shortened(self.before, SHORT), shortened(self.after, SHORT))


def shortened(text: str, most: int | None) -> str:
    """A text on one line, cut where a word ends."""
    if most is None or len(text) <= most:
        return text
    return f"{' '.join(text[:most].split()[:-1]) or text[:most]} …"


def verb_words(verb: str) -> str:
    """What happened: a change of a row, or an event such as LOGIN_FAILED."""
    return VERBS.get(verb, verb.replace("_", " ").lower())


def table_words(table: str) -> str:
    """The kind of record."""
    return TABLE_WORDS.get(table, field_words(table))


def actor_words(name: str | None, kind: str | None) -> str:
    """Who it was; the customers' own changes come from the portal."""
    return f"{name} (portal)" if kind == "contact" else name or "the database"


def record_url(table: str, row_id: int) -> str | None:
    """The page of a record, where its kind has one."""
    page = PAGES.get(table)
    if page is None or not row_id:
        return None
    try:
        return reverse(page, args=[] if table in WITHOUT_ID else [row_id])
    except NoReverseMatch:
        return None


def lines(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, *, table: str = "") -> list[Line]:
    """What changed, value by value; with its `table` a record that a value points to is told by its name."""
    was, becomes = before or {}, after or {}
    found = []
    for name in {**was, **becomes}:
        told = Line(field_words(name), _words(table, name, was.get(name)), _words(table, name, becomes.get(name)))
        if name not in UNTOLD and (told.before != EMPTY or told.after not in (EMPTY, "no")):
            found.append(told)
    return found


def sentence(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, *, most: int | None = None) -> str:
    """What changed in one line: "Channels: 0 → 5; Debit limit: 0.00 → 25.00"; `most` signs of each value."""
    return "; ".join(line.words(new=before is None, most=most) for line in lines(before, after))


def _words(table: str, name: str, value: Any) -> str:
    if name == "left" and isinstance(value, Mapping):  # of an erasure: by which the chain knows the rows it changed
        return f"{len(value)} rows of the log, each known by its hash" if value else EMPTY
    model = _pointed_to(table, name) if table and isinstance(value, int) and name.endswith("_id") else None
    other = model._base_manager.filter(pk=value).first() if model else None  # noqa: SLF001 - Django's public name
    return f"{other} ({value})" if other is not None else value_words(name, value)


def _pointed_to(table: str, column: str) -> type[Model] | None:
    """The kind of record that a column refers to."""
    for model in apps.get_app_config("store").get_models():
        if model._meta.db_table == table:  # noqa: SLF001 - Django's public name
            for field in model._meta.concrete_fields:  # noqa: SLF001
                if field.attname == column and isinstance(field, ForeignKey):
                    found: type[Model] = field.related_model
                    return found
    return None
