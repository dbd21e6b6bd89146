"""Payments to carriers: what was paid to whom we buy calls from, each with its entry in the carrier's wallet."""

from django.db import models

from tollgate.core.money import format_micros
from tollgate.store.models.accounts import Account
from tollgate.store.models.carriers import Carrier
from tollgate.store.models.reconciliation import CarrierStatement
from tollgate.store.models.records import Record, one_of


class CarrierPayment(Record):
    """Money that went to a carrier, or came back from it (`refund`, below zero).

    Nothing of it is ever changed but the note and which statement it is for: a wrong one is undone by a `reversal` of
    the opposite amount. Its entry in the carrier's wallet, against the book `payments`, names it: `carrier_payment:7`.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="carrier_payments")
    carrier = models.ForeignKey(Carrier, on_delete=models.PROTECT, related_name="payments")
    statement = models.ForeignKey(
        CarrierStatement, on_delete=models.PROTECT, null=True, blank=True, related_name="payments"
    )
    kind = models.TextField(default="payment")
    currency = models.CharField(max_length=3)
    amount_micros = models.BigIntegerField()
    """What the carrier is owed less by it."""
    paid_on = models.DateField()
    external_id = models.CharField(max_length=200, null=True, blank=True)
    note = models.TextField(blank=True, default="")
    reverses = models.OneToOneField("self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_by")
    created_by = models.TextField(blank=True, default="")

    class Meta:
        db_table = "carrier_payment"
        constraints = [
            one_of("kind", "payment", "refund", "reversal", name="carrier_payment_kind"),
            models.CheckConstraint(
                condition=models.Q(kind="payment", amount_micros__gt=0, reverses=None)
                | models.Q(kind="refund", amount_micros__lt=0, reverses=None)
                | models.Q(kind="reversal", reverses__isnull=False) & ~models.Q(amount_micros=0),
                name="carrier_payment_sign",
            ),
            models.UniqueConstraint(fields=["account", "external_id"], name="carrier_payment_external_once"),
        ]
        indexes = [models.Index(fields=["carrier", "-id"], name="carrier_payment_newest")]

    def __str__(self) -> str:
        return f"{format_micros(self.amount_micros, 2)} {self.currency} on {self.paid_on}"
