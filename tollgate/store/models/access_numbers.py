"""Access numbers: what holders of calling cards dial first, their PINs, and the tries that did not fit."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.customers import Customer
from tollgate.store.models.records import Record


class AccessNumber(Record):
    """A number at which a PIN says who calls. `wrong_most` bounds the wrong PINs of all callers in an hour."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="access_numbers")
    number = models.CharField(max_length=15)
    name = models.CharField(max_length=100, blank=True, default="")
    wrong_most = models.IntegerField(default=100)
    enabled = models.BooleanField(default=True)

    class Meta:
        db_table = "access_number"
        constraints = [
            models.UniqueConstraint(fields=["account", "number"], name="access_number_once"),
            models.CheckConstraint(condition=models.Q(number__regex=r"^[0-9]{3,15}$"), name="access_number_digits"),
            models.CheckConstraint(condition=models.Q(wrong_most__gte=5), name="access_number_wrong_most"),
        ]

    def __str__(self) -> str:
        return self.name or self.number


class Pin(models.Model):
    """The PIN of one customer, at one access number or (None) at all.

    `mark` is what is kept of it, see store/pins.py. No two PINs that are alike hold at the same access number: the
    constraint `pin_once` (store/sql/schema_pins.sql) reads a PIN without a number as one at every number.
    """

    id = models.BigAutoField(primary_key=True)
    customer = models.OneToOneField(Customer, on_delete=models.CASCADE, related_name="pin")
    access_number = models.ForeignKey(
        AccessNumber, on_delete=models.PROTECT, null=True, blank=True, related_name="pins"
    )
    mark = models.BigIntegerField(db_index=True)
    set_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "pin"

    def __str__(self) -> str:
        return f"PIN of {self.customer_id}"


class PinTry(models.Model):
    """Wrong PINs at an access number: by caller within a quarter of an hour, of all callers (`*`) within an hour."""

    id = models.BigAutoField(primary_key=True)
    access_number = models.ForeignKey(AccessNumber, on_delete=models.CASCADE, related_name="tries")
    caller = models.TextField()
    since_at = models.DateTimeField()
    wrong_count = models.IntegerField()
    full = models.BooleanField(default=False)
    """No more are taken until the time is over."""
    told = models.BooleanField(default=False)
    """Webhooks have been told that it is full."""
    counted = ArrayField(models.BigIntegerField(), default=list)
    """Hashes of the calls and PINs that were counted, of all callers: a question that comes again is not."""

    class Meta:
        db_table = "pin_try"
        constraints = [models.UniqueConstraint(fields=["access_number", "caller"], name="pin_try_once")]
        indexes = [models.Index(fields=["id"], condition=models.Q(full=True, told=False), name="pin_try_untold")]

    def __str__(self) -> str:
        return f"{self.caller}: {self.wrong_count}"
