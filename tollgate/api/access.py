"""Who asks: the bearer token of a user, looked at anew in every request; cookies count for nothing here. What tokens of
contacts open is in portal.py.

Every address is a view behind `door`, which names the method, lets a token in and answers what is raised. A token
narrows what its user's groups give at this moment; it never adds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Concatenate, Final, ParamSpec

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from tollgate.actions.acts import EVERY_ACT, Actor
from tollgate.actions.tokens import READ, hashed
from tollgate.actions.user_factors import lacks_factor
from tollgate.api.answers import Answer, Refused, error, unfit
from tollgate.api.pace import check_pace
from tollgate.core.areas import EVERY_AREA, OWN_ACTS, OWN_AREA, may_read
from tollgate.store.lake_damage import DayUnreadable
from tollgate.store.models import Account, ApiToken
from tollgate.store.queries.customers import below
from tollgate.ui.requests import client_ip

P = ParamSpec("P")
Opened = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
USED_EVERY: Final = timedelta(minutes=1)
AGENT_MOST: Final = 300
REASON_MOST: Final = 500
NOT_FROM_HERE: Final = "Requests may not come from this address."
UNREADABLE: Final = "The calls of some days cannot be read."


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose token it is, as acts know them, and the account they work in."""

    user_id: int
    actor: Actor
    account: Account

    def check_reads(self, area: str) -> None:
        """Raises Refused unless the token opens the area."""
        if not self.reads(area):
            raise Refused(403, "You may not read this.", f"It needs the area {area} in your groups and the scopes.")

    def reads(self, area: str) -> bool:
        """Whether the token opens the area; a reseller's user reads shared ones alone."""
        return may_read(area, self.actor.areas, reseller=self.actor.reach is not None)


def door(method: str) -> Callable[[Callable[Concatenate[HttpRequest, Caller, P], Answer]], Opened[P]]:
    """Makes a view of the API: this method alone, with a token that holds now."""

    def decorate(view: Callable[Concatenate[HttpRequest, Caller, P], Answer]) -> Opened[P]:
        def opened(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            try:
                check_method(request, method)
                caller = _enter(request, datetime.now(UTC))
                check_once(request)
                return view(request, caller, *args, **kwargs).response()
            except Refused as refused:
                return refused.answer.response()
            except DayUnreadable as problem:
                return Refused(503, UNREADABLE, str(problem)).answer.response()

        return csrf_exempt(functools.update_wrapper(opened, view))

    return decorate


def check_method(request: HttpRequest, method: str) -> None:
    """Raises Refused for any other method; who may GET may ask for the HEAD."""
    if request.method != method and (method, request.method) != ("GET", "HEAD"):
        raise Refused(405, "This address knows another method.", f"Use {method}.", headers={"Allow": method})


def check_once(request: HttpRequest) -> None:
    """Raises Refused where the address says something twice: nobody could know which of them counts."""
    twice = [name for name, values in request.GET.lists() if len(values) > 1]
    if twice:
        raise unfit(*(error(name, "Give it once.") for name in twice))


def _enter(request: HttpRequest, at: datetime) -> Caller:
    token = token_of(request, at)
    user, ip = token.user, client_ip(request)
    if user is None:
        raise Refused(403, "This is a contact's token.", "It opens what stands below /api/v1/portal/.")
    if user.allowed_networks and not any(ip_address(ip) in network for network in user.allowed_networks):
        raise Refused(403, NOT_FROM_HERE)
    if lacks_factor(user, at):
        raise Refused(403, "This user needs a second factor first.", "It is set up in the panel.")
    given = user.rights()
    if given is None:
        raise Refused(403, "This user is in no group.")
    account = Account.objects.order_by("id").first()
    if account is None:
        raise Refused(403, "There is no account yet.")
    scopes = frozenset(token.scopes)
    actor = Actor(
        name=user.email,
        may=_narrowed_acts(given[0] | OWN_ACTS, scopes),
        reason=_reason(request),
        kind="user",
        id=user.pk,
        ip=ip,
        areas=_narrowed_areas(given[1] | {OWN_AREA}, scopes),
        reseller_id=user.reseller_id,
        reach=frozenset(below(user.reseller_id)) if user.reseller_id is not None else None,
    )
    return Caller(user.pk, actor, account)


def token_of(request: HttpRequest, at: datetime) -> ApiToken:
    """The token that the request bears, of a user or of a contact, noted as used. Raises Refused for none that holds,
    for one that is not used from there, and for one that asks too much.
    """
    token = _held(request, at)
    ip = client_ip(request)
    if token.allowed_networks and not any(ip_address(ip) in network for network in token.allowed_networks):
        raise Refused(403, NOT_FROM_HERE)
    check_pace(token.pk)
    if token.last_used_at is None or token.last_used_at <= at - USED_EVERY:
        agent = request.headers.get("User-Agent", "").replace("\0", "")[:AGENT_MOST]
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=at, last_used_ip=ip, last_used_agent=agent)
    return token


def _held(request: HttpRequest, at: datetime) -> ApiToken:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    token = None
    if scheme.lower() == "bearer":
        found = ApiToken.objects.select_related("user").filter(secret_hash=hashed(secret.strip()))
        token = found.filter(revoked_at=None).first()
    ended = token is not None and token.expires_at is not None and token.expires_at <= at
    left = token is not None and token.user is not None and not token.user.is_active
    if token is None or ended or left:
        raise Refused(
            401,
            "Give a token that holds.",
            "Send Authorization: Bearer and a token that is neither revoked nor expired.",
            headers={"WWW-Authenticate": 'Bearer realm="tollgate"'},
        )
    return token


def _narrowed_acts(acts: frozenset[str], scopes: frozenset[str]) -> frozenset[str]:
    if EVERY_ACT in scopes:
        return acts
    named = frozenset(scope for scope in scopes if not scope.startswith(READ))
    return named if EVERY_ACT in acts else named & acts


def _narrowed_areas(areas: frozenset[str], scopes: frozenset[str]) -> frozenset[str]:
    named = frozenset(scope.removeprefix(READ) for scope in scopes if scope.startswith(READ))
    if EVERY_ACT in scopes or EVERY_AREA in named:
        return areas
    return named if EVERY_AREA in areas else named & areas


def _reason(request: HttpRequest) -> str:
    reason = request.GET.get("reason", "").strip()
    if len(reason) > REASON_MOST or not reason.isprintable():
        raise Refused(422, "The reason is too long, or holds control characters.")
    return reason
