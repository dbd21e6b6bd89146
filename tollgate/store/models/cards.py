"""Rate cards: what we sell by (customer cards) and buy by (carrier cards), with their frozen revisions."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from tollgate.store.models.accounts import Account
from tollgate.store.models.carriers import Carrier
from tollgate.store.models.customers import Customer
from tollgate.store.models.records import Record, not_negative, one_of

METHODS = ("up", "down", "half_up", "half_down")


class Card(Record):
    """A rate card. How it rounds is a property of the card, not of its rates.

    Its `direction` says which calls it prices: of termination those that customers make, by the number dialed; of
    origination those that come in to DIDs, by the DID.

    One of a reseller is what the reseller sells by; by which cards it buys its own routes say. Resellers name theirs
    apart from each other and from the account, so that no name tells of somebody else's.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="cards")
    kind = models.TextField()
    direction = models.TextField(default="termination")
    carrier = models.ForeignKey(Carrier, on_delete=models.PROTECT, null=True, blank=True, related_name="cards")
    reseller = models.ForeignKey(Customer, on_delete=models.PROTECT, null=True, blank=True, related_name="cards")
    name = models.CharField(max_length=200)
    currency = models.CharField(max_length=3)
    precision = models.SmallIntegerField(default=4)
    method = models.TextField(default="up")
    duration_method = models.TextField(default="up")
    increments = models.TextField(default="initial_then_increment")
    tech_prefix = models.CharField(max_length=20, blank=True, default="")

    class Meta:
        db_table = "card"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "name"], condition=models.Q(reseller=None), name="card_name_once"
            ),
            models.UniqueConstraint(
                fields=["reseller", "name"], condition=models.Q(reseller__isnull=False), name="card_of_reseller_once"
            ),
            one_of("kind", "customer", "carrier", name="card_kind"),
            one_of("direction", "termination", "origination", name="card_direction"),
            one_of("method", *METHODS, name="card_method"),
            one_of("duration_method", *METHODS, name="card_duration_method"),
            one_of("increments", "initial_then_increment", "whole_to_increment", name="card_increments"),
            models.CheckConstraint(condition=models.Q(precision__gte=0, precision__lte=6), name="card_precision"),
            models.CheckConstraint(
                condition=models.Q(kind="customer", carrier__isnull=True)
                | models.Q(kind="carrier", carrier__isnull=False, reseller__isnull=True),
                name="card_owner",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Revision(models.Model):
    """One frozen state of a card. A call is rated by the published revision in force at its start."""

    id = models.BigAutoField(primary_key=True)
    card = models.ForeignKey(Card, on_delete=models.CASCADE, related_name="revisions")
    number = models.IntegerField()
    effective_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)
    rate_count = models.IntegerField(default=0)
    note = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=models.functions.Now(), editable=False)

    class Meta:
        db_table = "revision"
        constraints = [models.UniqueConstraint(fields=["card", "number"], name="revision_number_once")]

    def __str__(self) -> str:
        return f"{self.card} r{self.number}"


class Rate(models.Model):
    """The price of one prefix in one revision. `tariff` is the full form of core.rates and wins when present."""

    id = models.BigAutoField(primary_key=True)
    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="rates")
    prefix = models.CharField(max_length=18, blank=True)
    destination = models.TextField(blank=True, default="")
    blocked = models.BooleanField(default=False)
    price_nanos = models.BigIntegerField(default=0)
    connect_fee_nanos = models.BigIntegerField(default=0)
    initial_s = models.IntegerField(default=1)
    increment_s = models.IntegerField(default=1)
    grace_s = models.IntegerField(default=0)
    included_s = models.IntegerField(default=0)
    tariff = models.JSONField(null=True, blank=True)

    class Meta:
        db_table = "rate"
        constraints = [
            models.UniqueConstraint(fields=["revision", "prefix"], name="rate_prefix_once"),
            not_negative("price_nanos", "connect_fee_nanos", "grace_s", "included_s", name="rate_amounts"),
            models.CheckConstraint(condition=models.Q(initial_s__gte=0, increment_s__gte=1), name="rate_increments"),
            models.CheckConstraint(condition=models.Q(prefix__regex=r"^[0-9]*$"), name="rate_prefix_digits"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix} {self.destination}"


class ResaleLook(models.Model):
    """What was found when the prices of a reseller were last looked at: which of its cards sell below what it pays.

    `revision_ids` are those of its cards and of the cards it buys by that were in force or coming then. `tries_count`
    are the looks that failed since, the last of them at `tried_at`.
    """

    reseller = models.OneToOneField(Customer, on_delete=models.CASCADE, primary_key=True, related_name="resale_look")
    looked_at = models.DateTimeField(null=True)
    revision_ids = ArrayField(models.BigIntegerField(), default=list)
    found = models.JSONField(default=list)
    tries_count = models.IntegerField(db_default=0)
    tried_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "resale_look"

    def __str__(self) -> str:
        return f"Prices of {self.reseller}"
