"""What the platform charges the account: day by day (UTC), by the billing method in force that day, and by package.

A day is charged once for the method and once for each package, some hours after it ended; days missed are caught up.
Seconds are those of calls that ended that day; channels are those reserved, or without a limit the most at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Max, Min

from tollgate.actions import checks, records
from tollgate.actions.acts import NotYet, act, because, refuse
from tollgate.actions.packages import RECORDING, package_terms_on
from tollgate.actions.statements import fetch
from tollgate.store.models import CDR, Account, AccountCharge, AccountPackage, AccountTerms, Entry, Wallet
from tollgate.store.sql import load

METHODS: Final = ("per_minute", "per_channel")
LOCK: Final = timedelta(days=30)
AFTER: Final = timedelta(hours=3)
"""How long after midnight UTC a day is charged: a call that ended on it is told of by then."""
DAYS_MOST: Final = 400


@act
def change_billing_method(*, account_id: int, method: str) -> Account:
    """Charges by the other method from the next UTC day on. After a change it is locked for 30 days."""
    account = records.locked(Account, account_id)
    at = records.now()
    free_at = next_change_at(account)
    if free_at is not None and at < free_at:
        raise NotYet({"method": [f"The billing method is locked until {free_at:%Y-%m-%d %H:%M} UTC."]})
    return _change(account, method, at)


@act
def override_billing_method(*, account_id: int, method: str, reason: str, keep_lock: bool = True) -> Account:
    """Changes the method while it is locked. `keep_lock`: the 30 days run from the change before; else from now."""
    if not reason.strip():
        raise refuse("reason", "Say why the lock is passed over.")
    because(reason.strip())
    keep_lock = checks.cleaned({"keep_lock": checks.yes_no}, {"keep_lock": keep_lock})["keep_lock"]
    account = records.locked(Account, account_id)
    locked_at = account.billing_locked_at
    changed = _change(account, method, records.now())
    return records.change(changed, {"billing_locked_at": locked_at}) if keep_lock and locked_at else changed


@act
def set_account_tariff(*, account_id: int, minute_price_nanos: int, channel_day_price_nanos: int) -> Account:
    """What the platform asks: per minute of calls, and per channel and day. Holds from the next UTC day on."""
    price = checks.amount(0, checks.MOST_NANOS, price=True)
    values = checks.cleaned(
        {"minute_price_nanos": price, "channel_day_price_nanos": price},
        {"minute_price_nanos": minute_price_nanos, "channel_day_price_nanos": channel_day_price_nanos},
    )
    account = records.locked(Account, account_id)
    with terms_kept(account):
        return records.change(account, values)


@act
def top_up_account(*, account_id: int, amount_micros: int, note: str = "", key: str | None = None) -> Entry:
    """Books money received from the account's company. The same key again returns the first entry."""
    values = checks.cleaned(
        {
            "amount_micros": checks.amount(1, checks.MOST_MICROS),
            "note": checks.text(1000),
            "key": checks.optional(checks.text(100)),
        },
        {"amount_micros": amount_micros, "note": note, "key": key},
    )
    wallet = wallet_of(records.find(Account, account_id))
    fetch("ledger_postings", "lock_wallet", wallet.pk)
    before = Entry.objects.filter(account_id=wallet.account_id, key=values["key"]).first() if values["key"] else None
    if before is not None:
        if (before.wallet_id, before.amount_micros) != (wallet.pk, values["amount_micros"]):
            raise refuse("key", "This key has posted something else: use a new one for a new posting.")
        return before
    return _post(wallet, "payments", "topup", values["amount_micros"], values["note"], values["key"])


@act
def charge_account_days(*, account_id: int) -> list[AccountCharge]:
    """Charges every day that is over and not charged yet. Doing it twice charges nothing twice."""
    account = records.locked(Account, account_id)
    last = (records.now() - AFTER).astimezone(UTC).date() - timedelta(days=1)
    made: list[AccountCharge] = []
    on = max(_first_day(account), last - timedelta(days=DAYS_MOST))
    while on <= last:
        made += _charge_day(account, on)
        on += timedelta(days=1)
    return made


def next_change_at(account: Account) -> datetime | None:
    """When the billing method may be changed again; None when it never was."""
    return account.billing_locked_at + LOCK if account.billing_locked_at else None


def method_on(account: Account, on: date) -> str:
    """The billing method in force on a UTC day."""
    return terms_on(account, on).billing_method


def terms_on(account: Account, on: date) -> AccountTerms:
    """The terms of a UTC day: those that held when it began."""
    held = AccountTerms.objects.filter(account=account, from_on__lte=on).order_by("-from_on").first()
    return held or AccountTerms(account=account, from_on=on, **_terms_of(account))


@contextmanager
def terms_kept(account: Account) -> Iterator[None]:
    """Around a change of the account's method, prices or channels: days that have begun keep their terms."""
    before = _terms_of(account)
    yield
    after = _terms_of(account)
    if after == before:
        return
    if not AccountTerms.objects.filter(account=account).exists():
        AccountTerms.objects.create(account=account, from_on=date(2000, 1, 1), **before)
    tomorrow = records.now().astimezone(UTC).date() + timedelta(days=1)
    AccountTerms.objects.update_or_create(account=account, from_on=tomorrow, defaults=after)


