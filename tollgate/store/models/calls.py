"""Live calls and CDRs, read here; the charging process writes them."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class WrittenJson(models.JSONField):
    """A column of the type `json`, which keeps the text as it was written; the driver reads it."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """PostgreSQL's `json`, not `jsonb`."""
        return "json"

    def from_db_value(self, value: Any, _expression: object, _connection: BaseDatabaseWrapper) -> Any:
        """The value as the driver has read it."""
        return value


class Call(models.Model):
    """A live call: authorized or answered, and not yet settled."""

    id = models.BigIntegerField(primary_key=True)
    account = models.ForeignKey("store.Account", on_delete=models.DO_NOTHING, related_name="calls")
    edge = models.TextField()
    edge_call_id = models.TextField()
    dialog = models.TextField(default="")
    customer = models.ForeignKey("store.Customer", on_delete=models.DO_NOTHING, related_name="calls")
    endpoint = models.ForeignKey("store.Endpoint", on_delete=models.DO_NOTHING, null=True, related_name="calls")
    ingress_route = models.ForeignKey(
        "store.IngressRoute", on_delete=models.DO_NOTHING, null=True, related_name="calls"
    )
    cli = models.TextField()
    cld = models.TextField()
    number = models.TextField()
    destination = models.TextField()
    state = models.TextField()
    authorized_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    granted_s = models.IntegerField()
    granted_until = models.DateTimeField()
    max_s = models.IntegerField()
    extended_count = models.IntegerField()
    currency = models.CharField(max_length=3, null=True)
    last_seen_at = models.DateTimeField()
    hangup_at = models.DateTimeField(null=True)
    route_index = models.SmallIntegerField(null=True)
    plan = models.TextField()

    class Meta:
        managed = False
        db_table = "call"

    def __str__(self) -> str:
        return self.edge_call_id


class CDR(models.Model):
    """One call as it ended: immutable, with what decided and priced it."""

    id = models.BigIntegerField(primary_key=True)
    account = models.ForeignKey("store.Account", on_delete=models.DO_NOTHING, related_name="cdrs")
    edge = models.TextField()
    edge_call_id = models.TextField()
    customer = models.ForeignKey("store.Customer", on_delete=models.DO_NOTHING, null=True, related_name="cdrs")
    endpoint = models.ForeignKey("store.Endpoint", on_delete=models.DO_NOTHING, null=True, related_name="cdrs")
    ingress_route = models.ForeignKey("store.IngressRoute", on_delete=models.DO_NOTHING, null=True, related_name="cdrs")
    carrier = models.ForeignKey("store.Carrier", on_delete=models.DO_NOTHING, null=True, related_name="cdrs")
    gateway = models.ForeignKey("store.Gateway", on_delete=models.DO_NOTHING, null=True, related_name="cdrs")
    state = models.TextField()
    started_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField()
    cli = models.TextField()
    cld = models.TextField()
    number = models.TextField()
    prefix = models.TextField(null=True)
    destination = models.TextField()
    duration_ms = models.BigIntegerField()
    billed_s = models.IntegerField()
    currency = models.CharField(max_length=3, null=True)
    price_nanos = models.BigIntegerField(null=True)
    cost_micros = models.BigIntegerField()
    held_micros = models.BigIntegerField()
    customer_card = models.ForeignKey("store.Card", on_delete=models.DO_NOTHING, null=True, related_name="+")
    customer_revision = models.ForeignKey("store.Revision", on_delete=models.DO_NOTHING, null=True, related_name="+")
    carrier_billed_s = models.IntegerField(null=True)
    carrier_currency = models.CharField(max_length=3, null=True)
    carrier_price_nanos = models.BigIntegerField(null=True)
    carrier_cost_micros = models.BigIntegerField(null=True)
    carrier_card = models.ForeignKey("store.Card", on_delete=models.DO_NOTHING, null=True, related_name="+")
    carrier_revision = models.ForeignKey("store.Revision", on_delete=models.DO_NOTHING, null=True, related_name="+")
    profit_micros = models.BigIntegerField(null=True)
    refusal = models.TextField(null=True)
    sip_sent = models.SmallIntegerField(null=True)
    sip_received = models.SmallIntegerField(null=True)
    q850 = models.SmallIntegerField(null=True)
    released_by = models.TextField(null=True)
    pdd_ms = models.IntegerField(null=True)
    ring_ms = models.IntegerField(null=True)
    source_ip = models.GenericIPAddressField(null=True)
    detail = WrittenJson(null=True)

    class Meta:
        managed = False
        db_table = "cdr"

    def __str__(self) -> str:
        return self.edge_call_id
