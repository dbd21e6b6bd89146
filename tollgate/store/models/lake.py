"""The lake's manifest: which file holds the calls of which day; and what is left of calls that only the lake has.

To keep a further kind of rows in the lake, add it to `core.lake.TABLES` and to the constraint of `LakeFile`.
"""

from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.customers import Customer
from tollgate.store.models.records import one_of


class LakeFile(models.Model):
    """One day of one account in a Parquet file. A day that changed is written anew as the next version.

    `sums` is what the database held of that day when the file was written: count and sums by currency, compared again
    before the database forgets the day.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="lake_files")
    kind = models.TextField()
    day_on = models.DateField()
    """The UTC day on which the calls started."""
    version = models.IntegerField()
    path = models.TextField()
    """Below the folder of the lake."""
    rows_count = models.BigIntegerField()
    bytes_count = models.BigIntegerField()
    sums = models.JSONField()
    sha256 = models.CharField(max_length=64)
    written_at = models.DateTimeField(db_default=Now(), editable=False)
    """Whatever was posted before this instant is in the file; what came later may be."""
    replaced_at = models.DateTimeField(null=True, blank=True)
    """When a later version took its place; its file is deleted a day after that."""
    erased_at = models.DateTimeField(null=True, blank=True)
    """When the days of the archive were over: the file is gone, this line says that it was there."""

    class Meta:
        db_table = "lake_file"
        constraints = [
            one_of("kind", "call", "entry", name="lake_file_kind"),
            models.UniqueConstraint(fields=["account", "kind", "day_on", "version"], name="lake_file_version_once"),
            models.UniqueConstraint(
                fields=["account", "kind", "day_on"],
                condition=models.Q(replaced_at__isnull=True),
                name="lake_file_current_once",
            ),
        ]

    def __str__(self) -> str:
        return self.path


class ArchivedCall(models.Model):
    """A call whose CDR only the lake still has: enough for the ledger's entries to know when it was, and whose."""

    id = models.BigIntegerField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.DO_NOTHING, related_name="archived_calls")
    started_at = models.DateTimeField()
    customer_id = models.BigIntegerField(null=True)
    ingress_route_id = models.BigIntegerField(null=True)
    destination = models.TextField()
    billed_s = models.IntegerField()
    cost_micros = models.BigIntegerField()
    carrier_id = models.BigIntegerField(null=True)
    prefix = models.TextField(default="")
    currency = models.CharField(max_length=3, null=True)
    carrier_currency = models.CharField(max_length=3, null=True)
    profit_known = models.BooleanField(default=False)
    seller_wallet_id = models.BigIntegerField(null=True)
    """Whose price was the account's income; empty: the caller's own."""

    class Meta:
        managed = False
        db_table = "archived_call"

    def __str__(self) -> str:
        return str(self.pk)


class LegalHold(models.Model):
    """Nothing of this customer is deleted while a hold lasts, whatever the days of retention say."""

    id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="legal_holds")
    reason = models.TextField()
    placed_by = models.TextField()
    placed_at = models.DateTimeField(db_default=Now(), editable=False)
    released_by = models.TextField(blank=True, default="")
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "legal_hold"
        constraints = [
            models.UniqueConstraint(
                fields=["customer"], condition=models.Q(released_at__isnull=True), name="legal_hold_once"
            ),
        ]

    def __str__(self) -> str:
        return self.reason
