"""DIDs: numbers of the public network that carriers bring calls to, who has each, and where its calls go."""

from django.db import models

from tollgate.store.models.accounts import Account
from tollgate.store.models.cards import Card
from tollgate.store.models.carriers import Carrier
from tollgate.store.models.customers import Customer
from tollgate.store.models.records import Record, not_negative, one_of


class Did(Record):
    """One number. Without a customer it is in the inventory; without a carrier no call comes to it.

    `number` is digits in international form. `destinations` has a line for each place where calls are delivered
    (`core.dids`). The customer pays `card` for each call, the carrier is paid by `carrier_card`, both of origination;
    what resellers between the account and the customer pay is in `DidPrice`; `prices_version` grows with those.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="dids")
    number = models.CharField(max_length=20)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, null=True, blank=True, related_name="dids")
    card = models.ForeignKey(Card, on_delete=models.PROTECT, null=True, blank=True, related_name="dids")
    carrier = models.ForeignKey(Carrier, on_delete=models.PROTECT, null=True, blank=True, related_name="dids")
    carrier_card = models.ForeignKey(
        Card, on_delete=models.PROTECT, null=True, blank=True, related_name="dids_of_carrier"
    )
    destinations = models.TextField(blank=True, default="")
    order = models.TextField(default="serial")
    channels = models.IntegerField(default=0)
    cps_milli = models.IntegerField(default=0)
    max_duration_s = models.IntegerField(null=True, blank=True)
    recording = models.TextField(default="inherit")
    pai_mode = models.TextField(default="default")
    public_note = models.TextField(blank=True, default="")
    private_note = models.TextField(blank=True, default="")
    enabled = models.BooleanField(default=True)
    prices_version = models.IntegerField(default=0, db_default=0, editable=False)

    class Meta:
        db_table = "did"
        constraints = [
            models.UniqueConstraint(fields=["account", "number"], name="did_number_once"),
            models.CheckConstraint(condition=models.Q(number__regex=r"^[1-9][0-9]{2,19}$"), name="did_number"),
            models.CheckConstraint(
                condition=models.Q(customer__isnull=False, card__isnull=False)
                | models.Q(customer__isnull=True, card__isnull=True, destinations=""),
                name="did_customer",
            ),
            models.CheckConstraint(
                condition=models.Q(carrier__isnull=False) | models.Q(carrier_card__isnull=True), name="did_carrier"
            ),
            one_of("order", "serial", "random", name="did_order"),
            one_of("recording", "inherit", "off", "on", name="did_recording"),
            one_of("pai_mode", "default", "remove", name="did_pai_mode"),
            not_negative("channels", "cps_milli", name="did_limits"),
            models.CheckConstraint(
                condition=models.Q(max_duration_s__isnull=True) | models.Q(max_duration_s__gte=1), name="did_duration"
            ),
        ]

    def __str__(self) -> str:
        return self.number


class DidPrice(models.Model):
    """The card by which a reseller above the customer of a DID pays for its calls."""

    id = models.BigAutoField(primary_key=True)
    did = models.ForeignKey(Did, on_delete=models.CASCADE, related_name="prices")
    reseller = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="did_prices")
    card = models.ForeignKey(Card, on_delete=models.PROTECT, related_name="did_prices")

    class Meta:
        db_table = "did_price"
        constraints = [models.UniqueConstraint(fields=["did", "reseller"], name="did_price_once")]

    def __str__(self) -> str:
        return f"{self.did}: {self.reseller}"
