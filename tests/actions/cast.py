"""The cast of the acts' tests: Ann operates, Bob reads; Acme, Baltic, Nordic the reseller, Cirrus the carrier."""

from tollgate.actions.accounts import create_account
from tollgate.actions.acts import Actor
from tollgate.actions.cards import create_card
from tollgate.actions.carriers import create_carrier
from tollgate.actions.customers import CustomerFields, create_customer
from tollgate.store.models import Account, Card, Customer

EURO = 1_000_000
ANN = Actor("Ann", frozenset({"*"}), "asked by phone")
BOB = Actor("Bob", frozenset())


def demo_account() -> Account:
    """The operator's own company."""
    return create_account(name="Demo Telecom", currency="EUR")


def acme(account: Account, **fields: object) -> Customer:
    """A prepaid customer."""
    given: CustomerFields = fields  # type: ignore[assignment]
    return create_customer(account_id=account.pk, name="Acme", currency="EUR", **given)


def sold_by(account: Account, name: str = "Acme A-Z", currency: str = "EUR") -> Card:
    """A customer card."""
    return create_card(account_id=account.pk, kind="customer", name=name, currency=currency)


def bought_by(account: Account, name: str = "Cirrus", currency: str = "EUR") -> Card:
    """A carrier and its card."""
    carrier = create_carrier(account_id=account.pk, name=name, currency=currency)
    return create_card(
        account_id=account.pk, kind="carrier", name=f"{name} A-Z", currency=currency, carrier_id=carrier.pk
    )
