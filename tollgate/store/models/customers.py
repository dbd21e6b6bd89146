"""Customers: who buys calls and holds a balance. A reseller is a customer who owns customers."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from tollgate.core.cli_pools import MODES
from tollgate.store.models.accounts import Account
from tollgate.store.models.localizations import Localization
from tollgate.store.models.portal_domains import PortalDomain
from tollgate.store.models.records import Record, in_order, not_negative, one_of
from tollgate.store.models.tags import Tag

if TYPE_CHECKING:
    from tollgate.store.models.invoices import InvoiceTemplate


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
    status_reason = models.TextField(blank=True, default="")
    status_until = models.DateTimeField(null=True, blank=True)
    currency = models.CharField(max_length=3)
    channels = models.IntegerField(default=0)
    cps_milli = models.IntegerField(default=0)
    debit_limit_micros = models.BigIntegerField(default=0)
    daily_spend_limit_micros = models.BigIntegerField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    valid_days = models.IntegerField(null=True, blank=True)
    hours = models.JSONField(null=True, blank=True)
    hours_hang_up = models.BooleanField(default=False)
    email_verification = models.BooleanField(default=False)
    mobile_verification = models.BooleanField(default=False)
    recording = models.BooleanField(default=False)
    max_duration_s = models.IntegerField(default=3600)
    phone = models.CharField(max_length=20, blank=True, default="")
    website = models.URLField(blank=True, default="")
    address_line1 = models.CharField(max_length=200, blank=True, default="")
    address_line2 = models.CharField(max_length=200, blank=True, default="")
    city = models.CharField(max_length=100, blank=True, default="")
    state = models.CharField(max_length=100, blank=True, default="")
    postcode = models.CharField(max_length=20, blank=True, default="")
    country = models.CharField(max_length=2, blank=True, default="")
    zone = models.TextField(blank=True, default="")
    accounting_id = models.CharField(max_length=100, null=True, blank=True)
    account_manager = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="managed_customers"
    )
    domain = models.ForeignKey(PortalDomain, on_delete=models.PROTECT, null=True, blank=True, related_name="customers")
    portal_show = ArrayField(models.TextField(), default=list, blank=True)
    portal_hide = ArrayField(models.TextField(), default=list, blank=True)
    tags = models.ManyToManyField(Tag, blank=True, related_name="customers", db_table="customer_tag")
    vars_toml = models.TextField(blank=True, default="")
    pai_mode = models.TextField(default="default")
    first_reply_s = models.IntegerField(null=True, blank=True)
    pdd_s = models.IntegerField(null=True, blank=True)
    ring_s = models.IntegerField(null=True, blank=True)
    rtp_firewall = models.TextField(default="locked")
    recording_retention_days = models.IntegerField(null=True, blank=True)
    attestation = models.CharField(max_length=1, default="C")
    approved_clis_only = models.BooleanField(default=False)
    cli_selection = models.TextField(default="first")
    cli_pool = models.TextField(default="disabled")
    non_cli_card = models.ForeignKey(
        "store.Card", on_delete=models.PROTECT, null=True, blank=True, related_name="customers_by_cli"
    )
    """By which calls pay from numbers that are not in the pool, where `cli_pool` says so."""
    local_calls = models.BooleanField(default=True)
    local_price_nanos = models.BigIntegerField(default=0)
    local_increment_s = models.IntegerField(default=60)
    loss_making_calls = models.TextField(default="allow")
    ip_management = models.BooleanField(default=False)
    localization = models.ForeignKey(
        Localization, on_delete=models.PROTECT, null=True, blank=True, related_name="customers"
    )
    billing_type = models.TextField(default="prepaid")
    registration_id = models.CharField(max_length=100, blank=True, default="")
    tax_number = models.CharField(max_length=20, blank=True, default="")
    tax_treatment = models.TextField(default="auto")
    prices_include_tax = models.BooleanField(default=False)
    invoice_schedule = models.TextField(default="none")
    billing_day = models.IntegerField(default=1)
    billing_zone = models.TextField(blank=True, default="")
    generate_invoices = models.BooleanField(default=True)
    zero_invoices = models.BooleanField(default=False)
    email_invoices = models.BooleanField(default=True)
    daily_receipts = models.BooleanField(default=False)
    create_invoice_on_payment = models.BooleanField(default=False)
    payment_terms_days = models.IntegerField(default=14)
    overdue_grace_days = models.IntegerField(default=0)
    overdue_action = models.TextField(default="remind")
    invoice_grouping = models.TextField(blank=True, default="")
    invoice_template = models.ForeignKey(
        "store.InvoiceTemplate", on_delete=models.PROTECT, null=True, blank=True, related_name="customers"
    )
    invoice_note = models.TextField(blank=True, default="")
    language = models.CharField(max_length=10, blank=True, default="")
    minimum_payment_micros = models.BigIntegerField(default=0)
    topup_currencies = ArrayField(models.CharField(max_length=3), default=list, blank=True)
    payment_gateways = ArrayField(models.TextField(), null=True, blank=True)
    """The gateways its contacts may pay by; null is the domain's, none at all is an empty list."""
    paypal_email = models.EmailField(blank=True, default="")
    low_balance_micros = models.BigIntegerField(null=True, blank=True)
    low_balance_noticed_at = models.DateTimeField(null=True, blank=True)
    """When its contacts were told; empty while the notice is armed."""
    low_balance_noticed_micros = models.BigIntegerField(null=True, blank=True)
    """Balance and limit at that moment: more than this arms it again, not a hold that is released. Empty: anything."""
    low_balance_noticed_entry_id = models.BigIntegerField(null=True, blank=True)
    """The newest entry at that moment: money that came after it arms it again, whatever calls have cost meanwhile."""
    notification_emails = ArrayField(models.EmailField(), default=list, blank=True)
    notification_departments = ArrayField(models.TextField(), default=list, blank=True)
    """Of its contacts those in one of these get its notices; none is all of them."""
    notification_opt_outs = ArrayField(models.TextField(), default=list, blank=True)
    parked_at = models.DateTimeField(null=True, blank=True)
    parked_reason = models.TextField(blank=True, default="")
    """Its billing rests since then, until a person releases it: something did not add up."""
    noticed_end_at = models.DateTimeField(null=True, blank=True)
    """The end of its validity that its contacts have been told of."""
    tags_version = models.IntegerField(default=0, db_default=0, editable=False)
    taxes_version = models.IntegerField(default=0, db_default=0, editable=False)
    """These grow with its tags and taxes, which are in other tables."""
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "customer"
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="customer_name_once"),
            models.UniqueConstraint(fields=["account", "number"], name="customer_number_once"),
            models.UniqueConstraint(fields=["account", "accounting_id"], name="customer_accounting_id_once"),
            one_of("status", "active", "inactive", "penalty", "pending", name="customer_status"),
            one_of("pai_mode", "default", "remove", "if_available", "required", name="customer_pai_mode"),
            one_of("rtp_firewall", "locked", "unlocked", name="customer_rtp_firewall"),
            one_of("attestation", "A", "B", "C", name="customer_attestation"),
            one_of("loss_making_calls", "allow", "warn", "refuse", name="customer_loss_making_calls"),
            one_of("cli_selection", "first", "random", "weighted", "round_robin", name="customer_cli_selection"),
            one_of("cli_pool", *MODES, name="customer_cli_pool"),
            models.CheckConstraint(
                condition=models.Q(local_price_nanos__gte=0, local_increment_s__gte=1), name="customer_local_price"
            ),
            not_negative("channels", "cps_milli", name="customer_limits"),
            one_of("billing_type", "prepaid", "postpaid", name="customer_billing_type"),
            one_of(
                "tax_treatment", "auto", "taxed", "reverse_charge", "exempt", "no_vat", name="customer_tax_treatment"
            ),
            one_of("invoice_schedule", "none", "daily", "weekly", "monthly", name="customer_invoice_schedule"),
            one_of("overdue_action", "none", "remind", "restrict", "penalty", name="customer_overdue_action"),
            one_of("invoice_grouping", "", "day", "destination", "route", "total", name="customer_invoice_grouping"),
            models.CheckConstraint(
                condition=models.Q(billing_day__gte=1, billing_day__lte=31), name="customer_billing_day"
            ),
            not_negative(
                "payment_terms_days", "overdue_grace_days", "minimum_payment_micros", name="customer_billing_amounts"
            ),
            models.UniqueConstraint(
                fields=["account", "paypal_email"],
                condition=~models.Q(paypal_email=""),
                name="customer_paypal_email_once",
            ),
            models.CheckConstraint(condition=models.Q(max_duration_s__gte=1), name="customer_max_duration"),
            models.CheckConstraint(
                condition=models.Q(valid_days__isnull=True) | models.Q(valid_days__gte=1), name="customer_valid_days"
            ),
            models.CheckConstraint(
                condition=models.Q(daily_spend_limit_micros__isnull=True) | models.Q(daily_spend_limit_micros__gte=0),
                name="customer_daily_spend",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=models.Q(status="active", deleted_at__isnull=True), name="customer_active"
            ),
            models.Index(
                fields=["id"],
                include=["email_verification", "mobile_verification"],
                condition=models.Q(status="active", deleted_at__isnull=True)
                & (models.Q(email_verification=True) | models.Q(mobile_verification=True)),
                name="customer_verifying",
            ),
            models.Index(
                fields=["account", "status", "id"],
                include=["currency"],
                condition=models.Q(deleted_at__isnull=True),
                name="customer_by_status",
            ),
            models.Index(fields=["id"], condition=models.Q(deleted_at__isnull=False), name="customer_deleted"),
            models.Index(fields=["account", "name", "id"], include=["deleted_at"], name="customer_by_name"),
            *in_order(
                "customer",
                *("number", "company", "country", "reference", "accounting_id", "channels"),
                *("debit_limit_micros", "status_until", "expires_at"),
                of="account",
                among=models.Q(deleted_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def document_template(self) -> "InvoiceTemplate | None":
        """The template of its documents: its own, else that of its portal domain; None is the one in stock."""
        return self.invoice_template or (self.domain.invoice_template if self.domain else None)

    @property
    def tag_ids(self) -> list[int]:
        """The ids of its tags, as acts and forms carry them."""
        return sorted(tag.pk for tag in self.tags.all())

    @property
    def tax_ids(self) -> list[int]:
        """The ids of the taxes it pays, as acts and forms carry them."""
        return sorted(paid.tax_id for paid in self.customer_taxes.all())


class CustomerNote(models.Model):
    """An internal note about a customer: who wrote it, and when. Never changed, only taken back."""

    id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="notes")
    at = models.DateTimeField(db_default=Now(), editable=False)
    author = models.TextField()
    text = models.TextField()

    class Meta:
        db_table = "customer_note"

    def __str__(self) -> str:
        return self.text[:50]


class VerifiedCli(models.Model):
    """A caller's number that a customer may show, with the STIR/SHAKEN attestation it earned when it was verified."""

    id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="verified_clis")
    number = models.CharField(max_length=20)
    method = models.TextField()
    attestation = models.CharField(max_length=1)
    verified_at = models.DateTimeField(db_default=Now(), editable=False)
    verified_by = models.TextField(blank=True, default="")
    reminded_at = models.DateTimeField(null=True, blank=True)
    """When the customer was told that it has to be proved again."""

    class Meta:
        db_table = "verified_cli"
        constraints = [
            models.UniqueConstraint(fields=["customer", "number"], name="verified_cli_once"),
            one_of("method", "operator", "call_back", "sms", name="verified_cli_method"),
            one_of("attestation", "A", "B", "C", name="verified_cli_attestation"),
        ]

    def __str__(self) -> str:
        return self.number