def _terms_of(account: Account) -> dict[str, Any]:
    names = ("billing_method", "minute_price_nanos", "channel_day_price_nanos", "channels")
    return {name: getattr(account, name) for name in names}


def wallet_of(account: Account) -> Wallet:
    """The account's own wallet with the platform."""
    return Wallet.objects.get(account_id=account.pk, kind="account", owner_id=account.pk)


def package_charge(package: AccountPackage, on: date) -> AccountCharge:
    """What a package comes to on a UTC day, neither posted nor kept: for today, so far."""
    account, terms = package.account, package_terms_on(package, on)
    price = terms.price_nanos
    if terms.basis == "minute":
        used_s = usage(account, on, "recorded_seconds" if package.kind == RECORDING else "seconds")
        return _charge(account, on, package, package.name, used_s, "seconds", price, _per_minute(price, used_s))
    return _charge(account, on, package, package.name, terms.quantity, terms.unit, price, terms.quantity * price)


def charged_until(account: Account) -> date | None:
    """The last UTC day that is charged whole; None before the first."""
    last: date | None = AccountCharge.objects.filter(account=account, package=None).aggregate(on=Max("on"))["on"]
    return last


def usage(account: Account, on: date, what: str) -> int:
    """How much was used on a UTC day: `seconds` of calls, `recorded_seconds`, `channels` at once at most."""
    begins = datetime.combine(on, time(), UTC)
    with connection.cursor() as cursor:
        cursor.execute(_SQL[what], {"account_id": account.pk, "begins": begins, "ends": begins + timedelta(days=1)})
        row = cursor.fetchone()
    return int(row[0] or 0) if row else 0


_SQL: Final = load("panel_account")


def _change(account: Account, method: str, at: datetime) -> Account:
    method = checks.cleaned({"method": checks.one_of(METHODS)}, {"method": method})["method"]
    if method == account.billing_method:
        raise refuse("method", "This is the billing method already.")
    with terms_kept(account):
        return records.change(account, {"billing_method": method, "billing_locked_at": at})


def _first_day(account: Account) -> date:
    """The day after the last that is charged whole; at first, that of the first call."""
    last = charged_until(account)
    if last is not None:
        return last + timedelta(days=1)
    first = CDR.objects.filter(account=account).aggregate(at=Min("started_at"))["at"]
    begun_at: datetime = min(account.created_at, first or account.created_at)
    day: date = begun_at.astimezone(UTC).date()
    return day


def _charge_day(account: Account, on: date) -> list[AccountCharge]:
    packages = AccountPackage.objects.filter(account=account, starts_on__lte=on).exclude(ends_on__lt=on)
    found = [package_charge(package, on) for package in packages.order_by("pk")]
    # the method comes last: once it is there, the day is charged whole
    return [_posted(account, charge) for charge in [*found, _method_charge(account, on)]]


def _method_charge(account: Account, on: date) -> AccountCharge:
    terms = terms_on(account, on)
    method = terms.billing_method
    if method == "per_channel":
        channels = terms.channels or usage(account, on, "channels")
        price = terms.channel_day_price_nanos
        return _charge(account, on, None, method, channels, "channels", price, channels * price)
    used_s, price = usage(account, on, "seconds"), terms.minute_price_nanos
    return _charge(account, on, None, method, used_s, "seconds", price, _per_minute(price, used_s))


def _per_minute(price_nanos: int, used_s: int) -> int:
    """Nanos for seconds at a price per minute, to the nearest."""
    return (price_nanos * used_s + 30) // 60


def _charge(
    account: Account, on: date, package: AccountPackage | None, what: str, used: int, unit: str, price: int, nanos: int
) -> AccountCharge:
    """A charge that is not posted yet; the amount is rounded half up to micros."""
    return AccountCharge(
        account=account,
        on=on,
        package=package,
        what=what,
        used=used,
        unit=unit,
        price_nanos=price,
        amount_micros=(nanos + 500) // 1000,
        currency=account.currency,
    )


def _posted(account: Account, charge: AccountCharge) -> AccountCharge:
    """The charge with its entry; a day that costs nothing has none."""
    if charge.amount_micros:
        words = f"{charge.what} of {charge.on}: {charge.used} {charge.unit}"
        key = f"platform {charge.on} {charge.package_id or 'method'}"
        entry = _post(wallet_of(account), "platform", "platform", -charge.amount_micros, words, key)
        charge.entry_id = entry.pk
    charge.save()
    return charge


def _post(wallet: Wallet, book: str, kind: str, amount_micros: int, note: str, key: str | None) -> Entry:
    with records.refusals_named():
        posted = fetch("ledger_postings", "post", wallet.pk, book, kind, amount_micros, note, key, None, None)[0]
    return Entry.objects.get(account_id=wallet.account_id, pk=posted["id"])
