"""Claims about extensions: one registry over SIP users, IP endpoints and conference rooms, kept by the database."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from tests.actions.cast import ANN, acme, demo_account
from tests.actions.test_customers import PASSWORD, refused
from tests.actions.test_number_blocks import baltic, block_of, options, sip_user
from tollgate.actions.acts import Done, Invalid, acting
from tollgate.actions.carriers import create_carrier, create_gateway
from tollgate.actions.conferences import create_conference_room, delete_conference_room, update_conference_room
from tollgate.actions.endpoints import (
    create_ip_endpoint,
    create_ip_endpoints,
    create_sip_user,
    delete_endpoint,
    update_endpoint,
)
from tollgate.actions.extensions import DUPLICATE, NO_BLOCKS, SET_ASIDE
from tollgate.actions.number_blocks import delete_number_block
from tollgate.store.models import (
    Account,
    Audit,
    ConferenceRoom,
    Customer,
    Edge,
    Endpoint,
    Extension,
    NumberBlock,
    Wallet,
)
from tollgate.store.queries.number_blocks import free_numbers, numbers, with_use

ADDRESSES: Iterator[int] = count(1)


def pbx(customer: Customer, extensions: str, **fields: Any) -> Endpoint:
    """An address with extensions behind it, none that a test gives to a gateway or a room."""
    network = f"203.0.113.{next(ADDRESSES) % 100 + 100}"
    return create_ip_endpoint(customer_id=customer.pk, network=network, extensions=extensions, **fields)


def room(customer: Customer, extension: int, **fields: Any) -> ConferenceRoom:
    """A room."""
    given = {"name": f"Room {extension}", "host": "203.0.113.60", **fields}
    return create_conference_room(customer_id=customer.pk, extension=extension, **given)


def registry() -> list[tuple[int, int]]:
    return list(Extension.objects.order_by("first").values_list("first", "last"))


def test_an_extension_is_had_once_whatever_has_it(account: Account) -> None:
    ours, theirs = acme(account), baltic(account)
    sip_user(ours, "2000")
    office, meeting = pbx(ours, "2010-2019, 2030"), room(ours, 2040)
    assert registry() == [(2000, 2000), (2010, 2019), (2030, 2030), (2040, 2040)]
    for taken in (2000, 2015, 2030, 2040):
        assert (
            refused(
                "username", create_sip_user, customer_id=theirs.pk, username=str(taken), password=PASSWORD
            ).removesuffix(".")
            == DUPLICATE
        )
        place = {"customer_id": theirs.pk, "extension": taken, "name": "R", "host": "203.0.113.60"}
        assert refused("extension", create_conference_room, **place) == DUPLICATE
        words = refused("extensions", update_endpoint, endpoint_id=pbx(theirs, "").pk, extensions=f"1, {taken}-2050")
        assert words.startswith(f"{DUPLICATE}: ")
    assert refused("extensions", update_endpoint, endpoint_id=office.pk, extensions="2010-2020, 2040") == (
        f"{DUPLICATE}: 2040"
    )
    update_endpoint(endpoint_id=office.pk, extensions="2011-2020")
    update_conference_room(conference_room_id=meeting.pk, extension=2010)
    sip_user(theirs, "2040")
    assert registry() == [(2000, 2000), (2010, 2010), (2011, 2020), (2040, 2040)]
    delete_endpoint(endpoint_id=office.pk)
    delete_conference_room(conference_room_id=meeting.pk)
    assert registry() == [(2000, 2000), (2040, 2040)]
    assert set(Audit.objects.filter(table_name="conference_room").values_list("verb", flat=True)) == {
        "INSERT", "UPDATE", "DELETE",
    }  # fmt: skip


def test_the_database_itself_refuses_an_extension_that_is_had(account: Account) -> None:
    ours = acme(account)
    pbx(ours, "2010-2019")
    fields = {"account_id": account.pk, "customer_id": ours.pk, "name": "R", "host": "203.0.113.60"}
    with pytest.raises(IntegrityError, match="extension_apart"), transaction.atomic():
        ConferenceRoom.objects.create(**fields, extension=2019)
    with pytest.raises(IntegrityError, match="extension_apart"), transaction.atomic():
        Endpoint.objects.filter(pk=pbx(ours, "").pk).update(extensions="2000-2010")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM endpoint WHERE extensions <> ''")
    assert registry() == []


def test_extensions_of_every_kind_come_from_the_blocks(account: Account) -> None:
    ours, theirs = acme(account), baltic(account)
    old = pbx(ours, "7-8")
    options(account, 1000, 10)
    block_of(ours)
    block_of(ours)
    office, meeting = pbx(ours, "1005-1012"), room(ours, 1000)
    outside = {"customer_id": ours.pk, "name": "R", "host": "203.0.113.60", "extension": 1020}
    assert refused("extension", create_conference_room, **outside).startswith("Choose a number of this customer's")
    words = refused("extensions", update_endpoint, endpoint_id=office.pk, extensions="1005-1020")
    assert words == "Choose numbers of this customer's blocks: 1000-1009, 1010-1019."
    assert update_endpoint(endpoint_id=old.pk, extensions="1001, 7", name="old").extensions == "7, 1001"
    assert refused("extensions", update_endpoint, endpoint_id=pbx(theirs, "").pk, extensions="990-1004") == SET_ASIDE
    blocks = list(NumberBlock.objects.order_by("first"))
    assert [block.used_count for block in with_use(NumberBlock.objects.order_by("first"))] == [7, 3]
    assert free_numbers(blocks, 5) == (1002, 1003, 1004, 1013, 1014)
    assert [one.number for one in numbers(blocks[1], around=0) if one.used] == [1010, 1011, 1012]
    assert "1010-1012" in refused("number_block_id", delete_number_block, number_block_id=blocks[1].pk)
    assert "1000, 1001, 1005-1009" in refused("number_block_id", delete_number_block, number_block_id=blocks[0].pk)
    update_endpoint(endpoint_id=office.pk, extensions="")
    delete_number_block(number_block_id=blocks[1].pk)
    update_endpoint(endpoint_id=old.pk, extensions="7")
    assert "1000." in refused("number_block_id", delete_number_block, number_block_id=blocks[0].pk)
    delete_conference_room(conference_room_id=meeting.pk)
    delete_number_block(number_block_id=blocks[0].pk)


def test_calls_to_extensions_need_one_address_to_go_to(account: Account) -> None:
    ours = acme(account)
    wide = create_ip_endpoint(customer_id=ours.pk, network="198.51.100.0/24")
    assert "one address" in refused("delivery_host", update_endpoint, endpoint_id=wide.pk, extensions="2000")
    kept = update_endpoint(
        endpoint_id=wide.pk, extensions=" 2001;2000 ", delivery_host="pbx.acme.example", delivery_transport="tls",
        delivery_port=None,
    )  # fmt: skip
    assert (kept.extensions, kept.delivery_host, kept.delivery_port) == ("2000-2001", "pbx.acme.example", 5061)
    assert "one address" in refused("delivery_host", update_endpoint, endpoint_id=wide.pk, delivery_host="")
    many = {"customer_id": ours.pk, "networks": ["192.0.2.1", "192.0.2.2"], "extensions": "3000"}
    assert "by itself" in refused("extensions", create_ip_endpoints, **many)
    assert "is no number" in refused("extensions", update_endpoint, endpoint_id=wide.pk, extensions="desk")
    user = sip_user(ours, "desk")
    assert "does not exist" in refused("extensions", update_endpoint, endpoint_id=user.pk, extensions="2005")


def test_no_call_to_an_extension_goes_to_a_gateway_an_edge_or_the_machine_itself(account: Account) -> None:
    ours = acme(account)
    carrier = create_carrier(account_id=account.pk, name="Cirrus", currency="EUR")
    create_gateway(carrier_id=carrier.pk, name="A", host="203.0.113.5", enabled=False)
    Edge.objects.create(account=account, name="kam1", kind="kamailio", rpc_url="http://edge.demo.example:5060/RPC")
    office, meeting = pbx(ours, "2000"), room(ours, 5000)
    for bad in ("127.0.0.1", "::ffff:203.0.113.5", "203.0.113.5", "Edge.demo.example", "localhost", "169.254.1.1"):
        refused("delivery_host", update_endpoint, endpoint_id=office.pk, delivery_host=bad)
        refused("host", update_conference_room, conference_room_id=meeting.pk, host=bad)
    refused("network", update_endpoint, endpoint_id=office.pk, network="203.0.113.5")
    refused("network", create_ip_endpoint, customer_id=ours.pk, network="127.0.0.1", extensions="2001")
    refused("host", create_conference_room, customer_id=ours.pk, name="R", extension=5001, host="203.0.113.5")
    plain = create_ip_endpoint(customer_id=ours.pk, network="203.0.113.5")
    refused("network", update_endpoint, endpoint_id=plain.pk, extensions="2001")
    create_gateway(carrier_id=carrier.pk, name="B", host="203.0.113.60")
    assert update_conference_room(conference_room_id=meeting.pk, host="203.0.113.60", name="R").name == "R"


def test_a_resellers_user_neither_says_where_calls_go_nor_opens_extensions_to_others(account: Account) -> None:
    ours = acme(account)
    options(account, 2000, 100)
    block_of(ours)
    office, meeting, empty, phone = pbx(ours, "2000"), room(ours, 2050), pbx(ours, ""), sip_user(ours, "2060")
    new = {"customer_id": ours.pk, "network": "192.0.2.7"}
    with acting(replace(ANN, reach=frozenset({ours.pk}))):
        refused("extensions", create_ip_endpoint, **new, extensions="2001", sends_calls=False)
        refused("extensions", update_endpoint, endpoint_id=empty.pk, extensions="2001")
        for field, value in (("delivery_host", "203.0.113.9"), ("delivery_port", 5080), ("delivery_transport", "tcp")):
            refused(field, create_ip_endpoint, **new, **{field: value})
            refused(field, update_endpoint, endpoint_id=office.pk, **{field: value})
        refused("network", update_endpoint, endpoint_id=office.pk, network="192.0.2.7")
        refused("host", create_conference_room, customer_id=ours.pk, name="R", extension=2001, host="203.0.113.60")
        for field, given in (("host", "203.0.113.9"), ("port", 5080), ("transport", "tcp"), ("shared", True)):
            refused(field, update_conference_room, conference_room_id=meeting.pk, **{field: given})
        for one in (office, phone):
            refused("shared", update_endpoint, endpoint_id=one.pk, shared=True)
        refused("shared", create_ip_endpoint, **new, shared=True)
        refused("shared", create_sip_user, customer_id=ours.pk, username="2070", password=PASSWORD, shared=True)
        same = {"delivery_host": "", "delivery_port": None, "delivery_transport": "udp", "network": office.network}
        assert update_endpoint(endpoint_id=office.pk, extensions="2000-2009", shared=False, **same).version == 2
        there = {"host": meeting.host, "port": None, "transport": "udp"}
        assert update_conference_room(conference_room_id=meeting.pk, extension=2051, **there).extension == 2051
        assert create_ip_endpoint(**new, delivery_port=None, extensions="").delivery_port == 5060


def test_nobody_catches_calls_for_help_and_a_reseller_s_user_none_beside_the_blocks(
    account: Account, done: Done
) -> None:
    ours = acme(account)
    old = sip_user(ours, "7")
    for number in ("112", "911", "100-199"):
        assert "emergency" in refused("extensions", update_endpoint, endpoint_id=pbx(ours, "").pk, extensions=number)
    assert "emergency" in refused("username", create_sip_user, customer_id=ours.pk, username="112", password=PASSWORD)
    office = pbx(ours, "447700900000")
    assert any("public network" in words for words in done.warnings)
    with acting(replace(ANN, reach=frozenset({ours.pk}))):
        for name in ("8", "0044770", "447700900001"):
            words = refused("username", create_sip_user, customer_id=ours.pk, username=name, password=PASSWORD)
            assert words == NO_BLOCKS, name
        assert refused("extensions", update_endpoint, endpoint_id=office.pk, extensions="447700900000, 5") == NO_BLOCKS
        assert update_endpoint(endpoint_id=office.pk, extensions="447700900000", name="Office").name == "Office"
        assert update_endpoint(endpoint_id=old.pk, name="Seven").name == "Seven"
        assert sip_user(ours, "desk").username == "desk"


def test_a_room_has_a_meter_of_its_own_and_goes_only_when_it_is_empty(account: Account) -> None:
    ours = acme(account)
    meeting = room(ours, 5000, channels=3, transport="tls")
    meter = Wallet.objects.get(kind="conference_room", owner_id=meeting.pk)
    assert (meeting.port, meter.channels_max, meter.currency, meter.depth) == (5061, 3, None, 97)
    update_conference_room(conference_room_id=meeting.pk, channels=5, port=None, transport="udp")
    meter.refresh_from_db()
    assert meter.channels_max == 5
    assert ConferenceRoom.objects.get().port == 5060
    Wallet.objects.filter(pk=meter.pk).update(channels=1)
    assert "calls in this room" in refused("conference_room_id", delete_conference_room, conference_room_id=meeting.pk)
    again = {"customer_id": ours.pk, "name": "Room 5000", "extension": 5001, "host": "203.0.113.60"}
    assert "of this name" in refused("name", create_conference_room, **again)


@pytest.mark.django_db(transaction=True)
def test_fifty_who_want_one_extension_at_once_are_one_who_has_it() -> None:
    with acting(ANN):
        account = demo_account()
        ours = acme(account)
        empty = [pbx(ours, "").pk for _ in range(17)]
    wishes: list[Callable[[], object]] = [
        *(lambda pk=pk: update_endpoint(endpoint_id=pk, extensions="2000-2001") for pk in empty),
        *(lambda n=n: room(ours, 2000, name=f"R{n}") for n in range(17)),
        *(lambda: sip_user(ours, "2000") for _ in range(16)),
    ]
    start, problems = threading.Barrier(len(wishes)), list[str]()

    def want(wish: Callable[[], object]) -> None:
        try:
            start.wait()
            with acting(ANN):
                wish()
        except Invalid as problem:
            problems.extend(words for found in problem.errors.values() for words in found)
        finally:
            connection.close()

    threads = [threading.Thread(target=want, args=[wish]) for wish in wishes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(problems) == 49
    assert {words[: len(DUPLICATE)] for words in problems} == {DUPLICATE}
    assert Extension.objects.filter(first__lte=2000, last__gte=2000).count() == 1
