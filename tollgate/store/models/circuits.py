"""Circuit tests: calls of our own that show how a way out works. The SIP user who makes them stands in the options."""

from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.endpoints import Endpoint
from tollgate.store.models.records import not_negative, one_of


class CircuitTest(models.Model):
    """One test call: who asked for it, by which way, and what came back, step by step, while it goes on.

    Without gateways of its own it goes by the routes of the SIP user's customer, as any call.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="circuit_tests")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    """The SIP user who calls, and whose customer pays."""
    gateway_ids = models.JSONField(default=list, blank=True)
    """The gateways that it may take alone."""
    way = models.TextField(blank=True, default="")
    """The carrier, and the gateway, as they were called then."""
    number = models.CharField(max_length=20)
    cli = models.CharField(max_length=20, blank=True, default="")
    talk_s = models.IntegerField(default=10)
    state = models.TextField(default="queued")
    words = models.TextField(blank=True, default="")
    """Why it came to nothing, for people."""
    call_id = models.TextField(blank=True, default="")
    steps = models.JSONField(default=list, blank=True)
    """What was heard, in order: `{"at_ms": since the INVITE, "sip": code, "reason": words}`."""
    sip = models.IntegerField(null=True, blank=True)
    pdd_ms = models.IntegerField(null=True, blank=True)
    ring_ms = models.IntegerField(null=True, blank=True)
    talk_ms = models.IntegerField(null=True, blank=True)
    codec = models.TextField(blank=True, default="")
    asked_by = models.TextField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    called_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "circuit_test"
        constraints = [
            one_of("state", "queued", "calling", "done", "failed", name="circuit_test_state"),
            not_negative("talk_s", name="circuit_test_talk"),
            models.UniqueConstraint(
                fields=["account", "asked_by"],
                condition=models.Q(state__in=["queued", "calling"]),
                name="circuit_test_one_at_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "asked_by", "-created_at"], name="circuit_test_pace"),
            models.Index(fields=["called_at"], name="circuit_test_called"),
        ]

    def __str__(self) -> str:
        return self.number
