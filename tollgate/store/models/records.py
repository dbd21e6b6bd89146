"""What every record that people edit has in common: a version for the optimistic lock and its day of birth."""

from django.db import models
from django.db.models.functions import Now


class Record(models.Model):
    """A row that people edit. `version` grows with every save, so that a form can see that it is out of date."""

    id = models.BigAutoField(primary_key=True)
    version = models.IntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True


def one_of(field: str, *values: str, name: str) -> models.CheckConstraint:
    """A database check that `field` holds one of `values`."""
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": values}), name=name)


def not_negative(*fields: str, name: str) -> models.CheckConstraint:
    """A database check that none of `fields` is below zero."""
    condition = models.Q()
    for field in fields:
        condition &= models.Q(**{f"{field}__gte": 0})
    return models.CheckConstraint(condition=condition, name=name)
