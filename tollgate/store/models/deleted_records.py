"""What was deleted and may still be brought back. How it is kept and restored: `actions.deleted_records`."""

from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.customers import Customer


class DeletedRecord(models.Model):
    """One record that is gone from its table, with what went with it, until it is restored or its days are over.

    `sealed` is all that it was (store.secrets): rows of tables as JSON, the hashes of passwords among them. `operated`
    says that the operator's people deleted it, `reseller` whose user did: those below do not restore that.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="deleted_records")
    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="deleted_records"
    )
    table_name = models.TextField()
    record_id = models.BigIntegerField()
    title = models.TextField(blank=True, default="")
    author = models.TextField()
    operated = models.BooleanField(default=True)
    reseller = models.ForeignKey(Customer, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    deleted_at = models.DateTimeField(db_default=Now(), editable=False)
    sealed = models.TextField()

    class Meta:
        db_table = "deleted_record"
        constraints = [models.UniqueConstraint(fields=["table_name", "record_id"], name="deleted_record_once")]
        indexes = [models.Index(fields=["deleted_at"], name="deleted_record_at")]

    def __str__(self) -> str:
        return self.title
