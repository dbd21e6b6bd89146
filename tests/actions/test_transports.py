"""Claims about the transports by which calls leave: TLS is warned of where an edge cannot send it."""

from tests.actions.cast import acme
from tests.actions.test_extensions import pbx, room
from tollgate.actions.acts import Done
from tollgate.actions.carriers import create_carrier, create_gateway, update_gateway
from tollgate.actions.conferences import update_conference_room
from tollgate.actions.endpoints import update_endpoint
from tollgate.actions.transports import NO_TLS
from tollgate.store.models import Account, Edge


def test_tls_is_warned_of_where_a_kamailio_edge_would_have_to_send_it(account: Account, done: Done) -> None:
    customer, carrier = acme(account), create_carrier(account_id=account.pk, name="Cirrus", currency="EUR")
    gateway = create_gateway(carrier_id=carrier.pk, name="first", host="192.0.2.5", transport="tls")
    assert NO_TLS not in done.warnings  # nobody has an edge yet
    Edge.objects.create(account=account, name="sw1", kind="plain")
    edge = Edge.objects.create(account=account, name="kam1", kind="kamailio", enabled=False)
    update_gateway(gateway_id=gateway.pk, transport="tls")
    assert NO_TLS not in done.warnings
    edge.enabled = True
    edge.save()
    warned = 0
    for save in (
        lambda: update_gateway(gateway_id=gateway.pk, transport="tls"),
        lambda: create_gateway(carrier_id=carrier.pk, name="second", host="192.0.2.6", transport="tls"),
        lambda: room(customer, 4100, transport="tls"),
        lambda: update_conference_room(conference_room_id=room(customer, 4200).pk, transport="tls"),
        lambda: pbx(customer, "4300-4309", delivery_transport="tls"),
        lambda: update_endpoint(endpoint_id=pbx(customer, "4400-4409").pk, delivery_transport="tls"),
    ):
        save()
        warned += 1
        assert done.warnings.count(NO_TLS) == warned
    update_gateway(gateway_id=gateway.pk, transport="tcp", port=5060)
    assert done.warnings.count(NO_TLS) == warned
