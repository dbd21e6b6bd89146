"""How customers pay by others: gateways, what these told us word for word, checkouts under way, automatic top-ups."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.contacts import Contact
from tollgate.store.models.customers import Customer
from tollgate.store.models.payments import Payment
from tollgate.store.models.records import Record, not_negative, one_of


class PaymentGateway(Record):
    """One gateway with its keys. `name` is what payments and customers' allow-lists call it; it never changes.

    `settings` are words that anybody may read, `secrets_sealed` the keys (store.secrets) as sealed JSON. `token` is the
    part of its public address that nobody guesses. The surcharge is `surcharge_micros` of the currency that is paid
    plus `surcharge_ppm` parts per million of the amount.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="payment_gateways")
    name = models.CharField(max_length=30)
    title = models.CharField(max_length=100)
    provider = models.CharField(max_length=30)
    enabled = models.BooleanField(default=True)
    mode = models.TextField(default="test")
    currencies = ArrayField(models.CharField(max_length=3), default=list)
    deduct_fees = models.BooleanField(default=True)
    """Whether what the gateway keeps is taken off what the wallet gains."""
    surcharge_micros = models.BigIntegerField(default=0)
    surcharge_ppm = models.IntegerField(default=0)
    settings = models.JSONField(default=dict, blank=True)
    secrets_sealed = models.TextField(blank=True, default="")
    token = models.CharField(max_length=64, unique=True)

    class Meta:
        db_table = "payment_gateway"
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="payment_gateway_name_once"),
            one_of("mode", "test", "live", name="payment_gateway_mode"),
            not_negative("surcharge_micros", "surcharge_ppm", name="payment_gateway_surcharge"),
        ]

    def __str__(self) -> str:
        return self.title


class PaymentEvent(models.Model):
    """One notice of a gateway as it came: kept before it is believed. What became of it is in `state` and `note`."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="payment_events")
    gateway = models.ForeignKey(PaymentGateway, on_delete=models.PROTECT, related_name="events")
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, blank=True, related_name="payment_events"
    )
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="events")
    at = models.DateTimeField(db_default=Now(), editable=False)
    ip = models.GenericIPAddressField(null=True)
    headers = models.JSONField(default=dict)
    body = models.TextField()
    state = models.TextField(default="queued")
    note = models.TextField(blank=True, default="")
    tries_count = models.IntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "payment_event"
        constraints = [
            one_of("state", "queued", "done", "ignored", "refused", "failed", name="payment_event_state"),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="payment_event_newest"),
            models.Index(fields=["next_at"], condition=models.Q(state="queued"), name="payment_event_due"),
        ]

    def __str__(self) -> str:
        return f"{self.gateway_id} {self.state}"


class Checkout(models.Model):
    """The way of one pending payment to a gateway: where the payer was sent, and when the gateway is asked again.

    `reference` is our own word for it that the gateway repeats; `session` the gateway's; `url` where the payer pays.
    `fee_open`: it is paid, and the gateway is still asked what it kept.
    """

    id = models.BigAutoField(primary_key=True)
    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="checkout")
    gateway = models.ForeignKey(PaymentGateway, on_delete=models.PROTECT, related_name="checkouts")
    contact = models.ForeignKey(Contact, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    reference = models.CharField(max_length=64, unique=True)
    session = models.CharField(max_length=300, blank=True, default="")
    url = models.TextField(blank=True, default="")
    keep_method = models.BooleanField(default=False)
    automatic = models.BooleanField(default=False)
    fee_open = models.BooleanField(default=False, db_default=False)
    asked_count = models.IntegerField(default=0)
    next_at = models.DateTimeField(null=True, blank=True)
    """When the gateway is asked what became of it; empty once that is known."""
    note = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "checkout"
        indexes = [
            models.Index(fields=["next_at"], condition=models.Q(next_at__isnull=False), name="checkout_due"),
            models.Index(fields=["gateway", "session"], name="checkout_session"),
        ]

    def __str__(self) -> str:
        return self.reference


class AutoTopUp(Record):
    """That a customer's stored payment method is charged when what is available falls below the threshold."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="auto_top_ups")
    customer = models.OneToOneField(Customer, on_delete=models.PROTECT, related_name="auto_top_up")
    gateway = models.ForeignKey(PaymentGateway, on_delete=models.PROTECT, related_name="auto_top_ups")
    method_sealed = models.TextField()
    method_label = models.CharField(max_length=100)
    enabled = models.BooleanField(default=False)
    threshold_micros = models.BigIntegerField(default=0)
    amount_micros = models.BigIntegerField(default=0)
    daily_cap_micros = models.BigIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())
    failures_count = models.IntegerField(default=0)
    note = models.TextField(blank=True, default="")

    class Meta:
        db_table = "auto_top_up"
        constraints = [
            not_negative("threshold_micros", "amount_micros", "daily_cap_micros", name="auto_top_up_amounts"),
        ]

    def __str__(self) -> str:
        return self.method_label
