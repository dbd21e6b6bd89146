"""The audit log, read here; a trigger writes it."""

from django.db import models


class Audit(models.Model):
    """Who changed what, with the values before and after."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    actor = models.TextField(null=True)
    act = models.TextField(null=True)
    reason = models.TextField(null=True)
    table_name = models.TextField()
    row_id = models.BigIntegerField()
    verb = models.TextField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    actor_kind = models.TextField(null=True)
    actor_id = models.BigIntegerField(null=True)
    ip = models.GenericIPAddressField(null=True)
    account_id = models.BigIntegerField(null=True)
    customer_id = models.BigIntegerField(null=True)

    class Meta:
        managed = False
        db_table = "audit"

    def __str__(self) -> str:
        return f"{self.verb} {self.table_name} {self.row_id}"


class AuditSeal(models.Model):
    """The chain over the audit log: each seal's hash covers its row and the seal before it, so that no row can be
    altered or taken out unseen.
    """

    audit_id = models.BigIntegerField(primary_key=True)
    hash = models.BinaryField()
    sealed_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "audit_seal"

    def __str__(self) -> str:
        return str(self.audit_id)
