"""What programs of contacts may do below /api/v1/portal: what the portal shows the contact, of its own customer alone.

A token of a contact opens sections (actions.contact_tokens). To show something, add its noun to `NOUNS` with its
section as the area and its question of store.queries.portal; an act goes to `ACTS` with what a page would take.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Concatenate, Final

from django.db import models
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from tollgate.actions.acts import acting, call_act
from tollgate.actions.contact_tokens import TokenVisit, token_visit
from tollgate.api.access import NOT_FROM_HERE, UNREADABLE, Opened, P, check_method, check_once, token_of
from tollgate.api.acts import body_of, refusal_of
from tollgate.api.answers import Answer, Refused, columns, error, unfit
from tollgate.api.archive import own_row, own_rows
from tollgate.api.noun_rows import TEXT, WHOLE, Extra, Noun, all_fields, place
from tollgate.api.portal_paying import sent_to_pay, ways
from tollgate.api.reads import archived_page, page, record
from tollgate.api.repeats import once
from tollgate.api.schema import fit_arguments
from tollgate.store.lake_damage import DayUnreadable
from tollgate.store.models import (
    CDR,
    AutoTopUp,
    Charge,
    CliProof,
    ConferenceRoom,
    Contact,
    Customer,
    CustomerPackage,
    Did,
    Endpoint,
    Invoice,
    Payment,
    VerifiedCli,
)
from tollgate.store.queries.customers import spent_today_micros, wallet_of
from tollgate.store.queries.portal import (
    SHOWN_OF_CDRS,
    SHOWN_OF_DIDS,
    auto_top_ups_of,
    calls_of,
    charges_of,
    clis_of,
    contacts_of,
    dids_of,
    endpoints_of,
    invoices_of,
    packages_of,
    payments_of,
    proofs_of,
    rooms_of,
)
from tollgate.ui.requests import client_ip

FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Before every call: how far back a list goes is said by `since`."""
Question = Callable[[Customer, datetime], QuerySet[Any]]


def _noun(name: str, model: type[models.Model], section: str, shown: tuple[str, ...], **more: Any) -> Noun:
    """A noun that tells these columns only."""
    hidden = frozenset(columns(model)) - set(shown)
    return Noun(**{"name": name, "model": model, "area": section, "without": hidden, "extras": {}, **more})


@dataclass(frozen=True, slots=True)
class Shown:
    """A noun and the question that finds what is the customer's own."""

    noun: Noun
    rows: Question
    calls: bool = False
    """Whether it is of calls, of which the lake has older ones: read by archive.py."""


NOUNS: Final[Mapping[str, Shown]] = {
    shown.noun.name: shown
    for shown in (
        Shown(
            _noun("calls", CDR, "calls", SHOWN_OF_CDRS, moment="started_at", ranged=True, newest_first=True,
                  order=("started_at", "id"), filters=("state", "cli", "cld")),
            lambda customer, at: calls_of(customer, since=FIRST),
            calls=True,
        ),
        Shown(
            _noun("invoices", Invoice, "invoices",
                  ("id", "kind", "number", "currency", "from_on", "until_on", "invoice_on", "due_on", "issued_at",
                   "net_micros", "tax_micros", "total_micros", "reference"),
                  extras={"standing": Extra(F("standing"), TEXT), "left_micros": Extra(F("left_micros"), WHOLE)},
                  moment="issued_at", newest_first=True, filters=("kind", "number", "standing")),
            lambda customer, at: invoices_of(customer, on=at.date()),
        ),
        Shown(
            _noun("payments", Payment, "payments",
                  ("id", "gateway", "kind", "status", "currency", "amount_micros", "public_note", "received_at",
                   "completed_at"),
                  moment="received_at", newest_first=True, filters=("kind", "status")),
            lambda customer, at: payments_of(customer),
        ),
        Shown(
            _noun("auto-top-ups", AutoTopUp, "payments",
                  ("id", "version", "enabled", "threshold_micros", "amount_micros", "daily_cap_micros",
                   "method_label", "note"),
                  filters=("enabled",)),
            lambda customer, at: auto_top_ups_of(customer),
        ),
        Shown(
            _noun("packages", CustomerPackage, "packages",
                  ("id", "did_number", "quantity", "starts_on", "ends_on", "minutes", "next_on"),
                  extras={"package": Extra(F("package__name"), TEXT),
                          "retail_nanos": Extra(F("package__retail_nanos"), WHOLE),
                          "currency": Extra(F("package__currency"), TEXT),
                          "frequency": Extra(F("package__frequency"), TEXT),
                          "feature": Extra(F("package__feature"), TEXT)}),
            lambda customer, at: packages_of(customer),
        ),
        Shown(
            _noun("charges", Charge, "packages",
                  ("id", "kind", "description", "from_on", "until_on", "quantity_milli", "unit_price_nanos",
                   "amount_micros", "currency", "at"),
                  moment="at", newest_first=True, filters=("kind",)),
            lambda customer, at: charges_of(customer),
        ),
        Shown(
            _noun("contacts", Contact, "contacts",
                  ("id", "version", "first_name", "last_name", "email", "phone", "mobile", "kind", "login_enabled",
                   "email_verified_at", "mobile_verified_at", "public_notes"), filters=("email", "kind")),
            lambda customer, at: contacts_of(customer),
        ),
        Shown(
            _noun("endpoints", Endpoint, "endpoints",
                  ("id", "version", "name", "kind", "network", "tech_prefix", "username", "extensions", "channels",
                   "enabled"),
                  filters=("kind", "enabled")),
            lambda customer, at: endpoints_of(customer),
        ),
        Shown(
            _noun("conference-rooms", ConferenceRoom, "endpoints", ("id", "name", "extension", "channels", "enabled"),
                  filters=("extension", "enabled")),
            lambda customer, at: rooms_of(customer),
        ),
        Shown(
            _noun("dids", Did, "dids", SHOWN_OF_DIDS, filters=("number", "enabled")),
            lambda customer, at: dids_of(customer),
        ),
        Shown(
            _noun("verified-clis", VerifiedCli, "clis", ("id", "number", "method", "attestation", "verified_at"),
                  filters=("number",)),
            lambda customer, at: clis_of(customer),
        ),
        Shown(
            _noun("cli-proofs", CliProof, "clis", ("id", "number", "way", "state", "words", "created_at", "expires_at"),
                  filters=("number", "state")),
            lambda customer, at: proofs_of(customer),
        ),
    )
}  # fmt: skip
_PERSON: Final = frozenset({"first_name", "last_name", "phone", "mobile", "kind"})
_ADDRESS: Final = frozenset({"network", "name", "tech_prefix"})
_AUTOMATIC: Final = frozenset({"enabled", "threshold_micros", "amount_micros", "daily_cap_micros"})


