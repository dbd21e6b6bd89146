"""Telling the people of the account that its own balance with the platform runs low: once, when it falls below the
threshold. The notice is armed again by a balance that is not below it, and by another threshold (`update_account`).

Who is told: every user who may log in, reads the account's page and has an email that is proved; while there is none
the notice waits. Only charges lower this balance and only money raises it, so that it does not come and go as a
customer's does (low_balances.py).
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, OuterRef, Q, Subquery

from tollgate.actions import records
from tollgate.actions.acts import EVERY_ACT, act, because
from tollgate.actions.messages import queue
from tollgate.core.money import format_micros
from tollgate.core.templates import Figure, Value
from tollgate.store.models import Account, User, Wallet

AREA = "account"


@act
def notify_account_balance() -> int:
    """Tells of every account that has fallen below its threshold, and arms those that are not; gives how many."""
    because("its balance with the platform against its threshold")
    return look(records.now())


def look(at: datetime) -> int:
    """The same at a moment."""
    purse = Wallet.objects.filter(kind="account", account_id=OuterRef("pk"), owner_id=OuterRef("pk"))
    known = Account.objects.annotate(balance=Subquery(purse.values("balance_micros")))
    known = known.annotate(purse_currency=Subquery(purse.values("currency")))
    low = Q(low_balance_noticed_at=None, balance__lt=F("low_balance_micros"))
    armed = Q(low_balance_noticed_at__isnull=False) & (
        Q(low_balance_micros=None) | Q(balance__gte=F("low_balance_micros"))
    )
    crossed = known.filter(low | armed).select_for_update(no_key=True, skip_locked=True, of=("self",)).order_by("pk")
    count = 0
    for account in crossed:
        fell = account.low_balance_noticed_at is None
        readers = told(account) if fell else []
        if fell and not readers:
            continue  # it is told when an email is proved
        for reader in readers:
            _tell(account, reader)
        records.change(account, {"low_balance_noticed_at": at if fell else None})
        count += 1
    return count


def told(account: Account) -> list[User]:
    """The users who hear of the account's money."""
    del account  # users belong to the installation, which has one
    users = User.objects.filter(is_active=True, reseller_id=None, email_verified_at__isnull=False)
    found = [(user, user.rights()) for user in users.prefetch_related("groups").order_by("pk")]
    return [user for user, rights in found if rights and (EVERY_ACT in rights[0] or AREA in rights[1])]


def _tell(account: Account, reader: User) -> None:
    values: dict[str, Value] = {
        "balance": Figure(format_micros(account.balance, 2)),  # type: ignore[attr-defined]  # annotated above
        "threshold": Figure(format_micros(account.low_balance_micros or 0, 2)),
        "currency": account.purse_currency,  # type: ignore[attr-defined]
    }
    queue(
        account_id=account.pk,
        template="account_low_balance",
        values=values,
        recipient=reader.email,
        language=reader.language,
    )
