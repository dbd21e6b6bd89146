"""Portal domains: the addresses where customers log in, each with a brand, its sections and its own mail identity."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from tollgate.store.models.accounts import Account
from tollgate.store.models.records import Record


class PortalDomain(Record):
    """One portal address. Contacts of its customers log in here and nowhere else; `sections` are those it shows."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="portal_domains")
    host = models.CharField(max_length=253, unique=True)
    brand = models.CharField(max_length=100)
    color = models.CharField(max_length=7, blank=True, default="")
    logo = models.BinaryField(null=True, blank=True)
    logo_type = models.CharField(max_length=20, blank=True, default="")
    sections = ArrayField(models.TextField(), default=list, blank=True)
    support_url = models.URLField(blank=True, default="")
    support_phone = models.CharField(max_length=20, blank=True, default="")
    support_email = models.EmailField(blank=True, default="")
    welcome_text = models.TextField(blank=True, default="")
    payment_gateways = ArrayField(models.TextField(), null=True, blank=True)
    """The gateways its customers may pay by unless they say otherwise; null is all of them."""

    class Meta:
        db_table = "portal_domain"

    def __str__(self) -> str:
        return self.host