@dataclass(frozen=True, slots=True)
class Done:
    """An act for programs of contacts: the section that opens it, what may be given, what is given of itself."""

    section: str
    takes: frozenset[str]
    of_customer: bool = False
    """Whether it wants to know the customer: its own is given."""
    also: Mapping[str, object] = field(default_factory=dict)
    of_contact: bool = False
    """Whether it wants to know the contact: the token's is given."""
    whole: bool = False
    """Whether it takes the scope `*`: it opens more than its section, or spends what the contact has stored."""
    then: Callable[[TokenVisit, Answer], Answer] | None = None
    """What is done after it, outside of every transaction: the answer with what came of that."""
    tells: Mapping[str, Any] = field(default_factory=dict)
    """What its result has beside the id of its record, with the JSON Schema of each."""


ACTS: Final[Mapping[str, Done]] = {
    "create_contact": Done("contacts", _PERSON | {"email"}, of_customer=True, also={"invite": True}, whole=True),
    "update_contact": Done("contacts", _PERSON | {"contact_id", "version"}),
    "create_own_ip_endpoint": Done("endpoints", _ADDRESS, of_customer=True),
    "update_own_ip_endpoint": Done("endpoints", _ADDRESS | {"endpoint_id", "version"}),
    "delete_own_endpoint": Done("endpoints", frozenset({"endpoint_id", "version"})),
    "start_cli_proof": Done("clis", frozenset({"number", "way"}), of_customer=True, of_contact=True),
    "type_cli_code": Done("clis", frozenset({"cli_proof_id", "code"})),
    "redeem_voucher": Done("payments", frozenset({"code"}), of_customer=True),
    "start_checkout": Done(
        "payments",
        frozenset({"gateway", "amount_micros", "currency"}),
        of_customer=True,
        then=sent_to_pay,
        tells={"url": TEXT, "currency": TEXT, "amount_micros": WHOLE, "surcharge_micros": WHOLE},
    ),
    "tell_bank_transfer": Done("payments", frozenset({"amount_micros", "payer"}), of_customer=True),
    "cancel_bank_transfer": Done("payments", frozenset({"payment_id"})),
    "update_auto_top_up": Done("payments", _AUTOMATIC | {"auto_top_up_id", "version"}, whole=True),
    "delete_auto_top_up": Done("payments", frozenset({"auto_top_up_id"}), whole=True),
}


