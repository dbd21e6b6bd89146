"""Customers with what their wallets, endpoints, routes and calls say about them.

The figures beside a customer are subqueries, which PostgreSQL computes only for the rows of a page. To add one, add an
annotation to `with_figures`; what is counted from today's calls is a property of `Today`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.db import connection
from django.db.models import (
    BigIntegerField,
    Count,
    DateTimeField,
    Exists,
    F,
    IntegerField,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Least

from tollgate.store.models import (
    CDR,
    Account,
    Call,
    Carrier,
    Contact,
    Customer,
    Endpoint,
    Entry,
    IngressRoute,
    Wallet,
)
from tollgate.store.queries.dashboard import Traffic, ratio

LAST_CALL_DAYS = 31

Owner = TypeVar("Owner", bound=Model)
_WORN_OUT = """"customer"."valid_days" * interval '1 day' + CASE
    WHEN (SELECT valid_from_creation FROM account WHERE account.id = "customer"."account_id")
    THEN "customer"."created_at"
    ELSE (SELECT first_used_at FROM wallet WHERE wallet.account_id = "customer"."account_id"
          AND wallet.kind = 'customer' AND wallet.owner_id = "customer"."id") END"""


@dataclass(frozen=True, slots=True)
class Today:
    """What a customer's calls of this UTC day say; a call of one second weighs as much as one of an hour."""

    traffic: Traffic
    pdd_ms: int
    pdd_count: int
    elapsed_s: int

    @property
    def pdd_s(self) -> Decimal | None:
        """Average seconds from the INVITE to ringing, of the calls that rang; None without any."""
        return ratio(self.pdd_ms, self.pdd_count * 1000, places=1)

    @property
    def cps(self) -> Decimal | None:
        """Attempts per second since midnight; None without any attempt."""
        return ratio(self.traffic.attempts, self.elapsed_s, places=3) if self.traffic.attempts else None


def with_figures(customers: QuerySet[Customer], at: datetime, *, deleted: bool = False) -> QuerySet[Customer]:
    """Of those customers the ones in service, or the deleted ones, with balance, channels, last call and what they
    lack to call.
    """
    recent = CDR.objects.filter(
        account=OuterRef("account"), customer=OuterRef("pk"), started_at__gte=at - timedelta(days=LAST_CALL_DAYS)
    ).order_by("-started_at", "-id")
    money = with_wallet(in_service(customers, deleted=deleted), "customer")
    return (
        money.select_related("parent", "account_manager")
        .prefetch_related("tags")
        .annotate(
            has_endpoint=Exists(_enabled(Endpoint).filter(sends_calls=True)),
            has_route=_has_route(),
            last_call_at=Subquery(recent.values("started_at")[:1], output_field=DateTimeField()),
        )
    )


def in_service(customers: QuerySet[Customer], *, deleted: bool = False) -> QuerySet[Customer]:
    """Of those customers the ones in service, or the deleted ones; each says which as `shown`."""
    shown = Value("deleted" if deleted else "in_service")
    return customers.filter(deleted_at__isnull=not deleted).annotate(shown=shown)


def in_state(customers: QuerySet[Customer], state: str) -> QuerySet[Customer]:
    """Those of a status, or of one of the two states that are no status: `dialing` has live calls, `unready` is active
    but lacks an endpoint, a route or a verification that it needs to call."""
    if state == "dialing":
        return customers.filter(Exists(Call.objects.filter(account=OuterRef("account"), customer=OuterRef("pk"))))
    if state != "unready":
        return customers.filter(status=state)
    contacts = Contact.objects.filter(customer=OuterRef("pk"))
    unverified = Q(email_verification=True) & ~Q(Exists(contacts.exclude(email_verified_at=None)))
    unverified |= Q(mobile_verification=True) & ~Q(Exists(contacts.exclude(mobile_verified_at=None)))
    lacking = ~Q(Exists(_enabled(Endpoint).filter(sends_calls=True))) | ~_has_route()
    return customers.filter(lacking | unverified, status="active")


def today_of(account: Account, customer_ids: Sequence[int], at: datetime) -> dict[int, Today]:
    """Today's traffic of those customers, in one query."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    elapsed_s = max(1, int((at - midnight).total_seconds()))
    groups = (
        CDR.objects.filter(account=account, customer_id__in=customer_ids, started_at__gte=midnight)
        .order_by()
        .values("customer_id")
        .annotate(
            attempts=Count("id"),
            refused=Count("id", filter=Q(state="refused")),
            answered=Count("id", filter=Q(answered_at__isnull=False)),
            talked_ms=Sum("duration_ms"),
            pdd_total_ms=Sum("pdd_ms"),
            pdd_count=Count("pdd_ms"),
        )
    )
    found = {
        row["customer_id"]: Today(
            Traffic(row["attempts"], row["refused"], row["answered"], int(row["talked_ms"] or 0)),
            int(row["pdd_total_ms"] or 0),
            row["pdd_count"],
            elapsed_s,
        )
        for row in groups
    }
    return {pk: found.get(pk, Today(Traffic(0, 0, 0, 0), 0, 0, elapsed_s)) for pk in customer_ids}


def _has_route() -> Q:
    """Whether the customer of the outer query has an enabled route, its own or one of its tags."""
    of_tags = IngressRoute.objects.filter(tag__customers=OuterRef("pk"), enabled=True)
    return Q(Exists(_enabled(IngressRoute))) | Q(Exists(of_tags))


def _enabled(model: type[Endpoint] | type[IngressRoute]) -> QuerySet[Any]:
    """Enabled endpoints or routes of the customer of the outer query."""
    return model.objects.filter(customer=OuterRef("pk"), enabled=True)


def with_wallet(owners: QuerySet[Owner], kind: str) -> QuerySet[Owner]:
    """Those owners with `balance_micros`, `wallet_held_micros` and `live_channels` of their wallets.

    A join, because sorting by a balance would ask a subquery for every owner. Each has exactly one wallet.
    """
    table = owners.model._meta.db_table  # noqa: SLF001 - Django's public name
    mine = f"wallet.kind = %s AND wallet.owner_id = {table}.id AND wallet.account_id = {table}.account_id"
    joined = owners.extra(tables=["wallet"], where=[mine], params=[kind])  # noqa: S610 - fixed text
    return joined.annotate(  # type: ignore[no-any-return]  # the stubs lose the type variable
        balance_micros=RawSQL("wallet.balance_micros", (), output_field=BigIntegerField()),
        wallet_held_micros=RawSQL("wallet.held_micros", (), output_field=BigIntegerField()),
        live_channels=RawSQL("wallet.channels", (), output_field=IntegerField()),
    )


def wallet_of(owner: Account | Customer | Carrier) -> Wallet:
    """The wallet that the database keeps beside the owner."""
    return Wallet.objects.get(kind=owner._meta.db_table, owner_id=owner.pk)  # noqa: SLF001 - Django's public name


def with_end(customers: QuerySet[Customer]) -> QuerySet[Any]:
    """Those customers with `ends_at`: when their validity ends, by their date or by their days, whichever is first.

    `worn_out_at` is the end by their days, counted from the first call, or from creation where the account says so.
    None: never, or not known yet.
    """
    worn_out_at: RawSQL = RawSQL(_WORN_OUT, (), output_field=DateTimeField(null=True))  # noqa: S611 - fixed text
    ends_at = Least(F("expires_at"), F("worn_out_at"), output_field=DateTimeField(null=True))
    return customers.annotate(worn_out_at=worn_out_at).annotate(ends_at=ends_at)


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
