"""The list of customers: its columns and filters, and where its rows come from (`listed`), for its page and for whoever
works on what it finds. A column or filter of records belongs here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from itertools import islice
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django_countries import countries

from tollgate.core.money import format_micros
from tollgate.panel.access import current_user, own_account, own_customers, reach
from tollgate.panel.cells import STATUS_TONES, limit, link
from tollgate.panel.choosable import resellers
from tollgate.panel.customer_forms import STATUS_WORDS, known_of
from tollgate.panel.suggestions import suggested
from tollgate.store.models import Account, Customer, Tag
from tollgate.store.queries.customers import (
    by_balance,
    by_live_channels,
    in_service,
    next_by_balance,
    occupied,
    of_state,
    tags_of,
    today_of,
    with_figures,
    with_wallet,
)
from tollgate.store.queries.finding import by_columns, customers_with
from tollgate.store.queries.unready import MANY, Unready, nearest
from tollgate.ui.columns import Column, Kind
from tollgate.ui.conditions import Of
from tollgate.ui.grid import Filter, Grid
from tollgate.ui.sources import Query, QuerysetSource
from tollgate.ui.words import as_is, figure, worded

STATES = (
    *((name, STATUS_WORDS[name]) for name in ("active", "inactive", "penalty", "pending")),
    ("dialing", "Dialing (derived)"),
    ("unready", "Pending (derived)"),
)
CHUNK = 500
LIVE = "live_channels"
BALANCE = "balance_micros"
OF_WALLETS = frozenset({BALANCE, LIVE})
"""What is sorted by, and stands in the wallets."""
KNOWN = {name: Q(**{f"{name}__isnull": False}) for name in ("accounting_id", "status_until", "expires_at")}
"""What may be empty and is sorted by: the others stand in an index."""
READ = (
    *("name", "number", "currency", "debit_limit_micros", "channels", "status", "status_until", "expires_at"),
    *("company", "country", "reference", "accounting_id", "parent__name", "account_manager__name"),
)
"""What its columns show of a customer, whose record is wide: the rest is not read."""


def _limit_words(customer: Any) -> str:
    """The debit limit beside a balance."""
    amount = figure(f"{format_micros(abs(customer.debit_limit_micros), 2)} {customer.currency}")
    if customer.debit_limit_micros == 0:
        return "Debit limit: 0"
    return f"Credit line: {amount}" if customer.debit_limit_micros > 0 else f"Reserve: {amount}"


def _lacks(customer: Any) -> str | None:
    """What keeps the customer from calling."""
    needs = (("no endpoint", customer.has_endpoint), ("no route", customer.has_route))
    return ", ".join(words for words, there in needs if not there) or None


LIST = Grid(
    name="customers",
    columns=(
        Column("name", "Customer", sort="name", link=link("panel:customer", lambda row: row.pk)),
        Column("lacks", "Warnings", value=_lacks, kind=Kind.BADGE, tone=lambda _: "yellow", minor=True),
        Column("number", "Number", sort="number", minor=True),
        Column(
            "balance",
            "Balance",
            value="balance_micros",
            kind=Kind.MONEY,
            currency="currency",
            sort="balance_micros",
            hint=_limit_words,
        ),
        Column(
            "credit",
            "Debit limit",
            value="debit_limit_micros",
            kind=Kind.MONEY,
            currency="currency",
            sort="debit_limit_micros",
            hidden=True,
        ),
        Column("live", "Live channels", value="live_channels", kind=Kind.COUNT, sort="live_channels", minor=True),
        Column(
            "allowed",
            "Allowed channels",
            value=lambda row: limit(row.channels),
            sort="channels",
            minor=True,
            says=True,
            right=True,
        ),
        Column(
            "status",
            "Status",
            value=lambda row: STATUS_WORDS[row.status],
            kind=Kind.BADGE,
            tone=lambda row: STATUS_TONES[row.status],
            sort="status",
        ),
        Column("reseller", "Reseller", value="parent.name", link=link("panel:customer", lambda row: row.parent_id)),
        Column("last_call_at", "Last call (UTC)", kind=Kind.INSTANT),
        Column("asr", "ASR today", value="today.traffic.asr_percent", kind=Kind.NUMBER, unit="%"),
        Column("acd", "ACD today", value="today.traffic.acd_s", kind=Kind.NUMBER, unit="s"),
        Column("pdd", "PDD today", value="today.pdd_s", kind=Kind.NUMBER, unit="s"),
        Column("cps", "CPS today", value="today.cps", kind=Kind.NUMBER),
        Column("company", "Company", sort="company", hidden=True),
        Column("country", "Country", sort="country", hidden=True),
        Column("manager", "Account manager", value="account_manager.name", hidden=True),
        Column("tags", "Tags", value=lambda row: ", ".join(row.tags_of_page().get(row.pk, ())), hidden=True),
        Column("reference", "Reference", sort="reference", hidden=True),
        Column("accounting_id", "Accounting id", sort="accounting_id", hidden=True),
        Column("status_until", "Status until (UTC)", kind=Kind.INSTANT, sort="status_until", hidden=True),
        Column("expires_at", "Expires (UTC)", kind=Kind.INSTANT, sort="expires_at", hidden=True),
    ),
    filters=(
        Filter("status", "Status", "state", choices=STATES),
        Filter("shown", "Shown", "shown", choices=(("in_service", "In service"), ("deleted", "Deleted"))),
        Filter("country", "Country", "country", choices=tuple((code, as_is(name)) for code, name in countries)),
    ),
    sort="name",
    ticks=True,
    empty_text="No customers yet. A customer buys calls: add one, then give it an endpoint and a route.",
    empty_url="/customers/new/",
    empty_action="Add a customer",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(QuerysetSource):
    """Customers with today's traffic, which is read once for each page. The search also looks at contacts.

    `queryset` has the customers alone: who stands on a page is found without figures, and only those get them.
    """

    figures: QuerySet[Any]
    unready: Unready
    account: Account
    at: datetime
    of_all: bool = False
    """Whether these are all customers of the account."""

    def rows(self, query: Query, limit: int) -> Sequence[Any]:
        """One page."""
        if query.sort == LIVE:
            return self._by_live_channels(query, limit)
        if self._of_many_unready(query):
            found = nearest(self.queryset, partial(self._places, replace(query, filters={})), limit)
        else:
            found = self._by_balance(query, limit) if query.sort == BALANCE else None
        if found is not None:
            return self._shown(found)
        return self._shown(replace(self, queryset=self._asked(query, query.sort)).ids(query, limit))

    def ordered(self, query: Query) -> QuerySet[Any]:
        """All of them, for files."""
        return QuerysetSource.ordered(replace(self, queryset=self.figures), query)

    def stream(self, query: Query) -> Iterator[Any]:
        """All rows."""
        found = QuerysetSource.stream(self, query)
        while chunk := list(islice(found, CHUNK)):
            yield from self._with_today(chunk)

    def count(self, query: Query, most: int) -> int:
        """Without figures, unless one of them is asked for."""
        if self._of_many_unready(query):
            return min(most, MANY + 1)
        return QuerysetSource.count(replace(self, queryset=self._asked(query)), query, most)

    def tally(
        self, query: Query, path: str, values: Sequence[Any], sums: Mapping[str, tuple[str, str]]
    ) -> Sequence[Mapping[str, Any]]:
        """With the wallets, whose balances are added up."""
        wallets = replace(self, queryset=with_wallet(self.queryset, "customer"))
        return QuerysetSource.tally(wallets, query, path, values, sums)

    def pivot(
        self, query: Query, paths: Sequence[str], sums: Mapping[str, tuple[str, str]], most: int
    ) -> Sequence[Mapping[str, Any]]:
        """With the wallets too."""
        wallets = replace(self, queryset=with_wallet(self.queryset, "customer"))
        return QuerysetSource.pivot(wallets, query, paths, sums, most)

    def kind_of(self, path: str) -> Of | None:
        """What stands in the wallets is compared too."""
        return QuerysetSource.kind_of(replace(self, queryset=self.figures), path)

    def _by_live_channels(self, query: Query, limit: int) -> Sequence[Any]:
        """One page in the order of what changes with every call. Each shows the channels by which it has its place."""
        channels = occupied(self.account)
        place = _place(query)
        listed = replace(self, queryset=self._asked(query)).chosen(query)
        falling = query.descending != query.back
        rows = self._shown(by_live_channels(listed, channels, after=place, falling=falling, limit=limit))
        for customer in rows:
            customer.live_channels = channels.get(customer.pk, 0)
        return rows

    def _by_balance(self, query: Query, limit: int) -> list[int] | None:
        """Who stands on a page of all; None where a search or a filter leaves few, who are sorted themselves."""
        if query.search or query.filters.keys() - {"shown"}:
            return None
        falling = query.descending != query.back
        return by_balance(self.chosen(query), self.account, after=_place(query), falling=falling, limit=limit)

    def counted(self, query: Query) -> int | None:
        """Of very many that lack something the first are known, and that there are more."""
        return MANY if self._of_many_unready(query) else None

    def _of_many_unready(self, query: Query) -> bool:
        """Whether this finds those of all customers that lack something, and they are very many."""
        plain = self.of_all and not query.search and not query.filters.keys() - {"state", "shown"}
        return plain and query.filters.get("state") == "unready" and self.unready.many

    def _places(self, query: Query, count: int) -> Sequence[int]:
        """The next so many in an order."""
        if query.sort != BALANCE:
            return replace(self, queryset=self._asked(query, query.sort)).ids(query, count)
        falling = query.descending != query.back
        return next_by_balance(self.account, after=_place(query), falling=falling, limit=count)

    def _shown(self, ids: Sequence[int]) -> Sequence[Any]:
        found = self.figures.in_bulk(ids)
        return self._with_today([found[pk] for pk in ids if pk in found])

    def _asked(self, query: Query, sort: str = "") -> QuerySet[Any]:
        """The customers, with their wallets where those are compared or sorted by."""
        paths = {path.partition("__")[0] for path in query.filters} | {sort}
        return with_wallet(self.queryset, "customer") if paths & OF_WALLETS else self.queryset

    def chosen(self, query: Query) -> QuerySet[Any]:
        """Those that the search and the filters leave; a state may be one that is no status."""
        filters = dict(query.filters)
        state = filters.pop("state", None)
        found = QuerysetSource.chosen(self, replace(query, filters=filters))
        return found.filter(of_state(str(state), self.unready)) if state else found

    def _with_today(self, customers: Sequence[Any]) -> Sequence[Any]:
        today = today_of(self.account, [customer.pk for customer in customers], self.at)
        tagged = cache(partial(tags_of, [customer.pk for customer in customers]))
        for customer in customers:
            customer.today, customer.tags_of_page = today[customer.pk], tagged
        return customers


def _place(query: Query) -> tuple[int, int] | None:
    """The key that a page begins behind, where it is one of whole numbers."""
    key = query.after
    known = key is not None and isinstance(key.value, int) and isinstance(key.row_id, int)
    return (key.value, key.row_id) if key is not None and known else None


def listed(request: HttpRequest, parameters: Mapping[str, str]) -> tuple[Grid, QuerysetSource]:
    """The list's grid and what it may show this user, for the state of its address."""
    account, at = own_account(request), datetime.now(UTC)
    deleted = parameters.get("f.shown") == "deleted"
    shown = in_service(own_customers(request), deleted=deleted)
    grid = replace(
        LIST, filters=(*LIST.filters, *(found for found in _own_filters(request) if found.choices or found.suggest))
    )
    figures = with_figures(own_customers(request), at, deleted=deleted).only(*READ)
    search = cache(customers_with)  # a page's rows and their count ask the same
    meant = dict(by_columns("customer", "country", "status"))
    meant["reseller"] = cache(partial(_sold_by, request))
    return grid, Listed(
        queryset=shown,
        figures=figures,
        account=account,
        at=at,
        search=search,
        unready=Unready(),
        meanings=meant,
        walked=KNOWN,
        of_all=not deleted and reach(request) is None,
    )


