"""Who may open a page and who may press its buttons.

Every view carries one of two decorators:

    @reading                       a member of any group; writing stays with the acts' own permissions
    @writing("update_customer")    a GET shows the page to every reader (its form read-only without the permission),
                                   a POST needs the permission; `shown_to_all=False` keeps even the GET from others

Nobody is sent to the login; a user without the right gets 403. Views and templates ask `may(request, "top_up")` and
`{% if may.top_up %}` before they show a button. To protect something new, name the act that it calls.
"""

from collections.abc import Callable
from functools import update_wrapper
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from tollgate.actions.acts import Actor
from tollgate.store.models import Account, Customer, User
from tollgate.store.models.users import EVERY_ACT
from tollgate.store.queries.customers import below

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


class Rights:
    """The acts of one user, asked by name: `rights.has("top_up")`, in templates `may.top_up`."""

    def __init__(self, acts: frozenset[str]) -> None:
        self.acts = acts

    def has(self, act: str) -> bool:
        """Whether the act is allowed."""
        return EVERY_ACT in self.acts or act in self.acts

    def __getitem__(self, act: str) -> bool:
        return self.has(act)


def reading(view: View[P]) -> View[P]:
    """Lets members of any group in."""

    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        rights(request)
        return view(request, *args, **kwargs)

    return login_required(update_wrapper(guarded, view))


def writing(act: str, *, shown_to_all: bool = True) -> Callable[[View[P]], View[P]]:
    """Lets readers look and only those press who may do the act."""

    def decorate(view: View[P]) -> View[P]:
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            looking = shown_to_all and request.method in ("GET", "HEAD")
            if not rights(request).has(act) and not looking:
                raise PermissionDenied(f"This needs the permission “{act}”.")
            return view(request, *args, **kwargs)

        return login_required(update_wrapper(guarded, view))

    return decorate


def current_user(request: HttpRequest) -> User:
    """Who is logged in; only for views behind a decorator of this file."""
    assert isinstance(request.user, User)
    return request.user


def rights(request: HttpRequest) -> Rights:
    """The user's acts, read once per request. Raises PermissionDenied for a user without a group."""
    known = getattr(request, "rights", None)
    if isinstance(known, Rights):
        return known
    acts = current_user(request).acts()
    if acts is None:
        raise PermissionDenied("This user is in no group yet. Ask an administrator to add you to one.")
    found = Rights(acts)
    request.rights = found  # type: ignore[attr-defined]  # kept for the rest of the request
    return found


def may(request: HttpRequest, act: str) -> bool:
    """Whether the user may do the act."""
    return rights(request).has(act)


def actor(request: HttpRequest, reason: str = "") -> Actor:
    """The user as the acts know one."""
    user = current_user(request)
    return Actor(
        name=user.email, may=rights(request).acts, reason=reason, kind="user", id=user.pk, ip=client_ip(request)
    )


def own_customers(request: HttpRequest) -> QuerySet[Customer]:
    """Whom this user may see, the deleted included: all customers of the account, or those below the reseller."""
    customers = Customer.objects.filter(account=own_account(request))
    reseller_id = current_user(request).reseller_id
    return customers if reseller_id is None else customers.filter(pk__in=below(reseller_id))


def client_ip(request: HttpRequest) -> str:
    """Where the request comes from. Behind a proxy of ours (`TOLLGATE_BEHIND_PROXY`), what that proxy saw."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.BEHIND_PROXY else ""
    told = forwarded.rsplit(",", 1)[-1].strip()
    return told or str(request.META["REMOTE_ADDR"])


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
