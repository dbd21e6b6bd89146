"""What is paid in one currency and held in another, and by which gateways a customer may pay at all.

A rate is one of the account's dated exchange rates, the newest on or before the day, of either direction; it is kept
with the payment. `ways_of` says for each gateway open to a customer which currencies may be paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tollgate.actions.acts import Invalid, refuse
from tollgate.actions.exchange_rates import convert
from tollgate.core.money import format_micros
from tollgate.core.payments import payable, step_micros, surcharge_micros
from tollgate.gateways.payments import PROVIDERS
from tollgate.store.models import Account, Customer, PaymentGateway

BANK_TRANSFER: Final = "bank_transfer"
VOUCHER: Final = "voucher"
BUILT_IN: Final = {BANK_TRANSFER: "Bank transfer", VOUCHER: "Voucher"}
"""Ways to pay that need no gateway: bank transfer once the account has payment details."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to pay that is open to a customer, and in which currencies."""

    name: str
    title: str
    currencies: Sequence[str]
    gateway: PaymentGateway | None = None


def wallet_amount(customer: Customer, amount_micros: int, code: str, at: datetime) -> tuple[int, int | None]:
    """An amount in the customer's currency and the rate it was converted by (None: none was needed).

    Raises Invalid when no rate is known.
    """
    if code == customer.currency:
        return amount_micros, None
    found = convert(customer.account_id, amount_micros, base=code, quote=customer.currency, on=at.date())
    return found.amount_micros, found.rate_nanos


def gateway_names(account_id: int) -> dict[str, str]:
    """Everything that an allow-list may name, with its title."""
    own = PaymentGateway.objects.filter(account_id=account_id).order_by("name").values_list("name", "title")
    return {**BUILT_IN, **dict(own)}


def allowed_names(customer: Customer) -> Sequence[str] | None:
    """The ways to pay that the customer's allow-list, else its domain's, names; None is all of them."""
    if customer.payment_gateways is not None:
        return customer.payment_gateways
    return customer.domain.payment_gateways if customer.domain is not None else None


def is_allowed(customer: Customer, name: str) -> bool:
    """Whether the customer may pay by this gateway."""
    allowed = allowed_names(customer)
    return allowed is None or name in allowed


def currency_fits(customer: Customer, gateway: PaymentGateway, code: str) -> bool:
    """Whether the gateway takes a currency, the customer's own list allows it and its portal domain has it; an empty
    list allows all. The currency of the wallet is at home in every domain."""
    of_domain = customer.domain.currencies if customer.domain is not None else []
    if of_domain and code not in (*of_domain, customer.currency):
        return False
    return code in gateway.currencies and (not customer.topup_currencies or code in customer.topup_currencies)


def ways_of(customer: Customer, at: datetime) -> list[Way]:
    """How a customer's contacts may pay now: what is allowed, enabled, and in a currency that has a rate."""
    ways = []
    own = not customer.topup_currencies or customer.currency in customer.topup_currencies
    if own and is_allowed(customer, BANK_TRANSFER) and Account.objects.get(pk=customer.account_id).payment_details:
        ways.append(Way(BANK_TRANSFER, BUILT_IN[BANK_TRANSFER], [customer.currency]))
    for gateway in PaymentGateway.objects.filter(account_id=customer.account_id, enabled=True).order_by("title", "id"):
        if not PROVIDERS[gateway.provider].starts or not is_allowed(customer, gateway.name):
            continue
        codes = [code for code in gateway.currencies if _payable(customer, gateway, code, at)]
        if codes:
            own_first = sorted(codes, key=lambda code: (code != customer.currency, code))
            ways.append(Way(gateway.name, gateway.title, own_first, gateway))
    return ways


def surcharge_of(gateway: PaymentGateway, amount_micros: int, code: str) -> int:
    """What a gateway asks on top of an amount, so that it takes both together."""
    fixed, ppm = gateway.surcharge_micros, gateway.surcharge_ppm
    return surcharge_micros(amount_micros, fixed_micros=fixed, ppm=ppm, step=step_of(gateway, code))


def step_of(gateway: PaymentGateway | None, code: str) -> int:
    """The least amount of a currency that can be paid, in micros: its coin, or what the gateway counts in."""
    coin = step_micros(code)
    return coin if gateway is None else max(coin, PROVIDERS[gateway.provider].step(code))


def check_payable(amount_micros: int, code: str, gateway: PaymentGateway | None = None) -> None:
    """Refuses what is a fraction of what can be paid."""
    step = step_of(gateway, code)
    if not payable(amount_micros, step):
        raise refuse("amount_micros", f"Give a multiple of {format_micros(step)} {code}.")


def check_minimum(customer: Customer, amount_micros: int) -> None:
    """Refuses what contacts pay below the customer's minimum; users of ours are free of it."""
    if amount_micros < customer.minimum_payment_micros:
        least = format_micros(customer.minimum_payment_micros, 2)
        raise refuse("amount_micros", f"The least payment is {least} {customer.currency}.")


def _payable(customer: Customer, gateway: PaymentGateway, code: str, at: datetime) -> bool:
    if not currency_fits(customer, gateway, code):
        return False
    try:
        wallet_amount(customer, 0, code, at)
    except Invalid:
        return False
    return True
