"""Charges: what a customer owes that is no call. Packages, fees, minimum spend, lines added by hand."""

from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.customers import Customer
from tollgate.store.models.records import WidePrice, one_of


class Charge(models.Model):
    """One thing charged once: `key` makes a second run find the first.

    Immutable but for `entry_id`, which is set when the money moves: at once, or when the document that bears it is
    issued, and then `billing_type` with it. A charge is billed while a line of an invoice that is not void names it.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="customer_charges")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="charges")
    kind = models.TextField()
    key = models.CharField(max_length=200)
    description = models.CharField(max_length=300)
    from_on = models.DateField()
    until_on = models.DateField()
    """The first day after it."""
    quantity_milli = models.BigIntegerField(default=1000)
    unit_price_nanos = WidePrice()
    amount_micros = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    detail = models.JSONField(default=dict, blank=True)
    tax_category = models.CharField(max_length=2, blank=True, default="", db_default="")
    """Why it bears no tax, by the category of EN 16931, and the reason printed; without, it bears its document's."""
    exemption_reason = models.TextField(blank=True, default="", db_default="")
    billing_type = models.TextField(blank=True, default="", db_default="")
    """The account type under which it was made, or that of the document which moved its money: only documents of that
    kind bear it."""
    at = models.DateTimeField(db_default=Now(), editable=False)
    entry_id = models.BigIntegerField(null=True, blank=True)

    class Meta:
        db_table = "charge"
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="charge_once"),
            one_of("kind", "package", "setup", "minimum_spend", "fee", "late_fee", "manual", name="charge_kind"),
        ]
        indexes = [models.Index(fields=["customer", "from_on"], name="charge_customer")]

    def __str__(self) -> str:
        return self.description
