"""Active customers that lack something they need to call: an endpoint, a route, or a verification asked of them.

    Unready()       # of one page: whoever asks it again is answered by what it has found

Nothing says so in their records: it is what their endpoints, routes, tags and contacts lack. All of them are found at
once from the indexes of those that lack nothing, which reads these whole; the first of very many after a part.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.db.models import BooleanField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from tollgate.store.models import Contact, Customer, Endpoint, IngressRoute
from tollgate.store.queries import finding

MANY: Final = 1_000
"""Of more than these a page is looked for in its order, and they are counted no further."""
REASONS: Final = 3
AHEAD: Final = 64
"""So many times the rows of a page are looked through for it in its order, at most."""
AT_ONCE: Final = 16
"""So many times of them are asked for in one query."""
ROUTED_TAGS: Final = "ARRAY(SELECT tag_id FROM ingress_route WHERE tag_id IS NOT NULL AND enabled)"
_UNREADY: Final = f"""
  SELECT id FROM (
    SELECT customer.id, sending.customer_id AS sending, routed.customer_id AS routed FROM customer
    LEFT JOIN endpoint AS sending ON sending.customer_id = customer.id AND sending.enabled AND sending.sends_calls
    LEFT JOIN ingress_route AS routed ON routed.customer_id = customer.id AND routed.enabled
    WHERE customer.status = 'active' AND customer.deleted_at IS NULL
      AND (sending.customer_id IS NULL OR routed.customer_id IS NULL)
    OFFSET 0
  ) AS lacking
  WHERE sending IS NULL OR NOT COALESCE(
    (SELECT true FROM customer_tag WHERE customer_id = lacking.id AND tag_id = ANY ({ROUTED_TAGS}) LIMIT 1), false)
UNION ALL
  SELECT id FROM customer WHERE status = 'active' AND deleted_at IS NULL AND email_verification
    AND NOT EXISTS (SELECT FROM contact WHERE customer_id = customer.id AND email_verified_at IS NOT NULL)
UNION ALL
  SELECT id FROM customer WHERE status = 'active' AND deleted_at IS NULL AND mobile_verification
    AND NOT EXISTS (SELECT FROM contact WHERE customer_id = customer.id AND mobile_verified_at IS NOT NULL)
"""  # noqa: S608 - fixed text


@dataclass(slots=True)
class Unready:
    """What one page has found of them."""

    first: frozenset[int] | None = None
    found: Q | None = None

    @property
    def many(self) -> bool:
        """Whether they are more than are counted."""
        if self.first is None:
            self.first = _ids(MANY)
        return len(self.first) > MANY

    def meaning(self) -> Q:
        """All of them at once; when they are very many, one by one."""
        if self.found is None:
            ids = _ids(finding.FEW) if self.first is None or self.many else self.first
            self.found = finding.among("pk", ids) if len(ids) <= finding.FEW else one_by_one()
        return self.found


def nearest(customers: QuerySet[Customer], places: Callable[[int], Sequence[int]], limit: int) -> Sequence[int] | None:
    """The ids of the first of them among those customers, in an order that `places` gives so many of; None where the
    next customers in that order are too few of them.
    """
    looked, found = places(limit * AHEAD), list[int]()
    for begin in range(0, len(looked), limit * AT_ONCE):
        part = looked[begin : begin + limit * AT_ONCE]
        near = customers.filter(finding.among("pk", part)).filter(one_by_one())
        lacking = set(near.order_by().values_list("pk", flat=True))
        found += [pk for pk in part if pk in lacking]
        if len(found) >= limit:
            return found[:limit]
    return found if len(looked) < limit * AHEAD else None


def one_by_one() -> Q:
    """The same asked of each customer, so that a page asks for few."""
    contacts = Contact.objects.filter(customer=OuterRef("pk"))
    lacking = ~_one_of(_enabled(Endpoint).filter(sends_calls=True)) | ~(
        _one_of(_enabled(IngressRoute)) | _one_of(tagged())
    )
    lacking |= Q(email_verification=True) & ~_one_of(contacts.exclude(email_verified_at=None))
    lacking |= Q(mobile_verification=True) & ~_one_of(contacts.exclude(mobile_verified_at=None))
    return Q(lacking, status="active", deleted_at=None)


def tagged() -> QuerySet[Any]:
    """The tags of the customer of the outer query that have an enabled route.

    By an array, because the planner takes a tag's routes to be many and would read all tags to find the first.
    """
    routed: RawSQL = RawSQL(f"tag_id = ANY ({ROUTED_TAGS})", (), output_field=BooleanField())  # noqa: S611 - fixed text
    return Customer.tags.through.objects.filter(routed, customer=OuterRef("pk"))


def _ids(most: int) -> frozenset[int]:
    """Theirs, or more than so many of them."""
    known = _reasons(most + 1)
    ids = frozenset(known)
    return ids if len(known) <= most or len(ids) > most else frozenset(_reasons(REASONS * most + 1))


def _reasons(most: int) -> list[int]:
    """Who lacks something, once for each reason: an endpoint or a route, a verified email, a verified mobile number."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM ({_UNREADY}) AS unready LIMIT {most}")  # noqa: S608 - fixed text
        return [row[0] for row in cursor.fetchall()]


def _one_of(found: QuerySet[Any]) -> Q:
    """Whether there is one, asked row by row."""
    one = Subquery(found.values(one=Value(True))[:1])
    return Q(Coalesce(one, Value(False), output_field=BooleanField()))


def _enabled(model: type[Endpoint] | type[IngressRoute]) -> QuerySet[Any]:
    """Enabled endpoints or routes of the customer of the outer query."""
    return model.objects.filter(customer=OuterRef("pk"), enabled=True)