def visitors(method: str) -> Callable[[Callable[Concatenate[HttpRequest, TokenVisit, P], Answer]], Opened[P]]:
    """Makes a view for the tokens of contacts."""

    def decorate(view: Callable[Concatenate[HttpRequest, TokenVisit, P], Answer]) -> Opened[P]:
        def opened(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            try:
                check_method(request, method)
                visit = _enter(request, datetime.now(UTC))
                check_once(request)
                return view(request, visit, *args, **kwargs).response()
            except Refused as refused:
                return refused.answer.response()
            except DayUnreadable as problem:
                return Refused(503, UNREADABLE, problem.told).answer.response()

        return csrf_exempt(functools.update_wrapper(opened, view))

    return decorate


@visitors("GET")
def balance(request: HttpRequest, visit: TokenVisit) -> Answer:
    """The wallet of the customer now."""
    del request
    _check_section(visit, "dashboard")
    customer = visit.contact.customer
    wallet = wallet_of(customer)
    told = {name: getattr(wallet, name) for name in ("balance_micros", "held_micros", "limit_micros")}
    spent = spent_today_micros(wallet, datetime.now(UTC).date())
    return Answer(200, {"currency": customer.currency, **told, "spent_today_micros": spent})


@visitors("GET")
def ways_to_pay(request: HttpRequest, visit: TokenVisit) -> Answer:
    """How the customer may pay now."""
    del request
    _check_section(visit, "payments")
    return Answer(200, {"data": ways(visit)})


@visitors("GET")
def list_own(request: HttpRequest, visit: TokenVisit, noun: str) -> Answer:
    """A page of what is the customer's own."""
    shown, found = _own(visit, noun)
    if shown.calls:
        return archived_page(
            request, shown.noun, all_fields(shown.noun), functools.partial(own_rows, visit.contact.customer)
        )
    return page(request, shown.noun, found, all_fields(shown.noun))


@visitors("GET")
def read_own(request: HttpRequest, visit: TokenVisit, noun: str, row_id: int) -> Answer:
    """One record of the customer's own."""
    shown, found = _own(visit, noun)
    archived = functools.partial(own_row, visit.contact.customer, row_id) if shown.calls else None
    return record(request, shown.noun, found.filter(pk=row_id), all_fields(shown.noun), archived=archived)


@visitors("POST")
def do_own(request: HttpRequest, visit: TokenVisit, act: str) -> Answer:
    """Does an act as the contact."""
    done = ACTS.get(act)
    if done is None:
        raise Refused(404, "There is no such act.")
    _check_section(visit, done.section)
    if done.whole and not visit.whole:
        raise Refused(403, "You may not do this.", "It opens more than its section: it needs the scope *.")
    given = body_of(request)
    known = {name: value for name, value in given.items() if name in done.takes}
    own = {"customer_id": visit.contact.customer_id} if done.of_customer else {}
    own |= {"contact_id": visit.contact.pk} if done.of_contact else {}
    values, errors = fit_arguments(act, {**known, **own, **done.also})
    unknown = [error(name, "This is no argument here.", code="unknown") for name in given.keys() - known.keys()]
    if errors or unknown:
        raise unfit(*errors, *unknown)
    key = request.headers.get("Idempotency-Key", "").strip()
    said = act.encode() + b"\n" + request.body
    answer = once(f"contact:{visit.contact.pk}", key, said, lambda: _done(visit, act, values), at=datetime.now(UTC))
    return answer if done.then is None else done.then(visit, answer)


def _done(visit: TokenVisit, act: str, values: dict[str, Any]) -> Answer:
    def run() -> Answer:
        with acting(visit.actor()) as done:
            result = call_act(act, values)
        told: object = result if isinstance(result, bool) else None
        if isinstance(result, models.Model):
            told = {"id": result.pk, "version": getattr(result, "version", None)}
        return Answer(201 if act.startswith("create_") else 200, {"result": told, "warnings": list(done.warnings)})

    return refusal_of(run, told=lambda name: name in {"version", *ACTS[act].takes})


def _enter(request: HttpRequest, at: datetime) -> TokenVisit:
    token = token_of(request, at)
    if token.contact_id is None:
        raise Refused(403, "This is a user's token.", "It opens what stands below /api/v1/ itself.")
    found = token_visit(token, ip=client_ip(request), at=at)
    if found is None:
        raise Refused(403, "The login of this contact is closed, or " + NOT_FROM_HERE[0].lower() + NOT_FROM_HERE[1:])
    return found


def _check_section(visit: TokenVisit, section: str) -> None:
    if section not in visit.sections:
        raise Refused(403, "You may not read this.", f"It needs the section {section} in your portal and the scopes.")


def _own(visit: TokenVisit, name: str) -> tuple[Shown, QuerySet[Any]]:
    shown = NOUNS.get(name)
    if shown is None:
        raise Refused(404, "There is no such noun.")
    _check_section(visit, shown.noun.area)
    found = shown.rows(visit.contact.customer, datetime.now(UTC))
    more = {place(shown.noun, field): extra.expression for field, extra in shown.noun.extras.items()}
    return shown, found.annotate(**more)
