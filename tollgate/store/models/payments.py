"""Payments: money received from customers or given back, each completed one with its entry."""

from django.db import models
from django.db.models.functions import Now

from tollgate.core.money import format_micros
from tollgate.store.models.accounts import Account
from tollgate.store.models.customers import Customer
from tollgate.store.models.records import Record, not_negative, one_of

ALLOCATED = ("payment", "bonus")
"""The kinds that may settle invoices."""


class Payment(Record):
    """One payment. Only a completed one has moved money; `amount_micros` is below zero for refunds and reversals.

    A payment without a customer waits in suspense: the money came, the payer is not known yet. `external_id` is the
    gateway's own id, unique with it, so that a notice that comes again finds the first.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="payments")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, null=True, blank=True, related_name="payments")
    gateway = models.CharField(max_length=30, default="manual")
    kind = models.TextField(default="payment")
    status = models.TextField(default="completed")
    currency = models.CharField(max_length=3)
    amount_micros = models.BigIntegerField()
    """What the wallet gains."""
    fee_micros = models.BigIntegerField(default=0)
    """What the gateway kept; taken off the amount before where fees are deducted, else absorbed by the account."""
    surcharge_micros = models.BigIntegerField(default=0)
    tax_micros = models.BigIntegerField(default=0)
    """The tax that fell due with it (prepaid customers), posted as an entry of its own."""
    received_micros = models.BigIntegerField(null=True, blank=True)
    received_currency = models.CharField(max_length=3, blank=True, default="")
    exchange_rate_nanos = models.BigIntegerField(null=True, blank=True)
    """What was paid in another currency, and the dated rate it was converted by."""
    reached_micros = models.BigIntegerField(null=True, blank=True)
    """What reached the account of it once the gateway had kept its fee, in the wallet's currency: what its entries take
    from the book `payments`. A bonus brings nothing. Empty until it completes, and where it was not kept yet.
    """
    external_id = models.CharField(max_length=200, null=True, blank=True)
    noticed_as = models.CharField(max_length=200, null=True, blank=True)
    """The gateway's own id of what a person had booked by hand before its notice came: the notice books it no more. The
    bank's, of each payment that its statement has told of."""
    public_note = models.TextField(blank=True, default="")
    private_note = models.TextField(blank=True, default="")
    payer = models.CharField(max_length=200, blank=True, default="")
    reverses = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversals")
    """The payment that a refund or a reversal gives back of, or that a bonus was given for."""
    email_confirmation = models.BooleanField(default=False)
    allocated_micros = models.BigIntegerField(default=0)
    refunded_micros = models.BigIntegerField(default=0)
    """What completed refunds and reversals have given back of it."""
    leaving_micros = models.BigIntegerField(default=0, db_default=0)
    """What payouts that wait for the bank will give back of it: in transit, and no more the wallet's."""
    created_by = models.TextField(blank=True, default="")
    by_contact = models.BooleanField(default=False, db_default=False)
    """Whether a contact of the customer has begun it, in the portal or by a program."""
    approved_by = models.TextField(blank=True, default="")
    received_at = models.DateTimeField(db_default=Now())
    completed_at = models.DateTimeField(null=True, blank=True)
    entry_id = models.BigIntegerField(null=True, blank=True)

    class Meta:
        db_table = "payment"
        constraints = [
            one_of("kind", "payment", "refund", "reversal", "bonus", name="payment_kind"),
            one_of("status", "pending", "completed", "canceled", name="payment_status"),
            not_negative("fee_micros", "surcharge_micros", "tax_micros", name="payment_fees"),
            models.UniqueConstraint(fields=["account", "gateway", "external_id"], name="payment_external_once"),
            models.UniqueConstraint(fields=["account", "gateway", "noticed_as"], name="payment_noticed_once"),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="payment_newest"),
            models.Index(fields=["customer", "-id"], name="payment_customer"),
            models.Index(fields=["received_at", "id"], name="payment_by_receipt"),
        ]

    def __str__(self) -> str:
        return f"{format_micros(self.amount_micros, 2)} {self.currency} by {self.gateway}"

    @property
    def unallocated_micros(self) -> int:
        """What is left of a completed payment for invoices to come."""
        left = self.amount_micros - self.allocated_micros - self.refunded_micros - self.leaving_micros
        return max(0, left) if self.status == "completed" and self.kind in ALLOCATED else 0
