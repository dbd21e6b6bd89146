"""What the provider of SMS tells of them afterwards: whether the phone has them.

Each account has an address for it that nobody guesses. An SMS is found by the provider's id of it, or by the reference
that we gave. To understand another provider, add its words to `WORDS`, its names to `IDS` or `STATES`.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.db.models import Q

from tollgate.actions.messages import address_of
from tollgate.store.models import Message, SmsSettings
from tollgate.store.secrets import key_for

IDS: Final = ("id", "message_id", "messageid", "messagesid")
STATES: Final = ("status", "state", "messagestatus")
WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("delivered", "delivrd", "read", "seen"), "delivered"),
    **dict.fromkeys(
        ("undelivered", "undeliv", "undeliverable", "failed", "rejected", "rejectd", "expired", "blocked"),
        "undelivered",
    ),
}
"""What a provider says, and what it means; anything else is on its way."""


def receipt_address(settings: SmsSettings) -> str:
    """Where the account's provider tells what became of an SMS."""
    return f"{address_of(None)}/sms/receipts/{_token(settings)}/"


def settings_of(token: str) -> SmsSettings | None:
    """Whose address it is."""
    for settings in SmsSettings.objects.filter(provider="http"):
        if hmac.compare_digest(_token(settings).encode(), token.encode("utf-8", "replace")):
            return settings
    return None


def receive(settings: SmsSettings, told: Mapping[str, object], at: datetime) -> bool:
    """Keeps what is told; False where no SMS of the account is meant. What comes late never takes back a delivery."""
    plain = {str(name).lower(): str(value) for name, value in told.items() if isinstance(value, (str, int))}
    wanted = Q(provider_id__in=[plain[name] for name in IDS if plain.get(name)])
    reference = plain.get("reference", "")
    if reference.isascii() and reference.isdigit() and len(reference) < 19:
        wanted |= Q(pk=int(reference))
    found = Message.objects.filter(wanted, account_id=settings.account_id, kind="sms").order_by("-id").first()
    if found is None:
        return False
    word = next((WORDS.get(plain[name].lower(), "") for name in STATES if name in plain), "")
    if word:
        waiting = Message.objects.filter(pk=found.pk).exclude(delivery="delivered")
        waiting.update(delivery=word, delivery_at=at)
    return True


def _token(settings: SmsSettings) -> str:
    return hmac.digest(key_for("sms receipts"), f"{settings.pk}".encode(), "sha256").hex()[:40]
