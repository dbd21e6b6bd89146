"""Customers with what their wallets, endpoints, routes and calls say about them.

The figures beside a customer are subqueries, which PostgreSQL computes only for the rows of a page. To add one, add an
annotation to `with_figures`; what is counted from today's calls is a property of `Today`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar

from django.db import connection
from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
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
    When,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Least

from tollgate.store.models import (
    CDR,
    Account,
    Call,
    Carrier,
    Customer,
    Endpoint,
    Entry,
    IngressRoute,
    Wallet,
)
from tollgate.store.queries import finding
from tollgate.store.queries.dashboard import Traffic, ratio
from tollgate.store.queries.unready import Unready, tagged

LAST_CALL_DAYS = 31
AHEAD: Final = 4
"""So many times the rows of a page are looked through for it in the order of the balances."""

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
    lack to call. Their tags are read apart (`tags_of`): few lists show them.
    """
    recent = CDR.objects.filter(
        account=OuterRef("account"), customer=OuterRef("pk"), started_at__gte=at - timedelta(days=LAST_CALL_DAYS)
    ).order_by("-started_at", "-id")
    money = with_wallet(in_service(customers, deleted=deleted), "customer")
    return money.select_related("parent", "account_manager").annotate(
        has_endpoint=Exists(_enabled(Endpoint).filter(sends_calls=True)),
        has_route=_has_route(),
        last_call_at=Subquery(recent.values("started_at")[:1], output_field=DateTimeField()),
    )


def in_service(customers: QuerySet[Customer], *, deleted: bool = False) -> QuerySet[Customer]:
    """Of those customers the ones in service, or the deleted ones; each says which as `shown`."""
    shown = Value("deleted" if deleted else "in_service")
    return customers.filter(deleted_at__isnull=not deleted).annotate(shown=shown)


def of_state(state: str, unready: Unready | None = None) -> Q:
    """Customers of a status, or of one of the two states that are no status: `dialing` has live calls, `unready` is
    active but lacks an endpoint, a route or a verification that it needs to call.
    """
    if state == "dialing":
        return Q(pk__in=Call.objects.values("customer_id"))  # live calls are few beside all customers
    return (unready or Unready()).meaning() if state == "unready" else Q(status=state)


def occupied(account: Account) -> dict[int, int]:
    """How many channels each customer occupies that occupies any: found from the live calls, which are few beside all
    customers, because no index may stand on what every call changes.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT owner_id, channels FROM wallet WHERE kind = 'customer' AND channels > 0"
            " AND id = ANY (ARRAY(SELECT DISTINCT unnest(wallet_ids) FROM call WHERE account_id = %s))",
            [account.pk],
        )
        return dict(cursor.fetchall())


def by_live_channels(
    customers: QuerySet[Customer],
    channels: Mapping[int, int],
    *,
    after: tuple[int, int] | None,
    falling: bool,
    limit: int,
) -> list[int]:
    """The ids of at most so many of those customers, by live channels and id, behind a place in that order.

    `channels` are those of `occupied`. The busy ones are sorted here, the idle ones, nearly all, walked by their ids.
    """
    busy_ids = customers.filter(finding.among("pk", channels)).order_by().values_list("pk", flat=True)
    busy = sorted(((channels[pk], pk) for pk in busy_ids), reverse=falling)
    idle = customers.exclude(finding.among("pk", channels)).order_by("-pk" if falling else "pk")
    if after is not None:
        busy = [place for place in busy if (place < after if falling else place > after)]
        idle = idle.filter(**{"pk__lt" if falling else "pk__gt": after[1]}) if after[0] == 0 else idle
        idle = idle.none() if after[0] > 0 and not falling else idle
    parts: list[Any] = [[pk for _, pk in busy], idle.values_list("pk", flat=True)]
    found: list[int] = []
    for part in parts if falling else reversed(parts):
        found += part[: limit - len(found)]
    return found


def by_balance(
    customers: QuerySet[Customer], account: Account, *, after: tuple[int, int] | None, falling: bool, limit: int
) -> list[int] | None:
    """The ids of at most so many of those customers, by balance and id, behind a place in that order; None where they
    are too few among all for this way.
    """
    near = next_by_balance(account, after=after, falling=falling, limit=limit * AHEAD)
    chosen = set(customers.filter(finding.among("pk", near)).order_by().values_list("pk", flat=True))
    found = [pk for pk in near if pk in chosen][:limit]
    return found if len(found) == limit or len(near) < limit * AHEAD else None


def next_by_balance(account: Account, *, after: tuple[int, int] | None, falling: bool, limit: int) -> list[int]:
    """The ids of the next customers of all, by balance and id, behind a place in that order.

    No index may stand on what every call changes: the wallets are read and the nearest kept, which takes a third of the
    time that joining each to its customer first does.
    """
    wallets = Wallet.objects.filter(account=account, kind="customer")
    if after is not None:
        step = "lt" if falling else "gt"
        beyond = Q(**{f"balance_micros__{step}": after[0]}) | Q(
            **{"balance_micros": after[0], f"owner_id__{step}": after[1]}
        )
        wallets = wallets.filter(beyond)
    order = ("-balance_micros", "-owner_id") if falling else ("balance_micros", "owner_id")
    return list(wallets.order_by(*order).values_list("owner_id", flat=True)[:limit])


def tags_of(customer_ids: Sequence[int]) -> dict[int, list[str]]:
    """The names of the tags of those customers, in order, in one query."""
    tagged = Customer.tags.through.objects.filter(customer__in=customer_ids).order_by("tag__name")
    found: dict[int, list[str]] = {}
    for customer_id, name in tagged.values_list("customer_id", "tag__name"):
        found.setdefault(customer_id, []).append(name)
    return found


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
    return Q(Exists(_enabled(IngressRoute))) | Q(Exists(tagged()))


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


def naming_customers(rows: QuerySet[Owner], *names: str) -> QuerySet[Owner]:
    """Those rows with their customers, whose records are wide: only their names are read, and these fields."""
    own = [field.name for field in rows.model._meta.concrete_fields]  # noqa: SLF001 - Django's public name
    theirs = [f"customer__{name}" for name in ("name", *names)]
    return rows.select_related("customer").only(*own, *theirs)


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


def _named(table: type[Customer] | type[Carrier]) -> Subquery:
    return Subquery(table.objects.filter(pk=OuterRef("wallet__owner_id")).values("name"))


COMPANY = Case(
    When(wallet__kind="customer", then=_named(Customer)),
    When(wallet__kind="carrier", then=_named(Carrier)),
    output_field=CharField(),
)
"""Whose wallet an entry moves, where it is a customer's or a carrier's."""


def entries(account: Account) -> QuerySet[Entry]:
    """The postings of an account's wallets; those of one wallet by a filter on `wallet`."""
    return Entry.objects.filter(account=account).select_related("wallet")


def below(*reseller_ids: int) -> list[int]:
    """The ids of every customer below a reseller, at any depth, without the reseller itself; or below several."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE owned AS (SELECT id FROM customer WHERE parent_id = ANY(%s)"
            " UNION SELECT customer.id FROM customer JOIN owned ON customer.parent_id = owned.id) SELECT id FROM owned",
            [list(reseller_ids)],
        )
        return [row[0] for row in cursor.fetchall()]
