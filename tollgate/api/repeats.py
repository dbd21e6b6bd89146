"""Idempotency-Key: a write that is repeated with the same key is done once, and answered as the first time for a day.

The lock, the act and the answer kept are one transaction: of repeats at the same moment one acts, the others wait for
its answer. An error of ours keeps nothing, so that a repeat tries again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.utils.crypto import salted_hmac

from tollgate.api.answers import Answer, Refused, error, unfit
from tollgate.store.models import ApiAnswer
from tollgate.store.secrets import seal, unseal

KEPT: Final = timedelta(hours=24)
KEY_MOST: Final = 200
_SALT: Final = "tollgate.api.repeats"


def once(owner: str, key: str, said: bytes, do: Callable[[], Answer], *, at: datetime) -> Answer:
    """The answer of `do`, or the one that this owner's key got first. Raises Refused when it then said else."""
    if not key:
        return do()
    if len(key) > KEY_MOST or not key.isprintable():
        raise unfit(error("Idempotency-Key", f"Use at most {KEY_MOST} visible characters."))
    request_hash = salted_hmac(_SALT, said, algorithm="sha256").hexdigest()  # a body may hold a password
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{_SALT} {owner} {key}"])
        ApiAnswer.objects.filter(owner=owner, created_at__lte=at - KEPT).delete()
        first = ApiAnswer.objects.filter(owner=owner, key=key).first()
        if first is not None:
            return _again(first, request_hash)
        answer = do()
        kept = seal(json.dumps([answer.body, dict(answer.headers)]))  # it may hold what is told once
        ApiAnswer.objects.create(
            owner=owner,
            key=key,
            request_hash=request_hash,
            status=answer.status,
            body=kept.encode("ascii"),
            content_type="application/json",
        )
        return answer


def _again(first: ApiAnswer, request_hash: str) -> Answer:
    if first.request_hash != request_hash:
        raise Refused(409, "This Idempotency-Key was used for something else.", "Use a new key for a new request.")
    body, headers = json.loads(unseal(bytes(first.body).decode("ascii")))
    return Answer(first.status, body, {**headers, "Idempotent-Replayed": "true"})
