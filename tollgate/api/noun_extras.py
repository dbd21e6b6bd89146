"""Fields of the API beside the columns, and what a reseller's users are told in their place.

To tell something else of a noun, add a function that gives its `Extra`, and name that in `nouns.NOUNS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce

from tollgate.actions import cards
from tollgate.actions.acts import Actor
from tollgate.api.noun_rows import TEXT, WHOLE, Extra
from tollgate.core.packages import SECOND_MICROS
from tollgate.store.models import Card, DidPrice, Wallet
from tollgate.store.queries.packages import recording_held


def purse(column: str) -> Extra:
    """What a customer's wallet has in a column."""
    of_customer = Wallet.objects.filter(kind="customer", account_id=OuterRef("account_id"), owner_id=OuterRef("pk"))
    return Extra(Subquery(of_customer.values(column)), WHOLE)


def seconds(column: str) -> Extra:
    """What a bundle's wallet has in a column, in seconds."""
    of_bundle = Wallet.objects.filter(kind="bundle", account_id=OuterRef("account_id"), owner_id=OuterRef("pk"))
    return Extra(Subquery(of_bundle.values(seconds=F(column) / SECOND_MICROS)), WHOLE)


def recorded_by_package() -> Extra:
    """Whether a package has a customer's calls recorded today."""
    return Extra(Exists(recording_held()), {"type": "boolean"})


def ids(rows: Any, column: str) -> Extra:
    """The ids that rows have in a column, as a list."""
    return Extra(ArraySubquery(rows.order_by(column).values(column)), {"type": "array", "items": WHOLE})


def own_seller(actor: Actor) -> Mapping[str, Extra]:
    """Whose a card is, of the actor's own alone: a reseller below another is not told whose it buys by."""
    own = Case(When(cards.own_of(actor), then=F("reseller_id")), default=None, output_field=models.BigIntegerField())
    return {"reseller_id": Extra(own, {"type": ["integer", "null"]})}


def own_house(actor: Actor) -> Mapping[str, Extra]:
    """Which user a view is of: nobody reads those of another house."""
    del actor
    return {"user_id": Extra(F("user_id"), WHOLE)}


def own_notes(actor: Actor) -> Mapping[str, Extra]:
    """The notes of revisions, of the actor's own cards alone."""
    own = Q(card__in=Card.objects.filter(cards.own_of(actor)))
    return {"note": Extra(Case(When(own, then=F("note")), default=Value(""), output_field=models.TextField()), TEXT)}


class _ByReseller(models.Aggregate):
    """An object with the card of each reseller."""

    function = "jsonb_object_agg"
    output_field = models.JSONField()


def prices(of: Q) -> Extra:
    """The cards of resellers, as acts take them."""
    known = DidPrice.objects.filter(of, did_id=OuterRef("pk")).order_by().values("did_id")
    found = Subquery(known.annotate(cards=_ByReseller("reseller_id", "card_id")).values("cards"))
    told = Coalesce(found, Value({}, models.JSONField()), output_field=models.JSONField())
    return Extra(told, {"type": "object", "additionalProperties": WHOLE})


def own_prices(actor: Actor) -> Mapping[str, Extra]:
    """By which cards the actor's own company and resellers below it pay: nobody is told what those above it do."""
    return {"reseller_cards": prices(Q(reseller__in=[actor.reseller_id or 0, *(actor.reach or ())]))}
