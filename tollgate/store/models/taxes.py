"""Taxes: named rates with their dates, which customers pay which, and the proof of a VAT number."""

from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.customers import Customer
from tollgate.store.models.records import Record, not_negative, one_of

CATEGORIES = ("S", "Z", "E", "AE", "K", "G", "O", "L", "M")
"""The categories of EN 16931 (UNTDID 5305)."""


class Tax(Record):
    """A named tax. `rate_ppm` is parts per million of the base (20 % are 200000), `fixed_micros` is added per invoice.

    The fixed part is in the account's currency. A compound tax is taken of the base and of the taxes of lower priority;
    the others of the base alone. One that is no VAT stays where VAT falls away. New customers pay those that are
    `is_default`, where nothing else is said.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="taxes")
    name = models.CharField(max_length=100)
    label = models.CharField(max_length=30, default="VAT")
    category = models.CharField(max_length=2, default="S")
    rate_ppm = models.IntegerField(default=0)
    fixed_micros = models.BigIntegerField(default=0)
    compound = models.BooleanField(default=False)
    is_vat = models.BooleanField(default=True, db_default=True)
    priority = models.IntegerField(default=10)
    country = models.CharField(max_length=2, blank=True, default="")
    exemption_reason = models.TextField(blank=True, default="")
    valid_from_on = models.DateField(null=True, blank=True)
    valid_until_on = models.DateField(null=True, blank=True)
    enabled = models.BooleanField(default=True)
    is_default = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "tax"
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="tax_name_once"),
            one_of("category", *CATEGORIES, name="tax_category"),
            not_negative("rate_ppm", "fixed_micros", name="tax_amounts"),
        ]

    def __str__(self) -> str:
        return self.name


class CustomerTax(models.Model):
    """That a customer pays a tax; `priority` replaces the tax's own where it is set."""

    id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="customer_taxes")
    tax = models.ForeignKey(Tax, on_delete=models.PROTECT, related_name="customer_taxes")
    priority = models.IntegerField(null=True, blank=True)

    class Meta:
        db_table = "customer_tax"
        constraints = [models.UniqueConstraint(fields=["customer", "tax"], name="customer_tax_once")]

    def __str__(self) -> str:
        return f"{self.customer_id} pays {self.tax_id}"


class VatCheck(models.Model):
    """One question whether a VAT number is valid, and the answer that was given: kept as proof."""

    id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="vat_checks")
    number = models.CharField(max_length=20)
    state = models.TextField(default="queued")
    provider = models.CharField(max_length=30, blank=True, default="")
    name = models.TextField(blank=True, default="")
    address = models.TextField(blank=True, default="")
    consultation = models.TextField(blank=True, default="")
    answer = models.TextField(blank=True, default="")
    tries_count = models.IntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())
    asked_at = models.DateTimeField(db_default=Now(), editable=False)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "vat_check"
        constraints = [one_of("state", "queued", "valid", "invalid", "unavailable", name="vat_check_state")]

    def __str__(self) -> str:
        return f"{self.number} {self.state}"