def _sold_by(request: HttpRequest, text: str) -> Q:
    """Those of the reseller of this name or number; where there is none, of all whose name has it in it."""
    known = Customer.objects.filter(account=own_account(request), is_reseller=True)
    named = list(known.filter(Q(name__iexact=text) | Q(number=text)).values_list("pk", flat=True))
    return Q(parent__in=named or known.filter(name__icontains=text).values("pk"))


def _own_filters(request: HttpRequest) -> Iterator[Filter]:
    """Filters whose choices are records."""
    me = current_user(request).pk
    tags = Tag.objects.filter(account=own_account(request)).order_by("name")
    managers = known_of(request, "account_manager_id", {}).order_by("name")
    if reach(request) is not None:
        tags = tags.filter(customers__in=own_customers(request)).distinct()
    yield Filter("tag", "Tag", "tags", choices=tuple((str(tag.pk), as_is(tag.name)) for tag in tags))
    if resellers(request).exists():
        yield Filter("reseller", "Reseller", "reseller", suggest=suggested("reseller"))
    words = (
        (
            str(row.pk),
            worded("{name} (you)", name=row.name or row.email) if row.pk == me else as_is(row.name or row.email),
        )
        for row in managers
    )
    yield Filter("manager", "Account manager", "account_manager_id", choices=tuple(words))
