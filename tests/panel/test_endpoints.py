"""Claims about endpoints and number blocks in the panel: many at once, rows of rewrites, numbers used and free."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from tests.panel.cast import PASSWORD, Cast
from tests.panel.test_forms import errors_of
from tollgate.actions.acts import Actor, acting
from tollgate.actions.endpoints import create_ip_endpoint, create_sip_user
from tollgate.actions.number_blocks import assign_number_block
from tollgate.store.models import (
    Account,
    ConferenceRoom,
    Customer,
    DelayedSave,
    Endpoint,
    NumberBlock,
    Pin,
)

pytestmark = pytest.mark.django_db
LIMITS = {"channels": "0", "cps_milli": "0", "enabled": "on"}
ROWS = {
    "rewrites-target": ["cld", "cli", "cld"],
    "rewrites-current": ["00", "^0(.*)$", ""],
    "rewrites-new": ["", "44$1", ""],
}
KEPT = [{"target": "cld", "current": "00", "new": ""}, {"target": "cli", "current": "^0(.*)$", "new": "44$1"}]


def test_several_addresses_become_an_endpoint_each_or_none(cast: Cast, ann: Client) -> None:
    page = f"/customers/{cast.baltic.pk}/endpoints/new-ip/"
    many = {"network": "192.0.2.10\n2001:db8::/48\n", "name": "sites", **LIMITS, **ROWS}
    assert ann.post(page, many).status_code == 302
    made = Endpoint.objects.filter(customer=cast.baltic).order_by("id")
    assert [(str(one.network), one.name, one.rewrites) for one in made] == [
        ("192.0.2.10/32", "sites", KEPT), ("2001:db8::/48", "sites", KEPT),
    ]  # fmt: skip
    answer = ann.post(page, {"network": "192.0.2.11\n198.51.100.7", **LIMITS})
    assert answer.status_code == 422
    assert "Line 2: Calls could not be told apart from those of Acme" in errors_of(answer)["network"][0]
    assert "Leave the zone out" in errors_of(ann.post(page, {"network": "fe80::1%eth0", **LIMITS}))["network"][0]
    assert made.count() == 2


def test_one_address_can_be_put_off_and_several_cannot(cast: Cast, ann: Client) -> None:
    page = f"/customers/{cast.baltic.pk}/endpoints/new-ip/"
    later = {**LIMITS, "save": "delay", "delay_kind": "after", "delay_count": "1", "delay_unit": "hours"}
    answer = ann.post(page, {"network": "192.0.2.10\n192.0.2.11", **later})
    assert errors_of(answer) == {"network": ["Put off one address at a time."]}
    ann.post(page, {"network": "192.0.2.10", **later})
    assert [saved.act for saved in DelayedSave.objects.all()] == ["create_ip_endpoint"]


def test_rewrites_are_changed_and_an_error_names_row_and_column(cast: Cast, ann: Client) -> None:
    page = f"/endpoints/{cast.sip_user.pk}/"
    version = {"version": str(cast.sip_user.version)}
    bad = {**ROWS, "rewrites-current": ["00", "^0(.*", ""]}
    assert errors_of(ann.post(page, {**LIMITS, **version, **bad})) == {
        "rewrites": ["Row 2, current: Sign 3: this ( is not closed."]
    }
    assert ann.post(page, {**LIMITS, **version, **ROWS}).status_code == 302
    assert Endpoint.objects.get(pk=cast.sip_user.pk).rewrites == KEPT
    assert "^0(.*)$" in ann.get(page).content.decode()


def test_what_becomes_of_a_number_is_tried_with_rows_that_are_not_saved(ann: Client) -> None:
    page = "/endpoints/try-rewrites/"
    tried = ann.get(page, {**ROWS, "try_cld": "00442071838750", "try_cli": "1"}).content.decode()
    assert "<b>442071838750</b>" in tried
    assert "1, as it is" in tried
    trap = {"rewrites-target": "cld", "rewrites-current": "^0([1-9]+)$", "rewrites-new": "44$1"}
    assert "leaves the digit 0 out" in ann.get(page, trap).content.decode()
    assert "Row 1, new" in ann.get(page, {**trap, "rewrites-new": "$2"}).content.decode()
    assert ann.get(page, {"rewrites-target": "x", "try_cld": "<b>"}).status_code == 200


def test_a_sip_user_is_named_from_the_free_numbers_of_the_block(cast: Cast, ann: Client) -> None:
    page = f"/customers/{cast.baltic.pk}/endpoints/new-sip-user/"
    user = {"password": PASSWORD, "realm": "tollgate.local", **LIMITS}
    assert 'value="1000"' in ann.get(page).content.decode()
    assert "1000-1999" in errors_of(ann.post(page, {"username": "desk", **user}))["username"][0]
    assert ann.post(page, {"username": "1001", **user}).status_code == 302
    told = ann.get(f"/customers/{cast.baltic.pk}/endpoints/numbers.json").json()
    assert told["blocks"] == [{"first": 1000, "last": 1999}]
    assert told["numbers"][:3] == [
        {"number": 1000, "used": False}, {"number": 1001, "used": True}, {"number": 1002, "used": False},
    ]  # fmt: skip
    assert told["free"][:2] == [1000, 1002]
    later = ann.get(f"/customers/{cast.baltic.pk}/endpoints/numbers.json", {"first": "1950"}).json()["numbers"]
    assert (later[0]["number"], later[-1]["number"]) == (1800, 1999)
    said = errors_of(ann.post(f"/customers/{cast.acme.pk}/endpoints/new-sip-user/", {"username": "1001", **user}))
    assert "Baltic" not in str(said["username"])


def test_what_a_deleted_customer_has_is_removed_on_its_page_and_then_free_for_another(cast: Cast, ann: Client) -> None:
    had, fields = cast.acme, {"password": PASSWORD, "realm": "tollgate.local", **LIMITS}
    NumberBlock.objects.all().delete()
    Endpoint.objects.filter(pk=cast.sip_user.pk).update(username="2000")
    with acting(Actor("setup", frozenset({"*"}))):
        endpoint = create_ip_endpoint(customer_id=had.pk, network="192.0.2.200")
        name = create_sip_user(customer_id=had.pk, username="desk", password=PASSWORD)
    Pin.objects.filter(customer=had).delete()
    pin = Pin.objects.create(customer=had, mark=7)
    Customer.objects.filter(pk=had.pk).update(deleted_at=datetime.now(UTC))
    page, new = f"/customers/{had.pk}/auth/", f"/customers/{cast.baltic.pk}/endpoints/new"
    told = errors_of(ann.post(f"{new}-ip/", {"network": "192.0.2.200", **LIMITS}))["network"][0]
    assert "Acme (192.0.2.200/32, deleted): remove that endpoint, or give" in told
    for username in ("2000", "desk"):
        told = errors_of(ann.post(f"{new}-sip-user/", {"username": username, **fields}))["username"][0]
        assert told == "Duplicate User Detected", "whose it is, deleted or not, is told to nobody"
    shown = ann.get(page).content.decode()
    assert [words in shown for words in ("192.0.2.200", "Add an IP address", "Add a SIP user", "Draw a")] == [
        True, False, False, False,
    ]  # fmt: skip
    opened = ann.get(f"/endpoints/{name.pk}/").content.decode()
    for words, there in (("Remove this endpoint", True), ("New password", False), ('name="save"', False)):
        assert (words in opened) is there, words
    for one, words in ((endpoint, "192.0.2.200"), (name, "desk"), (cast.sip_user, "2000")):
        assert ann.post(f"/endpoints/{one.pk}/delete/", {"confirmation": words})["Location"] == page
    ann.post(f"/customers/{had.pk}/pin/remove/")
    assert not Pin.objects.filter(pk=pin.pk).exists()
    assert ann.post(f"{new}-ip/", {"network": "192.0.2.200", **LIMITS}).status_code == 302
    for username in ("2000", "desk"):
        assert ann.post(f"{new}-sip-user/", {"username": username, **fields}).status_code == 302


def test_a_pbx_and_a_room_have_extensions_of_the_block(cast: Cast, ann: Client) -> None:
    new_ip, new_room = (f"/customers/{cast.baltic.pk}/{page}/" for page in ("endpoints/new-ip", "conference-rooms/new"))
    assert f"/customers/{cast.baltic.pk}/endpoints/numbers.json" in ann.get(new_ip).content.decode()
    office = {"network": "203.0.113.40", "extensions": "1002 - 1009, 1500", "delivery_transport": "tls", **LIMITS}
    assert "1000-1999" in errors_of(ann.post(new_ip, {**office, "extensions": "1002-2000"}))["extensions"][0]
    wide = errors_of(ann.post(new_ip, {**office, "network": "203.0.113.0/28"}))
    assert "need one address" in wide["delivery_host"][0]
    assert ann.post(new_ip, office).status_code == 302
    made = Endpoint.objects.get(customer=cast.baltic)
    assert (made.extensions, made.delivery_port, made.shared) == ("1002-1009, 1500", 5061, False)
    page = f"/endpoints/{made.pk}/"
    changed = {**office, "version": str(made.version), "extensions": "1002", "shared": "on", "delivery_port": "5070"}
    assert ann.post(page, changed).status_code == 302
    made.refresh_from_db()
    assert (made.extensions, made.delivery_port, made.shared) == ("1002", 5070, True)

    room = {"name": "Riga weekly", "extension": "1000", "host": "203.0.113.60", "transport": "udp", "channels": "3"}
    assert 'value="1000"' in ann.get(new_room).content.decode()
    assert "1000-1999" in errors_of(ann.post(new_room, {**room, "extension": "5"}))["extension"][0]
    assert errors_of(ann.post(new_room, {**room, "extension": "1002"})) == {"extension": ["Duplicate User Detected"]}
    assert ann.post(new_room, {**room, "enabled": "on"}).status_code == 302
    kept = ConferenceRoom.objects.get(customer=cast.baltic)
    assert (kept.extension, kept.port, kept.channels) == (1000, 5060, 3)
    shown = ann.get(f"/customers/{cast.baltic.pk}/auth/").content.decode()
    assert "Riga weekly" in shown
    assert "1002" in shown
    assert "Riga weekly" in ann.get("/conference-rooms/").content.decode()
    page = f"/conference-rooms/{kept.pk}/"
    ann.post(page, {**room, "version": str(kept.version), "extension": "1010"})
    kept.refresh_from_db()
    assert (kept.extension, kept.enabled) == (1010, False)
    ann.post(f"{page}delete/", {"confirmation": "wrong"})
    assert ConferenceRoom.objects.filter(pk=kept.pk).exists()
    ann.post(f"{page}delete/", {"confirmation": "Riga weekly"})
    assert not ConferenceRoom.objects.filter(pk=kept.pk).exists()


def test_the_next_block_is_given_by_a_button_once_options_say_where_it_starts(cast: Cast, ann: Client) -> None:
    page = f"/customers/{cast.acme.pk}/"
    ann.post(f"{page}number-blocks/new/")
    block = NumberBlock.objects.get(customer=cast.acme)
    assert (block.first, block.last) == (2000, 2999)
    assert "2000" in ann.get(page).content.decode()
    listed = ann.get("/number-blocks/").content.decode()
    assert "Company" in listed
    assert "Baltic" in listed
    ann.post(f"/number-blocks/{block.pk}/delete/", {"confirmation": "wrong"})
    assert NumberBlock.objects.filter(pk=block.pk).exists()
    ann.post(f"/number-blocks/{block.pk}/delete/", {"confirmation": "2000-2999"})
    assert not NumberBlock.objects.filter(pk=block.pk).exists()
    Account.objects.update(block_size=None)
    assert "First set where blocks start" in ann.get(page).content.decode()
    assert "in Options first" in ann.post(f"{page}number-blocks/new/", follow=True).content.decode()


def test_endpoints_of_all_companies_are_one_list(cast: Cast, ann: Client, bob: Client) -> None:
    listed = ann.get("/endpoints/").content.decode()
    assert "Company" in listed
    assert "Acme" in listed
    with acting(Actor("setup", frozenset({"*"}))):
        assign_number_block(customer_id=cast.acme.pk)
    page = bob.get(f"/customers/{cast.acme.pk}/").content.decode()
    assert "Add the next block" not in page
