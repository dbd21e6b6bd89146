"""Deleted records that may be brought back: what they were is kept, sealed, for a week, and put back by its own id.

    remove(endpoint, account_id=endpoint.account_id)     # in the act that deletes, in place of endpoint.delete()
    was = deleted(Endpoint, endpoint_id, "endpoint_id")  # in the act that restores: locked, by who may, and in service
    ...                                                  # asks of was.record what an act that makes one would ask
    return was.restore()

What is gone is gone for all that asks the tables: calls, logins, mail. A kind of record that comes back has an act
`restore_<noun>` beside its `delete_<noun>`, by which `undo_task` knows it. What else of it comes back is said in
deleted_rows.py. An erasure takes a person out of here: `forget_people`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from django.db import IntegrityError, models
from django.db.models import Q, QuerySet

from tollgate.actions import deleted_rows, records
from tollgate.actions.acts import Actor, current, refuse
from tollgate.actions.in_service import check_in_service
from tollgate.core.field_words import field_words
from tollgate.store.models import Contact, Customer, DeletedRecord, User
from tollgate.store.queries.held import held_customers
from tollgate.store.secrets import CannotUnseal, seal, unseal

Row = TypeVar("Row", bound=models.Model)
WITHIN: Final = timedelta(days=7)
"""How long a deletion may be undone."""
KEPT: Final = WITHIN + timedelta(days=1)
"""How long what was deleted is kept: an undo that was begun in time ends its work."""
TITLE_MOST: Final = 200
OTHER_KEY: Final = "What was kept of it was sealed with another data key: it cannot be restored."
CHANGED: Final = "What it belonged to has changed since: it cannot be restored as it was."


@dataclass(frozen=True, slots=True)
class Deleted(Generic[Row]):
    """A deleted record, locked until the act ends; `record` is what it was, and stands in no table."""

    kept: DeletedRecord
    record: Row
    parts: Sequence[deleted_rows.Part]
    references: Sequence[deleted_rows.Reference]
    field: str

    def restore(self, **instead: object) -> Row:
        """Puts it back with all that went with it, but for columns with something `instead`. Raises Invalid where
        something has its place by now."""
        itself, *beside = self.parts
        try:
            with records.refusals_named():
                deleted_rows.put_back(replace(itself, instead={**itself.instead, **instead}))
                for part in beside:
                    deleted_rows.put_back(part)
                deleted_rows.check_now()
        except IntegrityError:
            raise refuse(self.field, CHANGED) from None
        for one in self.references:
            deleted_rows.refer_again(one, self.record.pk)
        self.kept.delete()
        return _all(type(self.record)).get(pk=self.record.pk)


def remove(record: models.Model, *, account_id: int) -> None:
    """Deletes a record that an act has locked, and keeps what it was."""
    model, actor = type(record), current.get()
    reseller_id = _house(actor)
    _all(model).select_for_update().get(pk=record.pk)  # nothing is hung on it from here on
    parts, references = list(deleted_rows.whole(model, [record.pk])), list(deleted_rows.emptied(model, record.pk))
    DeletedRecord.objects.create(
        account_id=account_id,
        customer_id=getattr(record, "customer_id", None),
        table_name=table_of(model),
        record_id=record.pk,
        title=str(record)[:TITLE_MOST],
        author=actor.name,
        operated=actor.kind != "contact" and reseller_id is None,
        reseller_id=reseller_id,
        sealed=seal(deleted_rows.packed(parts, references)),
    )
    record.delete()


def deleted(model: type[Row], record_id: int, field: str) -> Deleted[Row]:
    """What is kept of a deleted record, locked; `field` leads to it. Raises NotFound for what is kept no more, or was
    deleted by somebody above the actor, and Invalid where what it belonged to is gone."""
    found = DeletedRecord.objects.filter(
        seen_by(current.get()),
        table_name=table_of(model),
        record_id=record_id,
        deleted_at__gt=records.now() - KEPT,
    )
    customer_id = found.values_list("customer_id", flat=True).first()
    if customer_id is not None:  # before the record itself, as an erasure does
        check_in_service(records.locked(Customer, customer_id), field)
    kept = found.select_for_update(no_key=True, of=("self",)).first()
    if kept is None:
        records.find(model, record_id)  # or it is found nowhere
        raise refuse(field, "It is not deleted, or was restored already.")
    parts, references = _opened(kept, field)
    try:
        fit = deleted_rows.fitting(parts)
    except deleted_rows.Vanished as gone:
        raise refuse(field, _gone_words(model, gone)) from None
    return Deleted(kept, deleted_rows.as_record(model, fit[0]), fit, references, field)


def seen_by(actor: Actor) -> Q:
    """Which deleted records an actor may see and restore: of those held to some customers, what their own house and
    those below it have deleted."""
    if actor.reach is None:
        return Q()
    house = {actor.reseller_id, *actor.reach} - {None}
    return Q(customer__in=actor.reach, operated=False) & (Q(reseller=None) | Q(reseller__in=house))


def restorable(at: datetime) -> Q:
    """Those that may still be restored one by one."""
    return Q(deleted_at__gt=at - WITHIN)


def deleted_person(contact_id: int) -> Contact | None:
    """A deleted contact of whom something is kept, for an erasure, which no deleted customer stops."""
    reach = current.get().reach
    found = DeletedRecord.objects.filter(table_name=table_of(Contact), record_id=contact_id)
    kept = (found if reach is None else found.filter(customer__in=reach)).first()
    return None if kept is None else deleted_rows.as_record(Contact, _opened(kept, "contact_id")[0][0])


def forget_people(customer_id: int, contact_id: int, emails: Collection[str]) -> None:
    """Keeps nothing more of an erased contact, nor of one deleted before who was known by one of these addresses."""
    known = {email.lower() for email in emails}
    kept = DeletedRecord.objects.filter(table_name=table_of(Contact), customer_id=customer_id)
    for row in kept.select_for_update(of=("self",)).order_by("pk"):
        try:
            parts, _ = deleted_rows.unpacked(unseal(row.sealed))
        except CannotUnseal:
            row.delete()  # nobody can say that it is another, and it cannot come back
            continue
        if row.record_id == contact_id or str(parts[0].values()["email"]).lower() in known:
            row.delete()


def forget_old(at: datetime) -> int:
    """Forgets what was deleted too long ago to be restored, but of customers under a legal hold; how many records."""
    old = DeletedRecord.objects.filter(deleted_at__lte=at - KEPT)
    return old.exclude(customer_id__isnull=False, customer_id__in=held_customers()).delete()[0]


def table_of(model: type[models.Model]) -> str:
    """What a kind of record is known by here."""
    return model._meta.db_table  # noqa: SLF001 - Django's public name


def _house(actor: Actor) -> int | None:
    """The reseller in whose house the actor is; that of a user, whoever the user acts as."""
    if actor.kind != "user":
        return actor.reseller_id
    return User.objects.filter(pk=actor.id or 0).values_list("reseller_id", flat=True).first()


def _opened(kept: DeletedRecord, field: str) -> tuple[list[deleted_rows.Part], list[deleted_rows.Reference]]:
    try:
        return deleted_rows.unpacked(unseal(kept.sealed))
    except CannotUnseal:
        raise refuse(field, OTHER_KEY) from None


def _gone_words(model: type[models.Model], gone: deleted_rows.Vanished) -> str:
    what = field_words(gone.column).lower()
    if gone.model is model:
        return f"Its {what} is gone by now: it cannot be restored as it was."
    of = gone.model._meta.verbose_name_plural  # noqa: SLF001 - Django's public name
    return f"A {what} of its {of} is gone by now: it cannot be restored as it was."


def _all(model: type[Row]) -> QuerySet[Row]:
    return QuerySet(model)
