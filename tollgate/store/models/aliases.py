"""Aliases: a dialed number, or an expression for many, and the number that takes its place."""

from django.db import models

from tollgate.store.models.accounts import Account
from tollgate.store.models.customers import Customer
from tollgate.store.models.records import Record


class Alias(Record):
    """One alias (core.aliases): of a customer, or, of nobody, of all customers of the account."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="aliases")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="aliases")
    position = models.IntegerField(default=100)
    current = models.CharField(max_length=200)
    new = models.CharField(max_length=60, blank=True, default="")
    enabled = models.BooleanField(default=True)
    notes = models.TextField(blank=True, default="")

    class Meta:
        db_table = "alias"
        constraints = [models.CheckConstraint(condition=models.Q(position__gte=0), name="alias_position")]

    def __str__(self) -> str:
        return self.current
