"""The cast of the store tests: Acme (prepaid), Baltic (postpaid), a reseller, and Cirrus the carrier."""

from tollgate.store.models import Account, Card, Carrier, Customer, Wallet

EURO = 1_000_000


def demo_account() -> Account:
    """The operator's own company."""
    return Account.objects.create(name="Demo Telecom", currency="EUR")


def customer(account: Account, name: str, **fields: object) -> Customer:
    """A customer of `account` with a number of its own."""
    number = f"{Customer.objects.count() + 1:010d}"
    return Customer.objects.create(account=account, name=name, number=number, **{"currency": "EUR", **fields})


def cirrus_card(account: Account) -> Card:
    """Cirrus and its carrier card."""
    carrier = Carrier.objects.create(account=account, name="Cirrus", currency="EUR")
    return Card.objects.create(account=account, kind="carrier", carrier=carrier, name="Cirrus A-Z", currency="EUR")


def wallet_of(owner: Account | Customer | Carrier) -> Wallet:
    """The wallet that the database keeps beside `owner`."""
    return Wallet.objects.get(kind=owner._meta.db_table, owner_id=owner.pk)
