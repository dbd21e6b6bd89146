"""Customers: who buys calls and holds a balance. A reseller is a customer who owns customers."""

from django.db import models

from tollgate.store.models.accounts import Account
from tollgate.store.models.records import Record, not_negative, one_of


class Customer(Record):
    """One customer with the fields its calls obey. Its money is in the wallet that a trigger keeps beside it."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="customers")
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    is_reseller = models.BooleanField(default=False)
    number = models.CharField(max_length=20)
    name = models.CharField(max_length=200)
    company = models.TextField(blank=True, default="")
    reference = models.TextField(blank=True, default="")
    status = models.TextField(default="active")
    currency = models.CharField(max_length=3)
    channels = models.IntegerField(default=0)
    cps_milli = models.IntegerField(default=0)
    debit_limit_micros = models.BigIntegerField(default=0)
    daily_spend_limit_micros = models.BigIntegerField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    valid_days = models.IntegerField(null=True, blank=True)
    hours = models.JSONField(null=True, blank=True)
    email_verification = models.BooleanField(default=False)
    mobile_verification = models.BooleanField(default=False)
    recording = models.BooleanField(default=False)
    max_duration_s = models.IntegerField(default=3600)
    notes = models.TextField(blank=True, default="")
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "customer"
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="customer_name_once"),
            models.UniqueConstraint(fields=["account", "number"], name="customer_number_once"),
            one_of("status", "active", "inactive", "penalty", "pending", name="customer_status"),
            not_negative("channels", "cps_milli", name="customer_limits"),
            models.CheckConstraint(condition=models.Q(max_duration_s__gte=1), name="customer_max_duration"),
            models.CheckConstraint(
                condition=models.Q(valid_days__isnull=True) | models.Q(valid_days__gte=1), name="customer_valid_days"
            ),
            models.CheckConstraint(
                condition=models.Q(daily_spend_limit_micros__isnull=True) | models.Q(daily_spend_limit_micros__gte=0),
                name="customer_daily_spend",
            ),
        ]

    def __str__(self) -> str:
        return self.name
