"""Localizations: how a customer's numbers are written on its side and on ours."""

from django.db import models

from tollgate.store.models.accounts import Account
from tollgate.store.models.records import Record


class Localization(Record):
    """Prefix swaps per number and side, each a comma list of `from/to` pairs (behaviour.md section 29).

    `originate` is a call the customer makes, `terminate` one it receives.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="localizations")
    name = models.CharField(max_length=100)
    originate_cli_in = models.TextField(blank=True, default="")
    originate_cli_out = models.TextField(blank=True, default="")
    originate_cld = models.TextField(blank=True, default="")
    terminate_cli_in = models.TextField(blank=True, default="")
    terminate_cli_out = models.TextField(blank=True, default="")
    terminate_cld = models.TextField(blank=True, default="")

    class Meta:
        db_table = "localization"
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="localization_name_once")]

    def __str__(self) -> str:
        return self.name
