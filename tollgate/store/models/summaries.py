"""Summaries: what calls add up to by UTC hour, filled by `roll_up` (store/sql/schema_summaries.sql); saved reports."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from tollgate.store.models.accounts import Account
from tollgate.store.models.records import Record, one_of


class SummaryProgress(models.Model):
    """The one row that says how far the summaries have come: all that was written below `reached` is in them.

    Of what `reached` itself wrote, calls that began before `within_at` are in them too.
    """

    id = models.SmallIntegerField(primary_key=True)
    reached = models.BigIntegerField()
    shift = models.BigIntegerField()
    rolled_at = models.DateTimeField()
    within_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "summary_progress"

    def __str__(self) -> str:
        return f"as of {self.rolled_at}"


class SavedReport(Record):
    """A question to the summaries under a name, and to whom its answer is mailed, if to anybody.

    `dimensions`, `measures` (none: all), `filters` and `period` are those of `core.breakout`. Mailed at `next_at`, then
    again a day, a week or a month later.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="saved_reports")
    name = models.CharField(max_length=100)
    dimensions = ArrayField(models.TextField(), default=list, blank=True)
    measures = ArrayField(models.TextField(), default=list, blank=True)
    filters = models.JSONField(default=dict, blank=True)
    period = models.TextField(default="yesterday")
    frequency = models.TextField(default="never")
    recipients = ArrayField(models.EmailField(), default=list, blank=True)
    file_format = models.TextField(default="csv")
    next_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)
    created_by = models.TextField(blank=True, default="")
    author_id = models.BigIntegerField(null=True, blank=True)
    """The user who saved it last: it tells what that user may read. None: a job, which may read all."""

    class Meta:
        db_table = "saved_report"
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="saved_report_name_once"),
            one_of("frequency", "never", "daily", "weekly", "monthly", name="saved_report_frequency"),
            one_of("file_format", "csv", "xlsx", name="saved_report_format"),
        ]
        indexes = [models.Index(fields=["next_at"], condition=models.Q(next_at__isnull=False), name="saved_report_due")]

    def __str__(self) -> str:
        return self.name
