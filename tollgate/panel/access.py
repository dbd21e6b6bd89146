"""Who may open a page and who may press its buttons.

A group gives areas (core.areas) to read and acts to do. Every view carries one of three decorators:

    @reading                       who may read the area of the view's module
    @writing("update_customer")    a GET shows the page to every such reader (its form read-only without the act), a
                                   POST needs the act too; `shown_to_all=False` keeps even the GET from others
    @members                       any member of a group; the view itself shows each only what they may read

A reseller's user reaches only the customers below that reseller: pages read through `own_customers`, `own_rows` and
`own_cards`, and the acts refuse the rest (actions.records).

Nobody is sent to the login; a user without the right gets 403. Views and templates ask `may(request, "top_up")` and
`{% if may.top_up %}` before they show a button. To protect something new, name the act that it calls.
"""

from collections.abc import Callable
from functools import update_wrapper
from typing import Concatenate, ParamSpec, TypeVar

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tollgate.actions.acts import Actor
from tollgate.actions.cards import seen_by
from tollgate.core.areas import AREAS, area_of_page, may_read
from tollgate.panel.own_views import OwnViews
from tollgate.store.models import Account, Card, Customer, User
from tollgate.store.models.users import EVERY_ACT
from tollgate.store.queries.customers import below
from tollgate.ui.requests import client_ip as client_ip  # noqa: PLC0414 - pages take it from here

P = ParamSpec("P")
Row = TypeVar("Row", bound=Model)
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


class Rights:
    """What one user may do and read: `rights.has("top_up")`, in templates `may.top_up`; `rights.reads("calls")`."""

    def __init__(self, acts: frozenset[str], areas: frozenset[str], *, reseller: bool = False) -> None:
        self.acts = acts
        self.areas = areas
        self.reseller = reseller

    def has(self, act: str) -> bool:
        """Whether the act is allowed."""
        return EVERY_ACT in self.acts or act in self.acts

    def reads(self, area: str) -> bool:
        """Whether the pages of an area (core.areas) open."""
        return may_read(area, self.areas, reseller=self.reseller)

    def __getitem__(self, act: str) -> bool:
        return self.has(act)


NO_RIGHTS = Rights(frozenset(), frozenset())


def reading(view: View[P]) -> View[P]:
    """Lets in who may read the area of the view's module."""
    area = area_of_page(view.__module__)

    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        _enter(request, area)
        return view(request, *args, **kwargs)

    return login_required(update_wrapper(guarded, view))


def writing(act: str, *, shown_to_all: bool = True) -> Callable[[View[P]], View[P]]:
    """Lets readers of the area look, and those of them press who may do the act."""

    def decorate(view: View[P]) -> View[P]:
        area = area_of_page(view.__module__)

        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            _enter(request, area)
            looking = shown_to_all and request.method in ("GET", "HEAD")
            if not rights(request).has(act) and not looking:
                raise PermissionDenied(f"This needs the permission “{act}”.")
            return view(request, *args, **kwargs)

        shown = update_wrapper(guarded, view)
        shown.act = act  # type: ignore[attr-defined]  # save_modes.py asks the page what its form does
        return login_required(shown)

    return decorate


def members(view: View[P]) -> View[P]:
    """Lets the members of any group in: for pages that show each what they may read."""

    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        rights(request)
        return view(request, *args, **kwargs)

    return login_required(update_wrapper(guarded, view))


def _enter(request: HttpRequest, area: str) -> None:
    if not rights(request).reads(area):
        title = AREAS[area].title if area in AREAS else "this page"
        raise PermissionDenied(f"None of your groups may read {title}.")
    user = current_user(request)
    smart = lambda: own_account(request).smart_lists  # noqa: E731
    request.grid_memory = OwnViews(user.pk, user.reseller_id, smart)  # type: ignore[attr-defined]  # ui.grid asks for it


def current_user(request: HttpRequest) -> User:
    """Who is logged in; only for views behind a decorator of this file."""
    assert isinstance(request.user, User)
    return request.user


