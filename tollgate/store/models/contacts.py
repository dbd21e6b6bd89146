"""Contacts: the people at a customer."""

from django.db import models

from tollgate.store.models.customers import Customer
from tollgate.store.models.records import Record


class Contact(Record):
    """A person at a customer. A customer that requires verification may dial once one contact is verified."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="contacts")
    first_name = models.CharField(max_length=100, blank=True, default="")
    last_name = models.CharField(max_length=100, blank=True, default="")
    email = models.EmailField()
    phone = models.CharField(max_length=20, blank=True, default="")
    mobile = models.CharField(max_length=20, blank=True, default="")
    kind = models.TextField(default="general")
    email_verified_at = models.DateTimeField(null=True, blank=True)
    mobile_verified_at = models.DateTimeField(null=True, blank=True)
    public_notes = models.TextField(blank=True, default="")
    private_notes = models.TextField(blank=True, default="")

    class Meta:
        db_table = "contact"

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email
