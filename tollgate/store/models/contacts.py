"""Contacts: the people at a customer, their logins to the portal, and the codes sent to them."""

from django.contrib.auth.hashers import is_password_usable
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Now

from tollgate.store.models.customers import Customer
from tollgate.store.models.networks import NetworkField
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
    """The key of its department, built in (core/departments.py) or one that the operator has added."""
    email_verified_at = models.DateTimeField(null=True, blank=True)
    mobile_verified_at = models.DateTimeField(null=True, blank=True)
    email_verified_how = models.TextField(blank=True, default="")
    mobile_verified_how = models.TextField(blank=True, default="")
    login_domain = models.BigIntegerField(default=0, editable=False)
    login_enabled = models.BooleanField(default=True)
    password = models.TextField(blank=True, default="")
    password_must_change = models.BooleanField(default=False)
    totp_secret = models.TextField(blank=True, default="")
    recovery_hashes = ArrayField(models.TextField(), default=list, blank=True)
    allowed_networks = ArrayField(NetworkField(), default=list, blank=True)
    zone = models.TextField(blank=True, default="")
    language = models.CharField(max_length=10, blank=True, default="")
    theme = models.TextField(default="auto")
    marketing = models.BooleanField(default=True)
    public_notes = models.TextField(blank=True, default="")
    private_notes = models.TextField(blank=True, default="")

    class Meta:
        db_table = "contact"
        constraints = [
            models.UniqueConstraint("login_domain", Lower("email"), name="contact_email_once"),
        ]
        indexes = [
            models.Index(fields=["last_name", "id"], name="contact_by_name"),
            models.Index(fields=["email", "id"], name="contact_by_email"),
            models.Index(fields=["kind", "id"], name="contact_by_kind"),
            models.Index(fields=["mobile", "id"], name="contact_by_mobile"),
            models.Index(
                fields=["customer"],
                condition=models.Q(email_verified_at__isnull=False),
                name="contact_email_verified",
            ),
            models.Index(
                fields=["customer"],
                condition=models.Q(mobile_verified_at__isnull=False),
                name="contact_mobile_verified",
            ),
        ]

    @property
    def has_password(self) -> bool:
        """Whether a password opens the login: one that was taken away by a link to another does not."""
        return bool(self.password) and is_password_usable(self.password)

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email


class ContactSession(models.Model):
    """One login to the portal. Only the hash of its cookie is kept; `user_id` is set when a user of ours looks in.

    Such a look ends when the user's `session_epoch` is no longer `user_epoch`. `totp_step` is the step of the code it
    was opened with, so that no code opens two.
    """

    id = models.BigAutoField(primary_key=True)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="sessions")
    key_hash = models.CharField(max_length=64, unique=True)
    user_id = models.BigIntegerField(null=True, blank=True)
    user_name = models.TextField(blank=True, default="")
    user_epoch = models.IntegerField(null=True, blank=True)
    read_only = models.BooleanField(default=False)
    totp_step = models.BigIntegerField(null=True, blank=True)
    ip = models.GenericIPAddressField()
    agent = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    seen_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "contact_session"

    def __str__(self) -> str:
        return f"{self.contact} {self.created_at}"


class Code(models.Model):
    """A secret sent to somebody, of which only the hash is kept: a link to set a password, a code to verify a number.

    It belongs to a contact or to a user, fits one purpose, ends by itself and works once.
    """

    id = models.BigAutoField(primary_key=True)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, null=True, blank=True, related_name="codes")
    user_id = models.BigIntegerField(null=True, blank=True)
    purpose = models.TextField()
    target = models.TextField(blank=True, default="")
    secret_hash = models.CharField(max_length=64)
    tries_count = models.IntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.TextField(blank=True, default="")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "code"
        indexes = [models.Index(fields=["secret_hash"], name="code_secret")]

    def __str__(self) -> str:
        return f"{self.purpose} {self.target}"


class LoginDelay(models.Model):
    """How long nobody may try again after failures: by the email that was typed, and by the address it came from.

    Emails that belong to nobody are counted too, so that the answer does not tell which ones exist.
    """

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=300, unique=True)
    failures_count = models.IntegerField(default=0)
    failed_at = models.DateTimeField()
    until_at = models.DateTimeField()

    class Meta:
        db_table = "login_delay"

    def __str__(self) -> str:
        return self.key
