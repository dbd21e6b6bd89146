"""What may be read: one line per noun, with its area, its way to the account and to the customer, and its filters.

The fields of a noun are the columns of its model but those in `without`, and what `extras` adds. To serve another noun,
add its line to `NOUNS`: its addresses, its filters and its part of the OpenAPI document follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, F, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import JSONObject

from tollgate.actions import records
from tollgate.api.access import Caller
from tollgate.api.answers import columns
from tollgate.store.models import (
    CDR,
    Call,
    Card,
    Carrier,
    Contact,
    Customer,
    Endpoint,
    Entry,
    Gateway,
    IngressRoute,
    Message,
    NumberBlock,
    RouteOption,
    Tag,
    User,
    Wallet,
)

BOUGHT: Final = "call_details"
"""The area that opens what a call cost us, as in the panel."""
EVERY: Final = Q()
_WHOLE: Final[Mapping[str, Any]] = {"type": "integer"}
_TEXT: Final[Mapping[str, Any]] = {"type": "string"}


@dataclass(frozen=True, slots=True)
class Extra:
    """A field beside the columns: how it is asked for, and its JSON Schema."""

    expression: Any
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun:
    """One kind of record. `account` and `customer` lead from a row to them; without `customer` no reseller reads it."""

    name: str
    model: type[models.Model]
    area: str
    account: str = "account"
    customer: str = ""
    customer_rows: Q = EVERY
    without: frozenset[str] = frozenset()
    bought: frozenset[str] = frozenset()
    extras: Mapping[str, Extra]
    filters: tuple[str, ...] = ()
    listed: Q = EVERY
    """What the list leaves out is still found by its id."""
    moment: str = ""
    """The instant that `since` and `before` compare."""
    order: tuple[str, ...] = ("id",)
    newest_first: bool = False


def _purse(column: str) -> Extra:
    of_customer = Wallet.objects.filter(kind="customer", account_id=OuterRef("account_id"), owner_id=OuterRef("pk"))
    return Extra(Subquery(of_customer.values(column)), _WHOLE)


def _ids(rows: Any, column: str) -> Extra:
    return Extra(ArraySubquery(rows.order_by(column).values(column)), {"type": "array", "items": _WHOLE})


_OPTION: Final = ("card_id", "position", "weight", "excluded")
_OPTIONS: Final = RouteOption.objects.filter(ingress_route_id=OuterRef("pk")).order_by("position", "id")
_BODY: Final = Case(When(secret=False, then=F("text")), default=None)
_OF_CARRIER: Final = frozenset(name for name in columns(CDR) if name.startswith("carrier_"))
NOUNS: Final = (
    Noun(
        name="customers", model=Customer, area="customers", customer="pk", listed=Q(deleted_at=None),
        filters=("name", "number", "status", "parent_id", "currency", "accounting_id", "reference", "is_reseller"),
        extras={
            "balance_micros": _purse("balance_micros"), "held_micros": _purse("held_micros"),
            "tag_ids": _ids(Customer.tags.through.objects.filter(customer_id=OuterRef("pk")), "tag_id"),
        },
    ),
    Noun(
        name="contacts", model=Contact, area="contacts", account="customer__account", customer="customer",
        filters=("customer_id", "email", "kind", "login_enabled"), extras={},
    ),
    Noun(
        name="endpoints", model=Endpoint, area="endpoints", customer="customer",
        filters=("customer_id", "kind", "username", "enabled"), extras={},
    ),
    Noun(
        name="number-blocks", model=NumberBlock, area="number_blocks", customer="customer",
        filters=("customer_id",), extras={},
    ),
    Noun(
        name="ingress-routes", model=IngressRoute, area="routes", account="card__account",
        filters=("customer_id", "tag_id", "card_id", "enabled"),
        extras={
            "currency": Extra(F("card__currency"), _TEXT),
            "route_options": Extra(
                ArraySubquery(_OPTIONS.values(option=JSONObject(**{name: name for name in _OPTION}))),
                {"type": "array", "items": {"type": "object"}},
            ),
        },
    ),
    Noun(name="carriers", model=Carrier, area="carriers", filters=("name", "status", "currency"), extras={}),
    Noun(
        name="gateways", model=Gateway, area="carriers", account="carrier__account",
        filters=("carrier_id", "name", "enabled"), extras={},
    ),
    Noun(name="cards", model=Card, area="cards", filters=("kind", "name", "carrier_id", "currency"), extras={}),
    Noun(
        name="cdrs", model=CDR, area="calls", customer="customer", moment="started_at", order=("started_at", "id"),
        newest_first=True, filters=("customer_id", "endpoint_id", "state", "refusal", "edge_call_id", "cli", "number"),
        bought=_OF_CARRIER | {"gateway_id", "profit_micros", "detail"}, extras={},
    ),
    Noun(
        name="calls", model=Call, area="calls", customer="customer", filters=("customer_id", "state", "edge_call_id"),
        without=frozenset({"plan", "dialog", "route_index"}),
        extras={"held_micros": Extra(RawSQL('"call"."held_micros"[1]', (), models.BigIntegerField()), _WHOLE)},
    ),
    Noun(
        name="entries", model=Entry, area="money", customer="wallet__owner_id",
        customer_rows=Q(wallet__kind="customer"), moment="at", newest_first=True,
        filters=("wallet_id", "wallet_kind", "owner_id", "kind", "book", "call_id", "key"),
        extras={
            "wallet_kind": Extra(F("wallet__kind"), _TEXT),
            "owner_id": Extra(F("wallet__owner_id"), _WHOLE),
        },
    ),
    Noun(name="tags", model=Tag, area="labels", filters=("name",), extras={}),
    Noun(
        name="messages", model=Message, area="messages", moment="created_at", newest_first=True,
        filters=("customer_id", "contact_id", "kind", "template", "state", "recipient"),
        without=frozenset({"text", "html", "dialogue", "attachments"}), extras={"body": Extra(_BODY, _TEXT)},
    ),
    Noun(
        name="users", model=User, area="users", account="", filters=("email", "is_active", "reseller_id"),
        without=frozenset({"session_epoch", "groups_version"}),
        extras={"group_ids": _ids(User.groups.through.objects.filter(user_id=OuterRef("pk")), "usergroup_id")},
    ),
)  # fmt: skip
BY_NAME: Final[Mapping[str, Noun]] = {noun.name: noun for noun in NOUNS}
BY_MODEL: Final[Mapping[type[Any], Noun]] = {noun.model: noun for noun in NOUNS}


def rows(noun: Noun) -> QuerySet[Any]:
    """Every row of a noun with its extras."""
    found: QuerySet[Any] = models.QuerySet(noun.model)
    told: QuerySet[Any] = found.annotate(**{name: extra.expression for name, extra in noun.extras.items()})
    return told


def own_rows(noun: Noun, caller: Caller) -> QuerySet[Any]:
    """The rows that a caller may read. Raises Refused where that is none by right."""
    caller.check_reads(noun.area)
    found = rows(noun)
    if noun.account:
        found = found.filter(**{noun.account: caller.account})
    if caller.actor.reach is not None:
        assert noun.customer, noun.name
        found = found.filter(noun.customer_rows, **{f"{noun.customer}__in": caller.actor.reach})
    return found


def all_fields(noun: Noun) -> list[str]:
    """The fields of a noun."""
    told = [name for name in columns(noun.model) if name not in records.SECRETS and name not in noun.without]
    return [*told, *noun.extras]


def fields_for(noun: Noun, caller: Caller) -> list[str]:
    """Those of the fields that a caller may read."""
    hidden: frozenset[str] = frozenset() if caller.reads(BOUGHT) else noun.bought
    return [name for name in all_fields(noun) if name not in hidden]


def field_schema(noun: Noun, name: str) -> dict[str, Any]:
    """The JSON Schema of a field."""
    if name in noun.extras:
        return dict(noun.extras[name].schema)
    column = next(one for one in noun.model._meta.concrete_fields if one.attname == name)  # noqa: SLF001 - Django's public name
    return _nullable(_column_schema(column), null=column.null)


def _nullable(schema: dict[str, Any], *, null: bool) -> dict[str, Any]:
    return {**schema, "type": [schema["type"], "null"]} if null and "type" in schema else schema


def _column_schema(column: Any) -> dict[str, Any]:
    if isinstance(column, ArrayField):
        return {"type": "array", "items": _column_schema(column.base_field)}
    if isinstance(column, models.ForeignKey):
        return dict(_WHOLE)
    if isinstance(column, models.JSONField):
        return {}
    if isinstance(column, models.BooleanField):
        return {"type": "boolean"}
    if isinstance(column, models.IntegerField):
        return dict(_WHOLE)
    if isinstance(column, models.DateTimeField):
        return {"type": "string", "format": "date-time"}
    return dict(_TEXT)
