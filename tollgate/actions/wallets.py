"""Acts on money: top-ups and adjustments. Each is one immutable entry, posted under the wallet's lock.

A top-up is a payment by hand that is completed at once (payments.py), so it stands in the list of payments. An
adjustment of a carrier's wallet corrects what its calls cost; what it was paid is booked by carrier_payments.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tollgate.actions import checks, records
from tollgate.actions.acts import NotFound, act, current, refuse
from tollgate.actions.payments import ANOTHER, enter
from tollgate.actions.postings import post, wallet_of
from tollgate.store.models import Customer, Entry, Wallet

CHECKS: Mapping[str, checks.Check] = {
    "amount_micros": checks.amount(-checks.MOST_MICROS, checks.MOST_MICROS),
    "note": checks.text(1000),
    "key": checks.optional(checks.text(100)),
}
ADJUSTED: Final[Mapping[str, str]] = {"customer": "adjustments", "carrier": "carrier_cost"}
"""The book of an adjustment, by the kind of the wallets that people may adjust."""


@act
def top_up(*, customer_id: int, amount_micros: int, note: str = "", key: str | None = None) -> Entry:
    """Books money received from a customer into its wallet. The same key again returns the first entry."""
    values = checks.cleaned(CHECKS, {"amount_micros": amount_micros, "note": note, "key": key})
    if values["amount_micros"] <= 0:
        raise refuse("amount_micros", "A top-up is above zero; take money out with an adjustment.")
    customer = records.find(Customer, customer_id)
    checks.whole_coins("amount_micros", values["amount_micros"], customer.currency)
    known = (
        values["key"] is not None and Entry.objects.filter(account_id=customer.account_id, key=values["key"]).exists()
    )
    if known:  # of before there were payments
        return post(wallet_of(customer), "payments", "topup", **values)
    given = {"amount_micros": values["amount_micros"], "external_id": values["key"], "private_note": values["note"]}
    payment = enter(customer, note=values["note"], **given)
    if payment.entry_id is None:
        raise refuse("customer_id", f"{ANOTHER} Enter a payment instead.")
    return Entry.objects.get(account_id=customer.account_id, pk=payment.entry_id)


@act
def adjust(*, wallet_id: int, amount_micros: int, note: str, key: str | None = None) -> Entry:
    """Corrects a wallet by an entry with its reason. The same key again returns the first entry.

    Of a carrier's wallet it corrects what we owe for calls, and so what they cost; a payment to it is `pay_carrier`.
    """
    values = checks.cleaned(
        {**CHECKS, "note": checks.text(1000, required=True)},
        {"amount_micros": amount_micros, "note": note, "key": key},
    )
    if values["amount_micros"] == 0:
        raise refuse("amount_micros", "An adjustment of nothing changes nothing.")
    wallet = Wallet.objects.filter(pk=wallet_id).first()
    if wallet is None:
        raise NotFound(f"There is no wallet {wallet_id}.")
    if current.get().reach is not None:
        if wallet.kind != "customer":
            raise NotFound(f"There is no wallet {wallet_id}.")
        records.find(Customer, wallet.owner_id)
    if wallet.currency is None or wallet.kind not in ADJUSTED:
        raise refuse("wallet_id", "This wallet only counts calls and holds no money.")
    return post(wallet, ADJUSTED[wallet.kind], "adjustment", **values)
