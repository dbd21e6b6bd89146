"""What tells people and programs: webhooks and deliveries, alerts, dunning steps, and the holds that both set."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.carriers import Carrier
from tollgate.store.models.charges import Charge
from tollgate.store.models.customers import Customer
from tollgate.store.models.invoices import Invoice
from tollgate.store.models.records import Record, not_negative, one_of
from tollgate.store.models.tags import Tag

AREAS = ("balance", "asr", "acd", "pdd", "cps", "channels", "failovers", "change")
OPERATORS = ("<", "<=", "=", ">=", ">", "always")


class Webhook(Record):
    """An address of another program that is told of events. Its secret signs what is sent (store.secrets)."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="webhooks")
    title = models.CharField(max_length=100)
    url = models.CharField(max_length=500)
    secret_sealed = models.TextField()
    events = ArrayField(models.TextField(), default=list, blank=True)
    """Those it is told of; none at all means every one."""
    enabled = models.BooleanField(default=True)

    class Meta:
        db_table = "webhook"
        constraints = [models.UniqueConstraint(fields=["account", "title"], name="webhook_title_once")]

    def __str__(self) -> str:
        return self.title


class WebhookEvent(models.Model):
    """Something that happened, written in the transaction in which it did. `ref` is the object: `invoice:17`."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="webhook_events")
    event = models.TextField()
    ref = models.TextField()
    body = models.JSONField()
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "webhook_event"
        indexes = [models.Index(fields=["at"], name="webhook_event_old")]

    def __str__(self) -> str:
        return f"{self.event} {self.ref}"


class WebhookDelivery(models.Model):
    """One event on its way to one webhook, with what was sent last and what came back."""

    id = models.BigAutoField(primary_key=True)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(WebhookEvent, on_delete=models.CASCADE, related_name="deliveries")
    ref = models.TextField()
    """The event's: deliveries of one object to one webhook go out one after another."""
    state = models.TextField(default="queued")
    tries_count = models.IntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())
    replayed_by = models.TextField(blank=True, default="")
    request = models.TextField(blank=True, default="")
    status_code = models.IntegerField(null=True, blank=True)
    answer = models.TextField(blank=True, default="")
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "webhook_delivery"
        constraints = [one_of("state", "queued", "sending", "delivered", "failed", name="webhook_delivery_state")]
        indexes = [
            models.Index(
                fields=["next_at"], condition=models.Q(state__in=["queued", "sending"]), name="webhook_delivery_due"
            ),
            models.Index(
                fields=["webhook", "ref", "id"],
                condition=models.Q(state__in=["queued", "sending"]),
                name="webhook_delivery_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook}"


class Alert(Record):
    """A figure that is watched, of one customer, of one carrier, or of each customer with a tag.

    Thresholds are in millionths of the area's unit: of the currency, of a percent, of a second, of a call.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="alerts")
    title = models.CharField(max_length=100)
    enabled = models.BooleanField(default=True)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="alerts")
    carrier = models.ForeignKey(Carrier, on_delete=models.CASCADE, null=True, blank=True, related_name="alerts")
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, null=True, blank=True, related_name="alerts")
    recipients = ArrayField(models.TextField(), default=list, blank=True)
    """Emails and mobile numbers; a tag's alert goes to the contacts of its customers as well."""
    area = models.TextField(default="balance")
    operator = models.TextField(default="<")
    threshold_micros = models.BigIntegerField(default=0)
    reset_micros = models.BigIntegerField(null=True, blank=True)
    """Where it is armed again: beyond this; empty is beyond the threshold."""
    sample_min = models.IntegerField(default=5)
    penalty_s = models.IntegerField(default=0)
    repeat_min = models.IntegerField(default=0)
    repeat_hour = models.IntegerField(default=8, db_default=8)
    """The hour of the account's clock at which what repeats daily or weekly is told again."""
    level = models.TextField(default="warning")
    template = models.CharField(max_length=50, default="alert")

    class Meta:
        db_table = "alert"
        constraints = [
            models.UniqueConstraint(fields=["account", "title"], name="alert_title_once"),
            one_of("area", *AREAS, name="alert_area"),
            one_of("operator", *OPERATORS, name="alert_operator"),
            one_of("level", "none", "warning", "error", name="alert_level"),
            not_negative("sample_min", "penalty_s", "repeat_min", name="alert_times"),
            models.CheckConstraint(
                condition=models.Q(repeat_hour__gte=0, repeat_hour__lte=23), name="alert_repeat_hour"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class AlertState(models.Model):
    """Where one alert stands for one customer or carrier."""

    id = models.BigAutoField(primary_key=True)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="states")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    carrier = models.ForeignKey(Carrier, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    fired_at = models.DateTimeField(null=True, blank=True)
    """Since when it has fired; empty while it is armed."""
    told_at = models.DateTimeField(null=True, blank=True)
    seen_id = models.BigIntegerField(default=0)
    """The last row of the audit log that it has looked at (changes)."""

    class Meta:
        db_table = "alert_state"
        constraints = [
            models.UniqueConstraint(
                fields=["alert", "customer", "carrier"], nulls_distinct=False, name="alert_state_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} {self.customer_id or self.carrier_id}"


class AlertEvent(models.Model):
    """What an alert has done: fired, repeated, cleared, tested."""

    id = models.BigAutoField(primary_key=True)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="events")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    carrier = models.ForeignKey(Carrier, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    kind = models.TextField()
    value_micros = models.BigIntegerField(null=True, blank=True)
    words = models.TextField(blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        db_table = "alert_event"
        constraints = [one_of("kind", "fired", "repeated", "cleared", "tested", name="alert_event_kind")]
        indexes = [models.Index(fields=["alert", "-id"], name="alert_event_newest")]

    def __str__(self) -> str:
        return f"{self.alert_id} {self.kind}"


class CustomerHold(models.Model):
    """A reason why a customer rests that no person gave: `alert:5`, `invoice:12`. Several may hold at once.

    What stands in the customer while holds are open follows from them alone: if it says anything else, a person has
    decided, and the holds leave it so.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="holds")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="holds")
    cause = models.TextField()
    status = models.TextField()
    reason = models.TextField(blank=True, default="")
    from_at = models.DateTimeField()
    until_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.TextField(blank=True, default="")
    """How it ended: `restored`, `others` (another holds on), `overridden` (a person had decided since)."""

    class Meta:
        db_table = "customer_hold"
        constraints = [
            one_of("status", "inactive", "penalty", name="customer_hold_status"),
            models.UniqueConstraint(
                fields=["customer", "cause"], condition=models.Q(ended_at=None), name="customer_hold_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} {self.cause}"


class DunningStep(Record):
    """What happens so many days after an invoice was due (below zero: before), to each customer it is fit for."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="dunning_steps")
    title = models.CharField(max_length=100)
    days = models.IntegerField()
    action = models.TextField(default="remind")
    fee_ppm = models.IntegerField(default=0)
    """A late fee as a part of what is open; `fee_micros` is a fixed one, for invoices in its currency."""
    fee_micros = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3, blank=True, default="")
    tax_category = models.CharField(max_length=2, blank=True, default="", db_default="")
    """Why its fee bears no tax, and the reason printed; without, it bears the taxes of the document it is on."""
    exemption_reason = models.TextField(blank=True, default="", db_default="")
    enabled = models.BooleanField(default=True)

    class Meta:
        db_table = "dunning_step"
        constraints = [
            models.UniqueConstraint(fields=["account", "title"], name="dunning_step_title_once"),
            one_of("action", "remind", "late_fee", "restrict", "penalty", name="dunning_step_action"),
            not_negative("fee_ppm", "fee_micros", name="dunning_step_fee"),
        ]

    def __str__(self) -> str:
        return self.title


class DunningEvent(models.Model):
    """One step that was taken for one invoice; `key` makes sure that it is taken once each time that it is unpaid."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="dunning_events")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="dunning_events")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="dunning_events")
    step = models.ForeignKey(DunningStep, on_delete=models.SET_NULL, null=True, blank=True, related_name="events")
    key = models.TextField()
    action = models.TextField()
    words = models.TextField(blank=True, default="")
    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reopened_count = models.IntegerField(default=0, db_default=0)
    """How often the invoice had been unpaid again by then: its payment was taken back, or its collection failed."""
    at = models.DateTimeField()

    class Meta:
        db_table = "dunning_event"
        constraints = [models.UniqueConstraint(fields=["invoice", "reopened_count", "key"], name="dunning_event_once")]
        indexes = [models.Index(fields=["account", "-id"], name="dunning_event_newest")]

    def __str__(self) -> str:
        return f"{self.invoice_id} {self.key}"
