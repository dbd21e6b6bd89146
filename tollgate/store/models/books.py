"""What bookkeeping needs beside documents: the codes of the journal's accounts, recalculations of calls."""

from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.carriers import Carrier
from tollgate.store.models.customers import Customer
from tollgate.store.models.records import Record, one_of
from tollgate.store.models.tasks import Task


class JournalCode(Record):
    """The code that the operator's bookkeeping gives an account of the journal (`core.journal.PLACES`)."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="journal_codes")
    place = models.CharField(max_length=30)
    code = models.CharField(max_length=20)

    class Meta:
        db_table = "journal_code"
        constraints = [models.UniqueConstraint(fields=["account", "place"], name="journal_code_once")]

    def __str__(self) -> str:
        return f"{self.place} {self.code}"


class Recalculation(models.Model):
    """Calls that were priced anew, without a change to any CDR: the differences are entries whose `ref` names it.

    `rerate` prices by the revisions now in force for the time of each call; `adjust_duration` does so too, for calls of
    at least `least_s`, as if each had lasted `new_s`.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="recalculations")
    kind = models.TextField()
    from_at = models.DateTimeField()
    until_at = models.DateTimeField()
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    carrier = models.ForeignKey(Carrier, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    released_by = models.JSONField(default=list, blank=True)
    least_s = models.IntegerField(null=True, blank=True)
    new_s = models.IntegerField(null=True, blank=True)
    on_notes = models.BooleanField(default=True)
    """Whether credit and debit notes tell what it corrects of issued invoices; else the next document has a line."""
    reason = models.TextField()
    author = models.TextField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    task = models.ForeignKey(Task, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    taken_back_at = models.DateTimeField(null=True, blank=True)
    taken_back_by = models.TextField(blank=True, default="")

    class Meta:
        db_table = "recalculation"
        constraints = [
            one_of("kind", "rerate", "adjust_duration", name="recalculation_kind"),
            models.CheckConstraint(
                condition=models.Q(kind="rerate", least_s__isnull=True, new_s__isnull=True)
                | models.Q(kind="adjust_duration", least_s__gte=0, new_s__gte=0),
                name="recalculation_durations",
            ),
        ]
        indexes = [models.Index(fields=["account", "-id"], name="recalculation_newest")]

    def __str__(self) -> str:
        return f"Recalculation {self.pk}"
