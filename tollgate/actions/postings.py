"""How acts move money: one immutable entry under the wallet's lock, in the same statement as the balance.

No act of its own: wallets, charges, invoices and payments post through here. The same key finds the first entry again.
"""

from __future__ import annotations

from typing import Final

from tollgate.actions import records
from tollgate.actions.acts import refuse
from tollgate.actions.statements import fetch
from tollgate.store.models import Customer, Entry, Wallet

MOST_BALANCE_MICROS: Final = 2**62
"""What a wallet may hold or owe. What people type in has narrower bounds (checks.MOST_MICROS): a rupiah is little."""


def wallet_of(customer: Customer) -> Wallet:
    """The wallet of a customer."""
    return Wallet.objects.get(account_id=customer.account_id, kind="customer", owner_id=customer.pk)


def wallet_id_of(customer: Customer) -> int:
    """The id of that wallet, which never changes: each customer in hand is asked for it once."""
    known: int | None = vars(customer).get("_wallet_id")
    if known is None:
        known = vars(customer)["_wallet_id"] = wallet_of(customer).pk
    return known


def income_book(customer: Customer) -> str:
    """Where what a customer owes is earned: as the account's own sales, or at the prices of the reseller above it."""
    return "revenue" if customer.parent_id is None else "resale"


def post(
    wallet: Wallet,
    book: str,
    kind: str,
    *,
    amount_micros: int,
    note: str,
    key: str | None = None,
    ref: str | None = None,
    call_id: int | None = None,
) -> Entry:
    """Posts one entry (below zero: the wallet pays), or finds the one that the key has posted already.

    `ref` names the document: `invoice:17`, `payment:3`, `charge:9`; `call_id` the call that it corrects. Raises Invalid
    when the key has posted something else, or the balance would leave its range.
    """
    locked = fetch("ledger_postings", "lock_wallet", wallet.pk)[0]
    if key is not None and (before := Entry.objects.filter(account_id=wallet.account_id, key=key).first()):
        if (before.wallet_id, before.kind, before.amount_micros) != (wallet.pk, kind, amount_micros):
            raise refuse("key", "This key has posted something else: use a new one for a new posting.")
        return before
    if abs(locked["balance_micros"] + amount_micros) > MOST_BALANCE_MICROS:
        raise refuse("amount_micros", "The balance would leave the range that can be kept.")
    with records.refusals_named():
        posted = fetch("ledger_postings", "post", wallet.pk, book, kind, amount_micros, note, key, ref, call_id)[0]
    return Entry.objects.get(account_id=wallet.account_id, pk=posted["id"])
