"""Work that goes on after the page has answered: delayed saves, and tasks that do one act to many records."""

from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.customers import Customer
from tollgate.store.models.records import one_of

KINDS = (
    *("upload", "edit", "delete", "restore", "recalculate", "take_back", "call_file", "send", "correction_notes"),
    *("package_run", "bank_run", "bank_confirmation"),
)
DELAYS_BY = ("due_at", "author", "state", "created_at", "finished_at")
TASKS_BY = ("kind", "author", "created_at", "started_at", "ended_at")
"""What their lists are sorted by."""


class DelayedSave(models.Model):
    """An act to be done later: its arguments, the values it would replace, and what became of it.

    `before` has the values of the changed fields as the author saw them; another value at the due time is a conflict.
    The author is who put it off, or who last changed what it does.
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
    version = models.IntegerField(default=1, db_default=1, editable=False)
    rehearsed: object = None
    """What the act returned when it was tried, for whoever has just scheduled or changed it."""

    class Meta:
        db_table = "delayed_save"
        constraints = [
            one_of("state", "pending", "done", "conflict", "refused", "canceled", name="delayed_save_state"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state="pending"), name="delayed_save_due"),
            models.Index(fields=["table_name", "row_id"], name="delayed_save_record"),
            *(models.Index(fields=[name, "id"], name=f"delayed_save_by_{name}") for name in DELAYS_BY),
        ]

    def __str__(self) -> str:
        return f"{self.act} at {self.due_at}"


class Task(models.Model):
    """One act done to many records, row by row, while nobody waits: an upload, a bulk edit, a bulk deletion, its undo.

    `act` is done for each row with `arguments` and what the row gives. A `dry` one takes every row back. Of an upload
    `headers` are the titles of its columns and `mapping` says which column is which field. `source` is the task that
    this one repeats or undoes. Nothing of it is done before `due_at`: it was begun for later, or its rows wait to be
    tried again.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="tasks")
    kind = models.TextField()
    noun = models.TextField()
    act = models.TextField()
    title = models.TextField()
    arguments = models.JSONField(default=dict)
    headers = models.JSONField(default=list)
    mapping = models.JSONField(default=dict)
    dry = models.BooleanField(default=False)
    state = models.TextField(default="waiting")
    result = models.TextField(blank=True, default="")
    source = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="followers")
    author_id = models.BigIntegerField()
    author = models.TextField()
    reason = models.TextField(blank=True, default="")
    total_count = models.IntegerField(default=0)
    done_count = models.IntegerField(default=0)
    failed_count = models.IntegerField(default=0)
    attempt_count = models.IntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    due_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "task"
        constraints = [
            one_of("kind", *KINDS, name="task_kind"),
            one_of("state", "waiting", "active", "completed", "failed", "canceled", name="task_state"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(state__in=("waiting", "active")), name="task_open"),
            models.Index(fields=["author_id"], name="task_author"),
            *(models.Index(fields=[name, "id"], name=f"task_by_{name}") for name in TASKS_BY),
        ]

    def __str__(self) -> str:
        return self.title


class TaskRow(models.Model):
    """One row of a task: what it gives, and what became of it. It is done in the same transaction as its act, so it is
    done once. One that is `sending` is in the hands of others: its message waits for a server.

    `number` is the line of an upload, else its place. `cells` are those of an upload; secret ones are sealed,
    those of no field are empty.
    `errors` are pairs of a field and a sentence. `version` is that of the record as the author saw it: another one now
    is a conflict. `outcome` is what the act has told, of kinds whose page tells it. One that the database could not do
    waits until `due_at`.
    """

    id = models.BigAutoField(primary_key=True)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="rows")
    number = models.IntegerField()
    record_id = models.BigIntegerField(null=True, blank=True)
    title = models.TextField(blank=True, default="")
    cells = models.JSONField(null=True, blank=True)
    state = models.TextField(default="waiting")
    errors = models.JSONField(default=list)
    version = models.IntegerField(null=True, blank=True)
    outcome = models.JSONField(null=True, blank=True)
    attempt_count = models.IntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "task_row"
        constraints = [
            one_of("state", "waiting", "sending", "done", "failed", name="task_row_state"),
            models.UniqueConstraint(fields=["task", "number"], name="task_row_once"),
        ]
        indexes = [
            models.Index(fields=["task", "state", "number"], name="task_row_next"),
            models.Index(fields=["task"], condition=models.Q(state="sending"), name="task_row_sending"),
        ]

    def __str__(self) -> str:
        return f"row {self.number} of {self.task_id}"
