"""How acts find, lock and save rows, so that every act fails in the same words and saves whole or not at all.

The database's own constraints decide what must be unique; `CONSTRAINTS` gives each its field and sentence. To add a
constraint that people can break, add its line there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from django.db import IntegrityError, models, transaction

from tollgate.actions.acts import Invalid, NotFound, OutOfDate

Row = TypeVar("Row", bound=models.Model)
SECRETS = frozenset({"password", "ha1"})
CONSTRAINTS: Mapping[str, tuple[str, str]] = {
    "customer_name_once": ("name", "Another customer has this name (perhaps a deleted one): choose another."),
    "customer_number_once": ("number", "Another customer has this number: choose another."),
    "carrier_name_once": ("name", "Another carrier has this name: choose another."),
    "gateway_name_once": ("name", "This carrier has a gateway of that name: choose another."),
    "card_name_once": ("name", "Another card has this name: choose another."),
    "endpoint_username_once": ("username", "Duplicate User Detected"),
    "edge_name_key": ("name", "Another edge has this name: choose another."),
    "app_user_email_key": ("email", "Another user logs in with this email."),
    "user_group_name_key": ("name", "Another group has this name: choose another."),
    "entry_key": ("key", "This key has posted something else: use a new one for a new posting."),
    "route_option_once": ("options", "A carrier card is listed twice: list each once."),
}
TRIGGER_FIELDS: Mapping[str, str] = {"parent": "parent_id"}  # as triggers call them -> as acts do


def find(model: type[Row], row_id: object) -> Row:
    """The row of an id. Raises NotFound."""
    found: Row | None = _all(model).filter(pk=row_id).first()
    if found is None:
        raise NotFound(f"There is no {_word(model)} {row_id}.")
    return found


def locked(model: type[Row], row_id: object, version: int | None = None) -> Row:
    """The row of an id, locked until the act ends. Raises NotFound, and OutOfDate when another version was seen."""
    found: Row | None = _all(model).select_for_update(no_key=True).filter(pk=row_id).first()
    if found is None:
        raise NotFound(f"There is no {_word(model)} {row_id}.")
    if version is not None and getattr(found, "version", version) != version:
        raise OutOfDate(values_of(found))
    return found


def create(model: type[Row], values: Mapping[str, Any]) -> Row:
    """A new row, read back as the database keeps it. Raises Invalid for what the database refuses."""
    with refusals_named():
        row = _all(model).create(**values)
    row.refresh_from_db()
    return row


def change(row: Row, values: Mapping[str, Any]) -> Row:
    """Saves these values into a locked row and reads it back. Raises Invalid for what the database refuses."""
    for name, value in values.items():
        setattr(row, name, value)
    if values:
        with refusals_named():
            row.save(update_fields=list(values))
        row.refresh_from_db()
    return row


@contextlib.contextmanager
def refusals_named() -> Iterator[None]:
    """Turns a broken constraint into Invalid with its field; the act's transaction stays usable."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as problem:
        diagnosis = getattr(problem.__cause__, "diag", None)
        constraint = getattr(diagnosis, "constraint_name", None) or ""
        if constraint in CONSTRAINTS:
            name, sentence = CONSTRAINTS[constraint]
            raise Invalid({name: [sentence]}) from None
        message = getattr(diagnosis, "message_primary", None) or ""
        name, colon, sentence = message.partition(": ")
        if colon and name.isidentifier():  # our own triggers say "field: sentence"
            raise Invalid({TRIGGER_FIELDS.get(name, name): [sentence[:1].upper() + sentence[1:] + "."]}) from None
        raise


def values_of(row: models.Model) -> dict[str, object]:
    """The values of a row by column, without its secrets."""
    return {name: value for name, value in vars(row).items() if not name.startswith("_") and name not in SECRETS}


def _all(model: type[Row]) -> models.QuerySet[Row]:
    return models.QuerySet(model)


def _word(model: type[models.Model]) -> str:
    return model.__name__.lower()
