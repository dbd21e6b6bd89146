"""CLI rules, and the proofs by which contacts show that a number is theirs."""

from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.contacts import Contact
from tollgate.store.models.customers import Customer
from tollgate.store.models.records import Record, one_of
from tollgate.store.models.stir_certificates import StirCertificate
from tollgate.store.models.tags import Tag


class CliRule(Record):
    """A rule about the caller's number (core.cli_rules): of a customer, of a tag, or, of neither, of all customers."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="cli_rules")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="cli_rules")
    tag = models.ForeignKey(Tag, on_delete=models.PROTECT, null=True, blank=True, related_name="cli_rules")
    position = models.IntegerField(default=100)
    cli = models.CharField(max_length=200, blank=True, default="")
    pai = models.CharField(max_length=200, blank=True, default="")
    dialed = models.CharField(max_length=200, blank=True, default="")
    rewrite_cli = models.CharField(max_length=100, blank=True, default="")
    rewrite_pai = models.CharField(max_length=100, blank=True, default="")
    forced = models.BooleanField(default=False)
    weight = models.IntegerField(default=100)
    attestation = models.CharField(max_length=1, blank=True, default="")
    certificate = models.ForeignKey(
        StirCertificate, on_delete=models.PROTECT, null=True, blank=True, related_name="cli_rules"
    )
    """What its attestation is signed with; none is the account's default."""
    signature_required = models.BooleanField(default=False, db_default=False)
    """Whether a call that would leave without a signature is refused."""
    signature_replaced = models.BooleanField(default=False, db_default=False)
    """Whether ours takes the place of the one that came with the call."""
    notes = models.TextField(blank=True, default="")

    class Meta:
        db_table = "cli_rule"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(customer__isnull=True) | models.Q(tag__isnull=True), name="cli_rule_owner"
            ),
            one_of("attestation", "", "A", "B", "C", name="cli_rule_attestation"),
            models.CheckConstraint(condition=models.Q(weight__gte=0, position__gte=0), name="cli_rule_numbers"),
        ]

    def __str__(self) -> str:
        return self.cli or self.pai or self.dialed


class CliProof(models.Model):
    """One attempt of a contact to prove a number by a code that is called or sent there.

    The code is kept as a keyed hash, and sealed until it has been spoken. Every step changes the row, so the audit log
    has them all.
    """

    id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="cli_proofs")
    contact = models.ForeignKey(Contact, on_delete=models.SET_NULL, null=True, blank=True, related_name="cli_proofs")
    number = models.CharField(max_length=20)
    way = models.TextField()
    state = models.TextField(default="queued")
    words = models.TextField(blank=True, default="")
    """What happened last, for people."""
    code_hash = models.TextField()
    code_sealed = models.TextField(blank=True, default="")
    tries_count = models.IntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    called_at = models.DateTimeField(null=True, blank=True)
    call_id = models.TextField(blank=True, default="")
    message_id = models.BigIntegerField(null=True, blank=True)
    decided_by = models.TextField(blank=True, default="")

    class Meta:
        db_table = "cli_proof"
        constraints = [
            one_of("way", "call", "sms", name="cli_proof_way"),
            one_of(
                "state", "queued", "calling", "told", "failed", "waiting", "verified", "rejected",
                name="cli_proof_state",
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["customer", "-created_at"], name="cli_proof_pace"),
            models.Index(
                fields=["id"], condition=models.Q(state__in=["queued", "calling", "told"]), name="cli_proof_due"
            ),
            models.Index(fields=["called_at"], name="cli_proof_called"),
        ]

    def __str__(self) -> str:
        return self.number
