"""Customers with what their wallets, endpoints, routes and calls say about them.

The figures beside a customer are subqueries, which PostgreSQL computes only for the rows of a page. To add one, add an
annotation to `with_figures`.
"""

from datetime import date, datetime, timedelta
from typing import TypeVar

from django.db import connection
from django.db.models import (
    BigIntegerField,
    DateTimeField,
    Exists,
    IntegerField,
    Model,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
)

from tollgate.store.models import CDR, Account, Carrier, Customer, Endpoint, Entry, IngressRoute, Wallet

LAST_CALL_DAYS = 31

Owner = TypeVar("Owner", bound=Model)


def with_figures(account: Account, at: datetime, *, deleted: bool = False) -> QuerySet[Customer]:
    """Customers in service, or the deleted ones, each with balance, channels, last call and what it lacks to call.

    Each says which of the two it is as `shown`: "deleted" or "in_service".
    """
    endpoints = Endpoint.objects.filter(customer=OuterRef("pk"), enabled=True)
    routes = IngressRoute.objects.filter(customer=OuterRef("pk"), enabled=True)
    recent = CDR.objects.filter(
        account=account, customer=OuterRef("pk"), started_at__gte=at - timedelta(days=LAST_CALL_DAYS)
    ).order_by("-started_at", "-id")
    money = with_wallet(Customer.objects.filter(account=account, deleted_at__isnull=not deleted), "customer")
    return money.select_related("parent").annotate(
        has_endpoint=Exists(endpoints),
        has_route=Exists(routes),
        shown=Value("deleted" if deleted else "in_service"),
        last_call_at=Subquery(recent.values("started_at")[:1], output_field=DateTimeField()),
    )


def with_wallet(owners: QuerySet[Owner], kind: str) -> QuerySet[Owner]:
    """Those owners with `balance_micros`, `wallet_held_micros` and `live_channels` of their wallets."""
    wallets = Wallet.objects.filter(kind=kind, owner_id=OuterRef("pk"))
    return owners.annotate(  # type: ignore[return-value]  # the stubs lose the type variable
        balance_micros=Subquery(wallets.values("balance_micros")[:1], output_field=BigIntegerField()),
        wallet_held_micros=Subquery(wallets.values("held_micros")[:1], output_field=BigIntegerField()),
        live_channels=Subquery(wallets.values("channels")[:1], output_field=IntegerField()),
    )


def wallet_of(owner: Account | Customer | Carrier) -> Wallet:
    """The wallet that the database keeps beside the owner."""
    return Wallet.objects.get(kind=owner._meta.db_table, owner_id=owner.pk)  # noqa: SLF001 - Django's public name


def spent_today_micros(wallet: Wallet, today: date) -> int:
    """What the wallet spent on that UTC day; yesterday's figure stays in the row until the next call."""
    return wallet.spent_micros if wallet.spent_on == today else 0


def entries(account: Account) -> QuerySet[Entry]:
    """The postings of an account's wallets; those of one wallet by a filter on `wallet`."""
    return Entry.objects.filter(account=account).select_related("wallet")


def below(reseller_id: int) -> list[int]:
    """The ids of every customer below a reseller, at any depth, without the reseller itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE owned AS (SELECT id FROM customer WHERE parent_id = %s"
            " UNION SELECT customer.id FROM customer JOIN owned ON customer.parent_id = owned.id) SELECT id FROM owned",
            [reseller_id],
        )
        return [row[0] for row in cursor.fetchall()]
