"""The statement of the account: what the platform charged and what was paid, day by day, and each charge by itself."""

from dataclasses import dataclass, replace
from datetime import UTC, date
from typing import Any, Final

from django.db.models import Q, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path, reverse

from tollgate.actions.account_billing import METHODS, wallet_of
from tollgate.actions.packages import RECORDING
from tollgate.panel.access import own_account, reading
from tollgate.panel.frame import crumbs
from tollgate.store.models import Account, AccountCharge, Entry
from tollgate.ui.columns import Column, Kind
from tollgate.ui.grid import Filter, FilterKind, Grid, respond
from tollgate.ui.sources import ListSource, QuerysetSource

WORDS: Final = {"per_minute": "Calls, per minute", "per_channel": "Channels"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One UTC day: what was used and charged for it, what came in on it, and the balance after both."""

    on: date
    currency: str
    used_s: int
    channels: int
    minute_micros: int
    channel_micros: int
    recording_micros: int
    package_micros: int
    paid_micros: int
    balance_micros: int

    @property
    def charged_micros(self) -> int:
        """All that was charged for the day."""
        return self.minute_micros + self.channel_micros + self.recording_micros + self.package_micros

    @property
    def total_micros(self) -> int:
        """By how much the day changed the balance."""
        return self.paid_micros - self.charged_micros


def _money(name: str, title: str, **more: Any) -> Column:
    return Column(name, title, value=f"{name}_micros", kind=Kind.MONEY, currency="currency", **more)


def _charges_of(row: Day) -> str:
    return f"{reverse('panel:account_charges')}?f.on={row.on}T00:00"


DAYS: Final = Grid(
    name="account_days",
    columns=(
        Column("on", "Day (UTC)", value=lambda row: row.on.isoformat(), sort="on", link=_charges_of),
        Column("used_s", "Calls", kind=Kind.DURATION, unit="s", minor=True),
        _money("minute", "Per minute", minor=True),
        Column("channels", "Channels", kind=Kind.COUNT, minor=True),
        _money("channel", "Per channel", minor=True),
        _money("recording", "Call recording", minor=True),
        _money("package", "Other packages", minor=True),
        _money("charged", "Charged"),
        _money("paid", "Topped up"),
        _money("total", "Total", minor=True),
        _money("balance", "Balance"),
    ),
    sort="-on",
    empty_text="Nothing is charged or topped up yet. Each day is charged a few hours after it ends (UTC).",
)


class DayFilter(Filter):
    """A day, typed as one."""

    def read(self, text: str) -> Any:
        """The day of the moment typed."""
        return Filter.read(self, text).date()


CHARGES: Final = Grid(
    name="account_charges",
    columns=(
        Column("on", "Day (UTC)", value=lambda row: row.on.isoformat(), sort="on"),
        Column("what", "What", value=lambda row: WORDS.get(row.what, row.what), sort="what", says=True),
        Column("used", "Used", kind=Kind.NUMBER),
        Column("unit", "Unit"),
        Column("price", "Price", value="price_nanos", kind=Kind.PRICE, currency="currency"),
        Column("amount", "Charged", value="amount_micros", kind=Kind.MONEY, currency="currency", sort="amount_micros"),
        Column("entry", "Entry", value="entry_id"),
    ),
    filters=(
        DayFilter("on", "Day", "on", kind=FilterKind.INSTANT),
        DayFilter("from", "From", "on__gte", kind=FilterKind.INSTANT),
        DayFilter("until", "Before", "on__lt", kind=FilterKind.INSTANT),
    ),
    sort="-on",
    searchable=False,
    empty_text="Nothing is charged yet. Each day is charged a few hours after it ends (UTC).",
)


def days_of(account: Account) -> list[Day]:
    """Every day with a charge or with money, oldest first; the last balance is that of the wallet."""
    wallet = wallet_of(account)
    charged = {row["on"]: row for row in _charged(account)}
    entries = Entry.objects.filter(account_id=account.pk, wallet=wallet).exclude(kind="platform").order_by()
    paid = dict(entries.values_list(TruncDate("at", tzinfo=UTC)).annotate(total=Sum("amount_micros")))
    days: list[Day] = []
    for on in sorted({*charged, *paid}):
        figures = {name: charged.get(on, {}).get(name) or 0 for name in _FIGURES}
        before = days[-1].balance_micros if days else 0
        day = Day(on=on, currency=account.currency, paid_micros=paid.get(on, 0), balance_micros=0, **figures)
        days.append(replace(day, balance_micros=before + day.total_micros))
    return days


def _charged(account: Account) -> Any:
    by_minute, by_channel = (Q(package=None, what=method) for method in METHODS)
    recorded, others = Q(package__kind=RECORDING), Q(package__isnull=False) & ~Q(package__kind=RECORDING)
    sums = {
        "used_s": Sum("used", filter=by_minute),
        "channels": Sum("used", filter=by_channel),
        "minute_micros": Sum("amount_micros", filter=by_minute),
        "channel_micros": Sum("amount_micros", filter=by_channel),
        "recording_micros": Sum("amount_micros", filter=recorded),
        "package_micros": Sum("amount_micros", filter=others),
    }
    return AccountCharge.objects.filter(account=account).order_by().values("on").annotate(**sums)


_FIGURES: Final = ("used_s", "channels", "minute_micros", "channel_micros", "recording_micros", "package_micros")


@reading
def statement(request: HttpRequest) -> HttpResponseBase:
    """A row for each day, with the balance after it."""
    source = ListSource(items=days_of(own_account(request)), search=lambda day: day.on.isoformat(), id_path="on")
    way = crumbs(("System", ""), ("Account", reverse("panel:account")))
    return respond(request, DAYS, source, title="Statement of the account", breadcrumbs=way)


@reading
def charges(request: HttpRequest) -> HttpResponseBase:
    """What the platform charged, one by one."""
    source = QuerysetSource(queryset=AccountCharge.objects.filter(account=own_account(request)))
    way = crumbs(
        ("System", ""), ("Account", reverse("panel:account")), ("Statement", reverse("panel:account_statement"))
    )
    return respond(request, CHARGES, source, title="Charges to the account", breadcrumbs=way)


urlpatterns = [
    path("account-settings/statement/", statement, name="account_statement"),
    path("account-settings/statement/charges/", charges, name="account_charges"),
]
