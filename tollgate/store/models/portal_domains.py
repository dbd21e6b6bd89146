"""Portal domains: the addresses where customers log in, each with a brand, its sections and its own mail identity."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from tollgate.store.models.accounts import Account
from tollgate.store.models.records import Record


class PortalDomain(Record):
    """One portal address. Contacts of its customers log in here and nowhere else; `sections` are those it shows.

    What new customers of it begin with is in `currencies`, `template_customer` and `cards` (actions.domain_defaults).
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="portal_domains")
    host = models.CharField(max_length=253, unique=True)
    brand = models.CharField(max_length=100)
    color = models.CharField(max_length=7, blank=True, default="")
    color_dark = models.CharField(max_length=7, blank=True, default="")
    sidebar_color = models.CharField(max_length=7, blank=True, default="")
    background = models.CharField(max_length=7, blank=True, default="")
    background_dark = models.CharField(max_length=7, blank=True, default="")
    custom_css = models.TextField(blank=True, default="")
    """A stylesheet of the operator's that core.stylesheets has read; only pages of the portal carry it."""
    logo = models.BinaryField(null=True, blank=True)
    logo_type = models.CharField(max_length=20, blank=True, default="")
    sections = ArrayField(models.TextField(), default=list, blank=True)
    support_url = models.URLField(blank=True, default="")
    support_phone = models.CharField(max_length=20, blank=True, default="")
    support_email = models.EmailField(blank=True, default="")
    welcome_text = models.TextField(blank=True, default="")
    footer_text = models.CharField(max_length=500, blank=True, default="")
    terms_url = models.URLField(blank=True, default="")
    privacy_url = models.URLField(blank=True, default="")
    imprint_url = models.URLField(blank=True, default="")
    payment_gateways = ArrayField(models.TextField(), null=True, blank=True)
    """The gateways its customers may pay by unless they say otherwise; null is all of them."""
    currencies = ArrayField(models.CharField(max_length=3), default=list, blank=True)
    """Those of its new customers, and of what contacts pay in beside their wallet's own; none is any."""
    template_customer = models.ForeignKey(
        "store.Customer", on_delete=models.PROTECT, null=True, blank=True, related_name="template_of_domains"
    )
    cards = models.ManyToManyField(
        "store.Card", blank=True, related_name="default_of_domains", db_table="portal_domain_card"
    )
    """One for each currency: what new customers pay by, in place of the card of the template's routes."""
    cards_version = models.IntegerField(default=1, editable=False)
    invoice_template = models.ForeignKey(
        "store.InvoiceTemplate", on_delete=models.PROTECT, null=True, blank=True, related_name="portal_domains"
    )

    class Meta:
        db_table = "portal_domain"

    def __str__(self) -> str:
        return self.host

    @property
    def card_ids(self) -> list[int]:
        """The ids of its cards, as acts and forms carry them."""
        return sorted(card.pk for card in self.cards.all())
