"""Endpoints: the ways a customer reaches us, an IP address or network, or a SIP user with a password.

Extensions are one registry for the whole account, whatever has them: `Extension`. Triggers write it.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from tollgate.store.models.accounts import Account
from tollgate.store.models.conferences import ConferenceRoom
from tollgate.store.models.customers import Customer
from tollgate.store.models.networks import NetworkField
from tollgate.store.models.records import Record, in_order, not_negative, one_of


class Endpoint(Record):
    """One way in. `ha1` is all that is kept of a SIP user's password (RFC 2617 section 3.2.2.2).

    An IP endpoint may have `extensions` (`core.extensions`): calls to them go to its address, or to `delivery_host`.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="endpoints")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="endpoints")
    name = models.CharField(max_length=200, blank=True, default="")
    kind = models.TextField()
    network = NetworkField(null=True, blank=True)
    tech_prefix = models.CharField(max_length=20, blank=True, default="")
    username = models.CharField(max_length=64, null=True, blank=True)
    realm = models.CharField(max_length=200, null=True, blank=True)
    ha1 = models.CharField(max_length=32, null=True, blank=True)
    allowed_networks = ArrayField(NetworkField(), default=list, blank=True)
    channels = models.IntegerField(default=0)
    cps_milli = models.IntegerField(default=0)
    cli_authentication = models.BooleanField(default=False)
    shared = models.BooleanField(default=False)
    sends_calls = models.BooleanField(default=True)
    presents_pins = models.BooleanField(default=False)
    rewrites = models.JSONField(default=list, blank=True)
    extensions = models.TextField(default="", blank=True)
    delivery_host = models.CharField(max_length=255, default="", blank=True)
    delivery_port = models.IntegerField(default=5060)
    delivery_transport = models.TextField(default="udp")
    enabled = models.BooleanField(default=True)

    class Meta:
        db_table = "endpoint"
        constraints = [
            models.UniqueConstraint(fields=["account", "username"], name="endpoint_username_once"),
            one_of("kind", "ip", "sip_user", name="endpoint_kind"),
            not_negative("channels", "cps_milli", name="endpoint_limits"),
            models.CheckConstraint(
                condition=models.Q(kind="ip", network__isnull=False)
                | models.Q(kind="sip_user", username__isnull=False, ha1__isnull=False, realm__isnull=False),
                name="endpoint_whole",
            ),
            one_of("delivery_transport", "udp", "tcp", "tls", name="endpoint_delivery_transport"),
            models.CheckConstraint(
                condition=models.Q(delivery_port__gte=1, delivery_port__lte=65535), name="endpoint_delivery_port"
            ),
            models.CheckConstraint(condition=models.Q(kind="ip") | models.Q(extensions=""), name="endpoint_extensions"),
        ]
        indexes = [
            models.Index(
                fields=["customer"], condition=models.Q(enabled=True, sends_calls=True), name="endpoint_sending"
            ),
            *in_order("endpoint", "name", "kind", "tech_prefix", "channels", "cps_milli", "enabled"),
        ]

    def __str__(self) -> str:
        return self.name or self.username or str(self.network)


class NumberBlock(models.Model):
    """A range of extensions that belongs to one customer, both ends included. No two of an account overlap."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="number_blocks")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="number_blocks")
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "number_block"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(first__gte=0, last__gte=models.F("first"), last__lt=10**12),
                name="number_block_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


class Extension(models.Model):
    """Numbers of the account, both ends included, that one SIP user, IP endpoint or conference room has.

    Derived from those by triggers (schema_extensions.sql); the database refuses two that share a number.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="extensions")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="extensions")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, null=True, related_name="numbers")
    conference_room = models.ForeignKey(ConferenceRoom, on_delete=models.CASCADE, null=True, related_name="numbers")
    first = models.BigIntegerField()
    last = models.BigIntegerField()

    class Meta:
        db_table = "extension"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(first__gte=0, last__gte=models.F("first"), last__lt=10**12), name="extension_range"
            ),
            models.CheckConstraint(
                condition=models.Q(endpoint__isnull=False, conference_room__isnull=True)
                | models.Q(endpoint__isnull=True, conference_room__isnull=False),
                name="extension_owner",
            ),
        ]

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
