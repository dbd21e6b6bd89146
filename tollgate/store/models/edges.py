"""Edges: the switch nodes that ask us about calls and tell us what became of them; the processes that answer them."""

from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account


class Edge(models.Model):
    """One switch node, known by the name it gives in every message."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="edges")
    name = models.CharField(max_length=64, unique=True)
    kind = models.TextField(default="plain")
    rpc_url = models.TextField(blank=True, default="")
    enabled = models.BooleanField(default=True)
    version = models.IntegerField(default=1, editable=False)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "edge"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "rpc_url"], condition=~models.Q(rpc_url=""), name="edge_rpc_url_once"
            ),
            models.CheckConstraint(condition=models.Q(kind__in=["kamailio", "plain"]), name="edge_kind"),
        ]

    def __str__(self) -> str:
        return self.name


class ChargingProcess(models.Model):
    """A running charging process, as it tells of itself: the last change of a record that its decisions obey.

    Each writes its own row, at every change and twice a minute; one that ends takes its row away.
    """

    id = models.BigAutoField(primary_key=True)
    name = models.TextField(unique=True)
    change_id = models.BigIntegerField()
    obeyed_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "charging_process"

    def __str__(self) -> str:
        return self.name
