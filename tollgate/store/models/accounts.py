"""The account: the operator's own company. Everything else belongs to exactly one account."""

from django.db import models

from tollgate.store.models.records import Record, not_negative, one_of


class Account(Record):
    """The operator's own company, with the limits that hold for all its calls together."""

    name = models.TextField()
    company = models.TextField(blank=True, default="")
    email = models.EmailField(blank=True, default="")
    currency = models.CharField(max_length=3)
    zone = models.TextField(default="UTC")
    status = models.TextField(default="active")
    channels = models.IntegerField(default=0)
    cps_milli = models.IntegerField(default=0)
    slice_s = models.IntegerField(default=60)
    validity_s = models.IntegerField(default=30)
    challenge_unknown = models.BooleanField(default=True)
    recording = models.BooleanField(default=False)

    class Meta:
        db_table = "account"
        constraints = [
            one_of("status", "active", "paused", name="account_status"),
            not_negative("channels", "cps_milli", "slice_s", name="account_limits"),
            models.CheckConstraint(condition=models.Q(validity_s__gte=5), name="account_validity"),
        ]

    def __str__(self) -> str:
        return self.name
