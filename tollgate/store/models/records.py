"""What records have in common: those that people edit a version for the optimistic lock and their day of birth."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Now


class Record(models.Model):
    """A row that people edit. `version` grows with every save, so that a form can see that it is out of date."""

    id = models.BigAutoField(primary_key=True)
    version = models.IntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True


class WidePrice(models.BigIntegerField):  # type: ignore[type-arg]  # no generic when it runs
    """Nanos of what may be an amount as a price: a thousand times what a bigint of micros holds."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "numeric(30,0)"

    def from_db_value(self, value: Any, *_: object) -> int | None:
        return None if value is None else int(value)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        return value if prepared else self.get_prep_value(value)


def one_of(field: str, *values: str, name: str) -> models.CheckConstraint:
    """A database check that `field` holds one of `values`."""
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": values}), name=name)


def not_negative(*fields: str, name: str) -> models.CheckConstraint:
    """A database check that none of `fields` is below zero."""
    condition = models.Q()
    for field in fields:
        condition &= models.Q(**{f"{field}__gte": 0})
    return models.CheckConstraint(condition=condition, name=name)


def in_order(table: str, *fields: str, of: str = "", among: models.Q | None = None) -> list[models.Index]:
    """Indexes that give the rows of a long list in the order of each of `fields`, ties by id; of each `of`.

    A page of such a list costs the same wherever it is. Fields that may be empty are walked (`QuerysetSource.walked`).
    """
    first = [of] if of else []
    return [models.Index(fields=[*first, field, "id"], condition=among, name=f"{table}_by_{field}") for field in fields]
