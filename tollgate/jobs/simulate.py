"""`tollgate simulate`: the real decision on a call, dry: nothing is held, nothing is written.

The running charging service is asked, so that the answer comes from what it knows at this moment.
"""

from __future__ import annotations

import secrets
from argparse import Namespace
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tollgate.jobs.charging_link import post
from tollgate.jobs.console import CommandFailed, Commands, add_command, say
from tollgate.jobs.records import instant, records

if TYPE_CHECKING:
    from tollgate.store.models import Customer, Endpoint


def register(commands: Commands) -> None:
    """Adds the command."""
    words = "the decision on a call: gates, routes or refusal; nothing is written"
    parser = add_command(commands, "simulate", run=run, words=words, machine=True)
    parser.add_argument("--customer", required=True, help="name or number of the customer")
    parser.add_argument("--to", required=True, help="the number called, as dialed")
    parser.add_argument("--from", dest="cli", default="", metavar="CLI", help="the caller's number")
    parser.add_argument("--ip", help="where the call comes from (default: the customer's first endpoint)")
    parser.add_argument("--at", metavar="ISO", help="when the call starts (default: now)")


def run(arguments: Namespace) -> int:
    """Asks, prints; exit 0 whether the call would be carried or refused."""
    with records():
        customer = find_customer(arguments.customer)
        endpoint = first_endpoint(customer)
        edge = edge_name(customer)
    from_elsewhere = arguments.ip is not None
    answer = post(
        "/v1/simulate",
        {
            "edge": edge,
            "call_id": f"simulate-{secrets.token_hex(8)}",
            "customer": customer.pk if endpoint is None and not from_elsewhere else None,
            "source": {"ip": arguments.ip or source_of(endpoint)},
            "user": endpoint.username if endpoint is not None and not from_elsewhere else None,
            "cli": arguments.cli,
            "cld": arguments.to,
            "at": instant(arguments.at).isoformat(),
        },
    )
    if answer["customer"] not in (None, customer.pk):
        way = arguments.ip or source_of(endpoint)
        raise CommandFailed(f"a call from {way} is {_name_of(answer['customer'])}'s, not {customer.name}'s")
    say(arguments, "\n".join(_words(answer)), **answer)
    return 0


def _name_of(customer_id: int) -> str:
    """Who a customer is."""
    from tollgate.store.models import Customer

    with records():
        return Customer.objects.get(pk=customer_id).name


def find_customer(text: str) -> Customer:
    """A customer by name or number."""
    from django.db.models import Q

    from tollgate.store.models import Customer

    living = Customer.objects.filter(deleted_at=None)
    found = list(living.filter(Q(name__iexact=text) | Q(number=text)))
    if len(found) != 1:
        names = ", ".join(living.order_by("name").values_list("name", flat=True)[:20])
        raise CommandFailed(f"{'no customer' if not found else 'several customers'} named {text}; there are: {names}")
    return found[0]


def first_endpoint(customer: Customer) -> Endpoint | None:
    """How the customer most likely calls: the first address that it may call from, else its first SIP user."""
    enabled = customer.endpoints.filter(enabled=True).order_by("pk")
    return enabled.filter(kind="ip", sends_calls=True).first() or enabled.filter(kind="sip_user").first()


def edge_name(customer: Customer) -> str:
    """An edge of the customer's account."""
    from tollgate.store.models import Edge

    edge = Edge.objects.filter(account_id=customer.account_id, enabled=True).order_by("pk").first()
    if edge is None:
        raise CommandFailed("the account has no edge yet: make one in the panel (System > Edges)")
    return edge.name


def source_of(endpoint: Endpoint | None) -> str:
    """An address of the endpoint; a documentation address when it has none."""
    return "192.0.2.1" if endpoint is None or endpoint.network is None else str(endpoint.network[0])


def _words(answer: Mapping[str, Any]) -> Iterator[str]:
    if answer["allow"]:
        yield f"The call would be carried, {answer.get('max_s')} s granted at first"
    else:
        sip = f"SIP {answer['sip']} {answer['reason']}, Q.850 {answer['q850']}"
        yield f"The call would be refused: {answer['refusal']}, {sip}"
    from tollgate.store.queries.explain import shown

    for gate in answer.get("gates", []):
        values = ", ".join(f"{name} {value}" for name, value in shown(gate["values"]))
        yield f"  {'passed ' if gate['ok'] else 'REFUSED'} {gate['gate']:<18} {gate['scope']:<9} {values}"
    for number, route in enumerate(answer.get("routes", []), start=1):
        who = " by ".join(filter(None, (route["carrier"], route["gateway"]))) or "the phone where it has registered"
        yield f"  route {number}: {who}, sends {route['cld']}"
    for dropped in answer.get("dropped", []):
        yield f"  left out: {dropped['carrier']} {dropped['gateway']} ({dropped['why']})"
