"""Ingress routes: which numbers a customer, or each with a tag, may call, at which card, over which carriers."""

from django.db import models

from tollgate.store.models.cards import Card
from tollgate.store.models.customers import Customer
from tollgate.store.models.records import Record, in_order, not_negative, one_of
from tollgate.store.models.tags import Tag


class IngressRoute(Record):
    """One selling arrangement of a customer: a prefix or dial pattern, the card it sells by, and its controls.

    One of a tag is a template: it stands behind the own routes of every customer with that tag, and its channels and
    calls per second are those of all of them together.
    """

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="ingress_routes"
    )
    tag = models.ForeignKey(Tag, on_delete=models.PROTECT, null=True, blank=True, related_name="ingress_routes")
    name = models.CharField(max_length=200)
    tech_prefix = models.CharField(max_length=20, blank=True, default="")
    dial_patterns = models.TextField(blank=True, default="")
    card = models.ForeignKey(Card, on_delete=models.PROTECT, related_name="ingress_routes")
    enabled = models.BooleanField(default=True)
    strategy = models.TextField(default="lcr")
    channels = models.IntegerField(default=0)
    cps_milli = models.IntegerField(default=0)
    max_duration_s = models.IntegerField(null=True, blank=True)
    media = models.TextField(default="proxy")
    recording = models.TextField(default="inherit")
    profit_assurance = models.BooleanField(default=True)
    capped_price_nanos = models.BigIntegerField(null=True, blank=True)
    block_connect_fee = models.BooleanField(default=False)
    options_version = models.IntegerField(default=1, editable=False)

    class Meta:
        db_table = "ingress_route"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(customer__isnull=False) ^ models.Q(tag__isnull=False), name="ingress_route_owner"
            ),
            one_of("strategy", "lcr", "reverse_lcr", "manual", "weighted", "random", name="ingress_route_strategy"),
            one_of("media", "proxy", "direct", name="ingress_route_media"),
            one_of("recording", "inherit", "off", "on", name="ingress_route_recording"),
            not_negative("channels", "cps_milli", name="ingress_route_limits"),
        ]
        indexes = [
            models.Index(fields=["customer"], condition=models.Q(enabled=True), name="ingress_route_enabled"),
            *in_order("ingress_route", "name", "tech_prefix", "strategy", "channels", "cps_milli", "enabled"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def owner(self) -> Customer | Tag:
        """Whose route it is."""
        owner = self.customer or self.tag
        assert owner is not None
        return owner


class RouteOption(models.Model):
    """A carrier card that an ingress route may use, with its place in the manual order and its weight."""

    id = models.BigAutoField(primary_key=True)
    ingress_route = models.ForeignKey(IngressRoute, on_delete=models.CASCADE, related_name="options")
    card = models.ForeignKey(Card, on_delete=models.PROTECT, related_name="route_options")
    position = models.IntegerField(default=1)
    weight = models.IntegerField(default=100)
    excluded = models.BooleanField(default=False)

    class Meta:
        db_table = "route_option"
        constraints = [
            models.UniqueConstraint(fields=["ingress_route", "card"], name="route_option_once"),
            not_negative("weight", name="route_option_weight"),
        ]

    def __str__(self) -> str:
        return f"{self.ingress_route} {self.position}"
