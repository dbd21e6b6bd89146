"""Certificates that the operator signs calls with (STIR/SHAKEN): what calls obey of them is in core.stir."""

from django.db import models

from tollgate.store.models.accounts import Account
from tollgate.store.models.records import Record


class StirCertificate(Record):
    """A certificate with its key (RFC 8226). What is said of it was read from `chain`, whose first one is our own.

    `key_sealed` is its private key (store.secrets), `url` the public address at which who verifies finds the chain
    (x5u). `codes` are the service provider codes that it is for, such as an OCN. One of an account is its default: by
    that calls are signed whose rule names none.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="stir_certificates")
    name = models.CharField(max_length=100)
    chain = models.TextField()
    key_sealed = models.TextField()
    url = models.CharField(max_length=200)
    is_default = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)
    subject = models.TextField()
    issuer = models.TextField()
    codes = models.TextField(blank=True, default="")
    starts_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "stir_certificate"
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="stir_certificate_name_once"),
            models.UniqueConstraint(
                fields=["account"], condition=models.Q(is_default=True), name="stir_certificate_default_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name
