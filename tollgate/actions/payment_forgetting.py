"""What is forgotten of gateways' notices: the notice as it came, which names the payer. What became of it stays, and
what matters of it stays with its payment.

No acts: the timetable forgets by age, an erasure by person. A notice that waits, or that nobody could book, is needed
still.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from django.db import connection
from django.db.models import Q, QuerySet

from tollgate.store.models import Account, Customer, PaymentEvent
from tollgate.store.queries.held import held_customers

KEPT_DAYS: Final = 400
AT_A_TIME: Final = 5000
NEEDED: Final = ("queued", "failed")
SEPARATOR: Final = "(?:0[9AD]|2[026-9CF]|3[A-E]|5[BD]|7[B-D])"
"""The codes of characters that end what stands before an address."""
AFTER_CODE: Final = rf"(?<=%{SEPARATOR})|(?<=\\u00{SEPARATOR})|(?<=\\[nrt])"
"""Behind such a character as a form or JSON writes it, though its code ends like a word."""
FORGOTTEN: Final[dict[str, Any]] = {"body": "", "headers": {}, "ip": None}


def forget_old(at: datetime) -> int:
    """Empties the notices that are older than their account's days, else 400; how many. Those of customers under a
    legal hold stay whole."""
    count = 0
    for account_id, days in Account.objects.values_list("pk", "payment_notice_days"):
        old = PaymentEvent.objects.filter(account_id=account_id, at__lt=at - timedelta(days=days or KEPT_DAYS))
        old = old.exclude(state__in=NEEDED).exclude(body="", ip=None)
        while ids := list(_not_held(old).values_list("pk", flat=True)[:AT_A_TIME]):
            count += PaymentEvent.objects.filter(pk__in=ids).exclude(state__in=NEEDED).update(**FORGOTTEN)
    return count


def _not_held(notices: QuerySet[PaymentEvent]) -> QuerySet[PaymentEvent]:
    """Those of nobody who is under a legal hold at this moment."""
    held = held_customers()
    notices = notices.exclude(customer_id__isnull=False, customer_id__in=held)
    return notices.exclude(payment__customer_id__isnull=False, payment__customer_id__in=held)


def forget_payer(customer: Customer, emails: Sequence[str]) -> int:
    """Empties the notices of a customer, or of nobody known, that name one of these addresses; gives how many of them
    wait for a person and stay. Call it inside an act."""
    theirs = Q(customer=customer) | Q(payment__customer=customer) | Q(customer=None, payment=None)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")  # each is read through
    found = PaymentEvent.objects.filter(theirs, account_id=customer.account_id).filter(_names(emails))
    whole, waiting_count = _whole(emails), 0
    for event in found.order_by("pk"):
        if whole.search(event.body) or whole.search(event.note):
            done_with = PaymentEvent.objects.filter(pk=event.pk).exclude(state__in=NEEDED)
            if not done_with.update(**FORGOTTEN, note=whole.sub("(erased)", event.note)):
                waiting_count += 1
    return waiting_count


def _names(emails: Sequence[str]) -> Q:
    """That have an address in them, be it as the end of another."""
    wanted = Q(pk__in=[])
    for email in emails:
        for text in _written(email):
            wanted |= Q(body__icontains=text) | Q(note__icontains=text)
    return wanted


def _written(email: str) -> set[str]:
    """An address as it is, as JSON or a form writes it, and as UTF-8 looks that was taken for Latin-1."""
    return {
        *(email, json.dumps(email)[1:-1], email.encode().decode("latin-1")),
        *(quote(email), quote(email, safe="@")),
    }


def _whole(emails: Sequence[str]) -> re.Pattern[str]:
    """These addresses, but not as a part of another."""
    found = []
    for text in sorted({text for email in emails for text in _written(email)}):
        local = r"\w.%-" if "%40" in text else r"\w.+%-"  # in a form, a plus is a space
        found.append(rf"(?:(?<![{local}])|{AFTER_CODE}){re.escape(text)}(?![\w-]|\.\w)")
    return re.compile("|".join(found) or r"(?!)", re.IGNORECASE)
