"""Work that goes on after the page has answered: delayed saves."""

from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.customers import Customer
from tollgate.store.models.records import one_of


class DelayedSave(models.Model):
    """An act to be done later: its arguments, the values it would replace, and what became of it.

    `before` has the values of the changed fields as the author saw them; another value at the due time is a conflict.
    A record that is yet to be made has `row_id` 0 and nothing before. Secret arguments are sealed (store.secrets).
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="delayed_saves")
    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="delayed_saves"
    )
    act = models.TextField()
    arguments = models.JSONField()
    table_name = models.TextField()
    row_id = models.BigIntegerField()
    title = models.TextField()
    before = models.JSONField()
    after = models.JSONField()
    due_at = models.DateTimeField()
    author_id = models.BigIntegerField()
    author = models.TextField()
    reason = models.TextField(blank=True, default="")
    state = models.TextField(default="pending")
    result = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    rehearsed: object = None
    """What the act returned when it was tried, for whoever has just scheduled it."""

    class Meta:
        db_table = "delayed_save"
        constraints = [
            one_of("state", "pending", "done", "conflict", "refused", "canceled", name="delayed_save_state"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state="pending"), name="delayed_save_due"),
            models.Index(fields=["table_name", "row_id"], name="delayed_save_record"),
        ]

    def __str__(self) -> str:
        return f"{self.act} at {self.due_at}"
