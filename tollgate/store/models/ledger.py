"""Wallets and entries: the money, read here, written only by store/sql/ledger_*.sql."""

from django.db import models

from tollgate.core.money import format_micros


class Wallet(models.Model):
    """What one owner holds and uses now. A trigger keeps one beside every account, customer, carrier, endpoint,
    ingress route and gateway; the last three hold no money and only count calls."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey("store.Account", on_delete=models.DO_NOTHING, related_name="wallets")
    kind = models.TextField()
    owner_id = models.BigIntegerField()
    parent = models.ForeignKey("self", on_delete=models.DO_NOTHING, null=True, related_name="below")
    depth = models.SmallIntegerField()
    currency = models.CharField(max_length=3, null=True)
    balance_micros = models.BigIntegerField()
    limit_micros = models.BigIntegerField()
    held_micros = models.BigIntegerField()
    channels = models.IntegerField()
    channels_max = models.IntegerField()
    cps_max_milli = models.IntegerField()
    spent_micros = models.BigIntegerField()
    spent_on = models.DateField(null=True)
    spend_max_micros = models.BigIntegerField(null=True)
    first_used_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "wallet"

    def __str__(self) -> str:
        return f"{self.kind} {self.owner_id}"

    @property
    def available_micros(self) -> int:
        """What new calls may still use."""
        return self.balance_micros + self.limit_micros - self.held_micros


class Entry(models.Model):
    """One immutable posting: what the wallet gains, its book gives."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey("store.Account", on_delete=models.DO_NOTHING, related_name="entries")
    at = models.DateTimeField()
    wallet = models.ForeignKey(Wallet, on_delete=models.DO_NOTHING, related_name="entries")
    book = models.TextField()
    kind = models.TextField()
    amount_micros = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    call_id = models.BigIntegerField(null=True)
    note = models.TextField()
    key = models.TextField(null=True)
    ref = models.TextField(null=True)
    """The document it belongs to: `invoice:17`, `payment:3`, `charge:9`."""

    class Meta:
        managed = False
        db_table = "entry"

    def __str__(self) -> str:
        return f"{self.kind} {format_micros(self.amount_micros)} {self.currency}"
