"""Vouchers: batches of codes that give credit once each. Only hashes of the codes are kept."""

from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.customers import Customer
from tollgate.store.models.payments import Payment
from tollgate.store.models.records import Record, not_negative, one_of


class VoucherBatch(Record):
    """Vouchers made together. Credit is payment x multiplier + addition, of a payment of at least the minimum.

    A minimum of zero asks for no payment: the voucher gives its addition at once. `codes_sealed` holds the codes until
    they are exported, once.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="voucher_batches")
    name = models.CharField(max_length=100)
    currency = models.CharField(max_length=3)
    count = models.IntegerField()
    multiplier_milli = models.IntegerField(default=1000)
    addition_micros = models.BigIntegerField(default=0)
    minimum_micros = models.BigIntegerField(default=0)
    expires_at = models.DateTimeField(null=True, blank=True)
    enabled = models.BooleanField(default=True)
    codes_sealed = models.TextField(blank=True, default="")
    exported_at = models.DateTimeField(null=True, blank=True)
    exported_by = models.TextField(blank=True, default="")

    class Meta:
        db_table = "voucher_batch"
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="voucher_batch_name_once"),
            not_negative("addition_micros", "minimum_micros", name="voucher_batch_amounts"),
            models.CheckConstraint(
                condition=models.Q(multiplier_milli__gte=1000, multiplier_milli__lte=3000), name="voucher_batch_factor"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Voucher(models.Model):
    """One voucher. `waiting` is one that a customer has entered and that waits for a payment large enough."""

    id = models.BigAutoField(primary_key=True)
    batch = models.ForeignKey(VoucherBatch, on_delete=models.PROTECT, related_name="vouchers")
    serial = models.IntegerField()
    code_hash = models.CharField(max_length=64, unique=True)
    state = models.TextField(default="available")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, null=True, blank=True, related_name="vouchers")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="vouchers")
    """The bonus that it gave."""
    entered_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "voucher"
        constraints = [
            models.UniqueConstraint(fields=["batch", "serial"], name="voucher_serial_once"),
            one_of("state", "available", "waiting", "used", "disabled", name="voucher_state"),
        ]
        indexes = [
            models.Index(fields=["customer"], condition=models.Q(state="waiting"), name="voucher_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id}-{self.serial}"


class VoucherAttempt(models.Model):
    """A code that did not fit: after too many the customer waits."""

    id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="voucher_attempts")
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "voucher_attempt"
        indexes = [models.Index(fields=["customer", "-at"], name="voucher_attempt_newest")]

    def __str__(self) -> str:
        return f"{self.customer_id} {self.at}"
