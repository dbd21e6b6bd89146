"""The act that tells people what the nightly look at the books has found. What is looked at stands in `jobs/doctor.py`.

To tell it in another way too, queue that beside the mail in `tell_of_books`.
"""

from __future__ import annotations

from typing import Final

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse
from tollgate.actions.customer_checks import list_of
from tollgate.actions.messages import queue
from tollgate.store.models import Account, Message, User

MOST_FINDINGS: Final = 100
EVERY_ACT: Final = "*"


@act
def tell_of_books(*, account_id: int, findings: list[str]) -> list[Message]:
    """Mails what is wrong with the books to the account's email; where it has none, to the users who may do everything.

    `findings` are sentences. Gives the mails, none where nobody has an address.
    """
    given = checks.cleaned(
        {"findings": list_of(checks.text(500, required=True), MOST_FINDINGS)}, {"findings": findings}
    )
    if not given["findings"]:
        raise refuse("findings", "Say what was found.")
    account = records.find(Account, account_id)
    values = {"findings": "\n".join(f"- {words}" for words in given["findings"]), "count": str(len(given["findings"]))}
    mails = (
        queue(account_id=account.pk, template="books_alarm", values=values, recipient=address)
        for address in addresses_of(account)
    )
    return [mail for mail in mails if mail is not None]


def addresses_of(account: Account) -> list[str]:
    """Where people of the account read what they should look at: its email, else those of users that are proved."""
    if account.email:
        return [account.email]
    proved = User.objects.filter(is_active=True, reseller_id=None, email_verified_at__isnull=False)
    users = proved.prefetch_related("groups").order_by("pk")
    return [user.email for user in users if EVERY_ACT in (user.rights() or (frozenset(),))[0]]
