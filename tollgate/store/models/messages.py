"""Mail and SMS: how they are sent, what they say, and the log of every one."""

from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.contacts import Contact
from tollgate.store.models.customers import Customer
from tollgate.store.models.portal_domains import PortalDomain
from tollgate.store.models.records import Record, one_of
from tollgate.store.models.tasks import TaskRow


class MailSettings(Record):
    """The mail server of an account, or of one of its portal domains. The password is sealed (store.secrets)."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="mail_settings")
    domain = models.ForeignKey(
        PortalDomain, on_delete=models.CASCADE, null=True, blank=True, related_name="mail_settings"
    )
    from_address = models.EmailField()
    from_name = models.CharField(max_length=100, blank=True, default="")
    host = models.CharField(max_length=253)
    port = models.IntegerField(default=25)
    mode = models.TextField(default="auto")
    username = models.CharField(max_length=200, blank=True, default="")
    password_sealed = models.TextField(blank=True, default="")

    class Meta:
        db_table = "mail_settings"
        constraints = [
            models.UniqueConstraint(fields=["account", "domain"], nulls_distinct=False, name="mail_settings_once"),
            one_of("mode", "auto", "none", "starttls", "tls", name="mail_settings_mode"),
            models.CheckConstraint(condition=models.Q(port__gte=1, port__lte=65535), name="mail_settings_port"),
        ]

    def __str__(self) -> str:
        return f"{self.from_address} by {self.host}:{self.port}"


class SmsSettings(Record):
    """How SMS are sent: by an HTTP provider, or only into the log for development."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="sms_settings")
    provider = models.TextField(default="log")
    sms_from = models.CharField(max_length=16, blank=True, default="")
    url = models.URLField(blank=True, default="")
    key_sealed = models.TextField(blank=True, default="")

    class Meta:
        db_table = "sms_settings"
        constraints = [one_of("provider", "log", "http", name="sms_settings_provider")]

    def __str__(self) -> str:
        return self.provider


class Template(Record):
    """The words of one kind of message in one language, where an operator has changed those in stock: for everybody,
    or for the customers of one portal domain."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="templates")
    domain = models.ForeignKey(PortalDomain, on_delete=models.CASCADE, null=True, blank=True, related_name="templates")
    key = models.CharField(max_length=50)
    language = models.CharField(max_length=10, default="en")
    subject = models.TextField(blank=True, default="")
    text = models.TextField(blank=True, default="")
    html = models.TextField(blank=True, default="")
    sms = models.TextField(blank=True, default="")

    class Meta:
        db_table = "template"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "domain", "key", "language"], nulls_distinct=False, name="template_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.language})"


SORTED_BY = ("recipient", "state", "sent_at")
"""What the list of messages is sorted by, beside its order."""


class Message(models.Model):
    """One mail or SMS to one person: queued in the transaction that caused it, sent by a job, kept as the log."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="messages")
    kind = models.TextField(default="email")
    template = models.CharField(max_length=50, blank=True, default="")
    customer = models.ForeignKey(Customer, on_delete=models.SET_NULL, null=True, blank=True, related_name="messages")
    contact = models.ForeignKey(Contact, on_delete=models.SET_NULL, null=True, blank=True, related_name="messages")
    domain_id = models.BigIntegerField(null=True, blank=True)
    task_row = models.ForeignKey(
        TaskRow, on_delete=models.SET_NULL, null=True, blank=True, related_name="messages", db_index=False
    )
    """Of a mailing: the row of its job, which has this message and no other."""
    recipient = models.TextField()
    subject = models.TextField(blank=True, default="")
    text = models.TextField(blank=True, default="")
    html = models.TextField(blank=True, default="")
    secret = models.BooleanField(default=False)
    attachments = models.JSONField(default=list, blank=True)
    marketing = models.BooleanField(default=False)
    state = models.TextField(default="queued")
    tries_count = models.IntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())
    error = models.TextField(blank=True, default="")
    dialogue = models.TextField(blank=True, default="")
    provider_id = models.TextField(blank=True, default="")
    delivery = models.TextField(blank=True, default="")
    """What the provider of an SMS has told of it since: delivered or undelivered."""
    delivery_at = models.DateTimeField(null=True, blank=True)
    created_by = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "message"
        constraints = [
            one_of("kind", "email", "sms", name="message_kind"),
            one_of("state", "queued", "sending", "sent", "failed", "canceled", name="message_state"),
            one_of("delivery", "", "delivered", "undelivered", name="message_delivery"),
            models.UniqueConstraint(
                fields=["task_row"], condition=models.Q(task_row__isnull=False), name="message_once_in_a_mailing"
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=models.Q(state__in=["queued", "sending"]), name="message_due"),
            models.Index(
                fields=["next_at"],
                condition=models.Q(state__in=["queued", "sending"], task_row__isnull=True),
                name="message_due_first",
            ),
            models.Index(fields=["account", "-id"], name="message_newest"),
            models.Index(fields=["provider_id"], condition=models.Q(kind="sms"), name="message_provider"),
            *(models.Index(fields=[name, "id"], name=f"message_by_{name}") for name in SORTED_BY),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient}"
