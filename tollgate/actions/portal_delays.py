"""How long nobody may try again after failed logins: by the email typed and by the address it came from.

The rows are locked while a password is checked, so that many attempts at once count like many attempts in a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tollgate.core import portal
from tollgate.store.models import LoginDelay

FORGOTTEN_AFTER: Final = {"email": timedelta(hours=24), "ip": timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class Delays:
    """The two locked rows of an attempt."""

    email: LoginDelay
    ip: LoginDelay

    def waiting_s(self, at: datetime) -> int:
        """Whole seconds until the next attempt is taken, 0 when it is now."""
        left = max(self.email.until_at, self.ip.until_at) - at
        return -(-left // timedelta(seconds=1)) if left > timedelta(0) else 0

    def failed(self, at: datetime) -> None:
        """One more failure of both."""
        for kind, row in (("email", self.email), ("ip", self.ip)):
            old = at - row.failed_at > FORGOTTEN_AFTER[kind]
            row.failures_count = 1 if old else row.failures_count + 1
            row.failed_at = at
            row.until_at = at + portal.delay(kind, row.failures_count)
            row.save()

    def forget_email(self, at: datetime) -> None:
        """Logged in: the failures of the email count no more. Those of the address do, or one login would free all."""
        self.email.failures_count, self.email.until_at = 0, at
        self.email.save()


def locked(domain_id: int, email: str, ip: str, at: datetime) -> Delays:
    """The rows of an email and an address, made if need be, locked always in the same order."""
    keys = (email_key(domain_id, email), f"ip:{ip}")
    fresh = [LoginDelay(key=key, failed_at=at, until_at=at) for key in keys]
    while True:  # a row that was forgotten between the two statements is made again
        LoginDelay.objects.bulk_create(fresh, ignore_conflicts=True)
        rows = {row.key: row for row in LoginDelay.objects.select_for_update().filter(key__in=keys).order_by("key")}
        if len(rows) == len(keys):
            return Delays(rows[keys[0]], rows[keys[1]])


def forget(domain_id: int, email: str) -> None:
    """The failures of an email count no more."""
    LoginDelay.objects.filter(key=email_key(domain_id, email)).delete()


def of_contact(domain_id: int, email: str) -> LoginDelay | None:
    """What holds a login up, for whoever may lift it; None when nothing failed of late."""
    return LoginDelay.objects.filter(key=email_key(domain_id, email), failures_count__gt=0).first()


def forget_old(at: datetime) -> int:
    """Forgets what no longer counts; gives how many rows."""
    return LoginDelay.objects.filter(failed_at__lt=at - max(FORGOTTEN_AFTER.values())).delete()[0]


def email_key(domain_id: int, email: str) -> str:
    """How the failures of an email at a portal domain are found, whoever it belongs to."""
    return f"email:{domain_id}:{email.lower()[:254]}"