def rights(request: HttpRequest) -> Rights:
    """The user's rights, read once per request. Raises PermissionDenied for a user without a group."""
    known = getattr(request, "rights", None)
    if isinstance(known, Rights):
        return known
    user = current_user(request)
    given = user.rights()
    if given is None:
        raise PermissionDenied("This user is in no group yet. Ask an administrator to add you to one.")
    found = Rights(*given, reseller=user.reseller_id is not None)
    request.rights = found  # type: ignore[attr-defined]  # kept for the rest of the request
    return found


def may(request: HttpRequest, act: str) -> bool:
    """Whether the user may do the act."""
    return rights(request).has(act)


def may_test(request: HttpRequest) -> bool:
    """Whether the user may place a circuit test and read what became of it."""
    return may(request, "start_circuit_test") and rights(request).reads("circuits")


def actor(request: HttpRequest, reason: str = "") -> Actor:
    """The user as the acts know one."""
    user = current_user(request)
    return Actor(
        name=user.email,
        may=rights(request).acts,
        reason=reason,
        kind="user",
        id=user.pk,
        ip=client_ip(request),
        areas=rights(request).areas,
        reseller_id=user.reseller_id,
        reach=reach(request),
    )


def own_customers(request: HttpRequest) -> QuerySet[Customer]:
    """Whom this user may see, the deleted included: all customers of the account, or those below the reseller."""
    customers = Customer.objects.filter(account=own_account(request))
    ids = reach(request)
    return customers if ids is None else customers.filter(pk__in=ids)


def own_rows(request: HttpRequest, rows: QuerySet[Row], customer: str = "customer") -> QuerySet[Row]:
    """Those of the rows that belong to customers this user may see; `customer` leads from a row to its customer."""
    ids = reach(request)
    return rows if ids is None else rows.filter(**{f"{customer}__in": ids})


def served_rows(request: HttpRequest, rows: QuerySet[Row], *, deleted: bool = False) -> QuerySet[Row]:
    """Those of the rows whose customer this user may see and is in service, or `deleted` too; and to a user of the
    account those of no customer.

    All others are left out, for they are few: a long list is not compared with every customer.
    """
    account = own_account(request)
    others = Q(account__lt=account.pk) | Q(account__gt=account.pk)  # by the index
    if not deleted:
        others |= Q(deleted_at__isnull=False)
    return own_rows(request, rows.filter(~Exists(Customer.objects.filter(others, pk=OuterRef("customer")))))


def by_customer(request: HttpRequest) -> dict[str, Q]:
    """What a `QuerysetSource` is told as `walked`: its rows stand in the order of the customers' names by an index."""
    return {"customer__name": Q(customer__account=own_account(request))}


def own_cards(request: HttpRequest) -> QuerySet[Card]:
    """The cards this user may see: all of the account; or the reseller's own, those it is given to buy by, and those
    that customers below it pay by."""
    return Card.objects.filter(seen_by(actor(request)), account=own_account(request))


def is_own_card(request: HttpRequest, card: Card) -> bool:
    """Whether the card is this user's to change, by whose it is."""
    ids = reach(request)
    return ids is None or card.reseller_id in (current_user(request).reseller_id or 0, *ids)


def reach(request: HttpRequest) -> frozenset[int] | None:
    """The ids of the customers below the user's reseller, read once per request; None for a user of the account."""
    reseller_id = current_user(request).reseller_id
    if reseller_id is None:
        return None
    known = getattr(request, "reach", None)
    if not isinstance(known, frozenset):
        known = frozenset(below(reseller_id))
        request.reach = known  # type: ignore[attr-defined]  # kept for the rest of the request
    return known


def own_account(request: HttpRequest) -> Account:
    """The operator's company, read once per request. An installation serves one; the first made is the one shown."""
    known = getattr(request, "own_account", None)
    if isinstance(known, Account):
        return known
    account = Account.objects.order_by("id").first()
    if account is None:
        raise PermissionDenied("There is no account yet: run `tollgate demo` or make one first.")
    request.own_account = account  # type: ignore[attr-defined]  # kept for the rest of the request
    return account
