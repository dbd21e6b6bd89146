"""Pages of the operator's own: what it wants its users to read, beside the dashboard."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from tollgate.store.models.accounts import Account
from tollgate.store.models.records import Record, not_negative


class CustomPage(Record):
    """One page: words in Markdown, and whose it is. The groups of users are named by their ids."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="custom_pages")
    name = models.CharField(max_length=60)
    content = models.TextField(blank=True, default="")
    position = models.IntegerField(default=100)
    everybody = models.BooleanField(default=True)
    """Whether every user sees it; else those of the groups."""
    group_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    resellers = models.BooleanField(default=False)
    """Whether resellers' users are counted in: never of themselves."""
    enabled = models.BooleanField(default=True)

    class Meta:
        db_table = "custom_page"
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="custom_page_name_once"),
            not_negative("position", name="custom_page_position"),
        ]

    def __str__(self) -> str:
        return self.name
