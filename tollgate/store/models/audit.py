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

    class Meta:
        managed = False
        db_table = "audit"

    def __str__(self) -> str:
        return f"{self.verb} {self.table_name} {self.row_id}"
