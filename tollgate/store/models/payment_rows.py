"""What a customer's list of payments shows: its payments, and what packages took from its balance by themselves."""

from django.db import models

from tollgate.store.models.accounts import Account
from tollgate.store.models.charges import Charge
from tollgate.store.models.customers import Customer
from tollgate.store.models.packages import CustomerPackage
from tollgate.store.models.payments import Payment


class PaymentRow(models.Model):
    """One row, to be read only: a payment, or a charge of a package that was taken from the balance, below zero.

    A charge is no payment: no sum of payments has it, and it settles nothing. `id` is the row's alone.
    """

    id = models.BigIntegerField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.DO_NOTHING, related_name="+")
    customer = models.ForeignKey(Customer, on_delete=models.DO_NOTHING, related_name="+")
    payment = models.ForeignKey(Payment, on_delete=models.DO_NOTHING, null=True, related_name="+")
    charge = models.ForeignKey(Charge, on_delete=models.DO_NOTHING, null=True, related_name="+")
    customer_package = models.ForeignKey(CustomerPackage, on_delete=models.DO_NOTHING, null=True, related_name="+")
    """Whose charge it is."""
    received_at = models.DateTimeField()
    status = models.TextField()
    kind = models.TextField()
    currency = models.CharField(max_length=3)
    amount_micros = models.BigIntegerField()
    public_note = models.TextField()

    class Meta:
        managed = False
        db_table = "payment_row"

    def __str__(self) -> str:
        return self.public_note
