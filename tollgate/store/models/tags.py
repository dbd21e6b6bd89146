"""Tags: labels that pull template routes onto customers and sort their lists."""

from django.db import models

from tollgate.store.models.accounts import Account
from tollgate.store.models.records import Record


class Tag(Record):
    """One label of an account."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="tags")
    name = models.CharField(max_length=50)
    color = models.CharField(max_length=20, blank=True, default="")

    class Meta:
        db_table = "tag"
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="tag_name_once")]

    def __str__(self) -> str:
        return self.name
