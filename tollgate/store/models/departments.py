"""Departments of contacts that the operator adds to those that are built in (core/departments.py)."""

from django.db import models
from django.db.models.functions import Lower

from tollgate.core.departments import DEPARTMENTS, KEY, KEY_MOST
from tollgate.store.models.accounts import Account
from tollgate.store.models.records import Record


class Department(Record):
    """One department of an account. Contacts and customers name it by its key, which never changes.

    That those they name exist, and that none is deleted which they name, triggers see to (schema_departments.sql).
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="departments")
    key = models.CharField(max_length=KEY_MOST)
    name = models.CharField(max_length=50)

    class Meta:
        db_table = "department"
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="department_key_once"),
            models.UniqueConstraint("account", Lower("name"), name="department_name_once"),
            models.CheckConstraint(
                condition=models.Q(key__regex=f"^{KEY}$") & ~models.Q(key__in=tuple(DEPARTMENTS)),
                name="department_key",
            ),
        ]

    def __str__(self) -> str:
        return self.name
