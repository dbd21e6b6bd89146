"""Carriers: whom we buy calls from, and the gateways they take them at."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from tollgate.store.models.accounts import Account
from tollgate.store.models.networks import NetworkField
from tollgate.store.models.records import Record, not_negative, one_of


class Carrier(Record):
    """One carrier, with how long we wait for it before trying the next.

    Calls to DIDs come from its gateways' addresses, and from `networks`.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="carriers")
    name = models.CharField(max_length=200)
    status = models.TextField(default="active")
    currency = models.CharField(max_length=3)
    channels = models.IntegerField(default=0)
    cps_milli = models.IntegerField(default=0)
    first_reply_s = models.IntegerField(default=3)
    pdd_s = models.IntegerField(default=5)
    ring_s = models.IntegerField(default=60)
    pai_mode = models.TextField(default="default")
    networks = ArrayField(NetworkField(), default=list, blank=True)

    class Meta:
        db_table = "carrier"
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="carrier_name_once"),
            one_of("status", "active", "inactive", "pending", name="carrier_status"),
            one_of("pai_mode", "default", "remove", "if_available", "required", name="carrier_pai_mode"),
            not_negative("channels", "cps_milli", name="carrier_limits"),
            models.CheckConstraint(
                condition=models.Q(first_reply_s__gte=1, pdd_s__gte=1, ring_s__gte=1), name="carrier_timeouts"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Gateway(Record):
    """One address of a carrier. Calls are spread over a carrier's gateways by weight."""

    carrier = models.ForeignKey(Carrier, on_delete=models.CASCADE, related_name="gateways")
    name = models.CharField(max_length=200)
    host = models.CharField(max_length=255)
    port = models.IntegerField(default=5060)
    transport = models.TextField(default="udp")
    weight = models.IntegerField(default=100)
    enabled = models.BooleanField(default=True)
    channels = models.IntegerField(default=0)
    cps_milli = models.IntegerField(default=0)
    strip_digits = models.IntegerField(default=0)
    prefix = models.CharField(max_length=20, blank=True, default="")

    class Meta:
        db_table = "gateway"
        constraints = [
            models.UniqueConstraint(fields=["carrier", "name"], name="gateway_name_once"),
            one_of("transport", "udp", "tcp", "tls", name="gateway_transport"),
            not_negative("weight", "channels", "cps_milli", "strip_digits", name="gateway_limits"),
            models.CheckConstraint(condition=models.Q(port__gte=1, port__lte=65535), name="gateway_port"),
        ]

    def __str__(self) -> str:
        return self.name
