"""Acts on the options: what holds for the whole installation. An option stands here once something obeys it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict, Unpack

from django.db.models import Count

from tollgate.actions import checks, records
from tollgate.actions.acts import act, refuse
from tollgate.actions.customer_checks import GROUPINGS
from tollgate.actions.mandates import proved
from tollgate.actions.portal_domains import or_empty, url
from tollgate.core import sepa
from tollgate.core.languages import LANGUAGES
from tollgate.core.pins import LONGEST, SHORTEST
from tollgate.core.refusals import Key
from tollgate.store.models import Account, Customer, Endpoint

MOST_REWRITES: Final = 100
MOST_NAMED: Final = 5


class Rewrite(TypedDict):
    """Our own answer to one refusal."""

    refusal: str
    sip: int
    reason: str


class Options(TypedDict, total=False):
    """What may be set."""

    number_digits_count: int
    pin_length: int
    block_start: int | None
    block_size: int | None
    audit_comment: bool
    profit_assurance_default: bool
    valid_from_creation: bool
    unique_references: bool
    termination_addresses: str
    origination_addresses: str
    portal_text: str
    support_url: str
    support_phone: str
    support_email: str
    idle_logout_min: int | None
    auth_failure_count: int
    second_factor: bool
    second_factor_days: int
    inactive_portal: bool
    inactive_packages: bool
    recording_retention_days: int | None
    cdr_live_days: int | None
    cdr_archive_days: int | None
    message_retention_days: int | None
    payment_notice_days: int | None
    sip_rewrites: Sequence[Rewrite]
    payment_details: str
    payment_description: str
    sepa_creditor_id: str
    sepa_name: str
    sepa_iban: str
    sepa_bic: str
    package_notice_days: int | None
    invoice_grouping: str
    invoice_lag_h: int
    invoice_footer: str
    two_person_payments: bool
    verification_user_id: int | None
    verification_cli: str
    verification_denied: str
    verification_daily_count: int
    verification_capped_price_nanos: int
    verification_approval: bool
    language: str
    verification_valid_days: int
    circuit_user_id: int | None
    smart_lists: bool


def _prefixes(value: object) -> str:
    """One prefix on each line, the plus left out."""
    lines = [line.strip().removeprefix("+") for line in checks.text(5000)(value).splitlines()]
    for number, line in enumerate(lines, start=1):
        if line and not (line.isascii() and line.isdigit() and len(line) <= 15):
            raise checks.Unfit(f"Line {number}: give the digits of a prefix, such as 4490.")
    return "\n".join(line for line in lines if line)


def _rewrites(value: object) -> list[dict[str, object]]:
    """One row per refusal: its SIP code from 400 to 699 and its words."""
    if not isinstance(value, (list, tuple)) or len(value) > MOST_REWRITES:
        raise checks.Unfit(f"Give a list of at most {MOST_REWRITES} rows.")
    rows: list[dict[str, object]] = []
    seen: set[str] = set()
    for number, row in enumerate(value, start=1):
        if not isinstance(row, Mapping) or row.get("refusal") not in Key.__members__:
            raise checks.Unfit(f"Row {number}: give the key of a refusal, such as credit.")
        key = str(row["refusal"])
        if key in seen:
            raise checks.Unfit(f"Row {number}: {key} is there twice.")
        seen.add(key)
        sip, reason = row.get("sip"), row.get("reason")
        if isinstance(sip, bool) or not isinstance(sip, int) or not 400 <= sip <= 699:
            raise checks.Unfit(f"Row {number}: give a SIP code from 400 to 699.")
        if not isinstance(reason, str) or not 1 <= len(reason.strip()) <= 100 or not reason.isprintable():
            raise checks.Unfit(f"Row {number}: give 1 to 100 characters as the reason.")
        rows.append({"refusal": key, "sip": sip, "reason": reason.strip()})
    return rows


CHECKS: Mapping[str, checks.Check] = {
    "number_digits_count": checks.whole(4, 18),
    "pin_length": checks.whole(SHORTEST, LONGEST),
    "block_start": checks.optional(checks.whole(1, 10**11)),
    "block_size": checks.optional(checks.whole(1, 10**6)),
    "audit_comment": checks.yes_no,
    "profit_assurance_default": checks.yes_no,
    "valid_from_creation": checks.yes_no,
    "unique_references": checks.yes_no,
    "termination_addresses": checks.text(2000),
    "origination_addresses": checks.text(2000),
    "portal_text": checks.text(5000),
    "support_url": url,
    "support_phone": or_empty(checks.phone),
    "support_email": or_empty(checks.email),
    "idle_logout_min": checks.optional(checks.whole(1, 1440)),
    "auth_failure_count": checks.whole(0, 1000),
    "second_factor": checks.yes_no,
    "second_factor_days": checks.whole(0, 90),
    "inactive_portal": checks.yes_no,
    "inactive_packages": checks.yes_no,
    "recording_retention_days": checks.optional(checks.whole(1, 36_500)),
    "cdr_live_days": checks.optional(checks.whole(7, 36_500)),
    "cdr_archive_days": checks.optional(checks.whole(30, 36_500)),
    "message_retention_days": checks.optional(checks.whole(1, 36_500)),
    "payment_notice_days": checks.optional(checks.whole(30, 36_500)),
    "sip_rewrites": _rewrites,
    "payment_details": checks.text(2000),
    "payment_description": checks.text(100),
    "sepa_creditor_id": proved(sepa.creditor_id, required=False),
    "sepa_name": checks.text(sepa.NAME_MOST),
    "sepa_iban": proved(sepa.account_number, required=False),
    "sepa_bic": proved(sepa.bank_code, required=False),
    "package_notice_days": checks.optional(checks.whole(0, 60)),
    "invoice_grouping": checks.one_of(GROUPINGS),
    "invoice_lag_h": checks.whole(0, 720),
    "invoice_footer": checks.text(5000),
    "two_person_payments": checks.yes_no,
    "verification_user_id": checks.optional(checks.whole(1, checks.MOST_ID)),
    "verification_cli": or_empty(checks.phone),
    "verification_denied": _prefixes,
    "verification_daily_count": checks.whole(0, 10**6),
    "verification_capped_price_nanos": checks.amount(0, checks.MOST_NANOS, price=True),
    "verification_approval": checks.yes_no,
    "language": checks.one_of(("", *LANGUAGES)),
    "verification_valid_days": checks.whole(0, 3650),
    "circuit_user_id": checks.optional(checks.whole(1, checks.MOST_ID)),
    "smart_lists": checks.yes_no,
}


@act
def update_options(*, account_id: int, version: int | None = None, **changes: Unpack[Options]) -> Account:
    """Changes options. Blocks assigned before keep their numbers, whatever the range is now."""
    given: dict[str, Any] = {**changes}
    values = checks.cleaned(CHECKS, given)
    account = records.locked(Account, account_id, version)
    start, size = (values.get(name, getattr(account, name)) for name in ("block_start", "block_size"))
    if (start is None) != (size is None):
        raise refuse("block_size" if size is None else "block_start", "Give start and size of number blocks together.")
    for name in ("verification_user_id", "circuit_user_id"):
        user_id = values.get(name)
        if user_id is not None and not Endpoint.objects.filter(account=account, pk=user_id, kind="sip_user").exists():
            raise refuse(name, "Choose a SIP user of this account.")
    if values.get("unique_references") and not account.unique_references:
        _check_references(account)
    return records.change(account, values)


def _check_references(account: Account) -> None:
    given = Customer.objects.filter(account=account).exclude(reference="")
    twice = given.values("reference").annotate(times=Count("id")).filter(times__gt=1).order_by("reference")
    found = list(twice.values_list("reference", flat=True)[:MOST_NAMED])
    if found:
        raise refuse("unique_references", f"Several customers have the same reference: {', '.join(found)}.")
