"""Claims about access numbers and the PINs of customers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from tests.actions.cast import ANN, BOB, acme
from tollgate.actions.access_numbers import (
    create_access_number,
    delete_access_number,
    forget_old,
    forget_wrong_pins,
    tell_wrong_pins,
    update_access_number,
)
from tollgate.actions.acts import Done, Invalid, NotFound, NotPermitted, acting
from tollgate.actions.customers import create_customer
from tollgate.actions.endpoints import create_ip_endpoint, update_endpoint
from tollgate.actions.options import update_options
from tollgate.actions.own_addresses import update_own_ip_endpoint
from tollgate.actions.pins import clear_pin, generate_pin, set_pin
from tollgate.core.pins import is_trivial
from tollgate.store.models import AccessNumber, Account, Audit, Customer, Pin, PinTry, WebhookEvent
from tollgate.store.pins import mark


def baltic(account: Account) -> Customer:
    return create_customer(account_id=account.pk, name="Baltic", currency="EUR")


def words_of(broken: pytest.ExceptionInfo[Invalid]) -> str:
    return str(broken.value)


def test_a_drawn_pin_is_told_once_and_kept_as_a_mark_alone(account: Account, done: Done) -> None:
    holder = acme(account)
    update_options(account_id=account.pk, pin_length=8)
    first = generate_pin(customer_id=holder.pk)
    assert (len(first.pin), first.customer, first.number) == (8, "Acme", holder.number)
    assert first.pin.isdigit()
    assert not is_trivial(first.pin)
    kept = Pin.objects.get(customer=holder)
    assert kept.mark == mark(account.pk, first.pin)
    assert first.pin not in str(vars(kept))
    second = generate_pin(customer_id=holder.pk)
    assert second.pin != first.pin
    assert Pin.objects.get(customer=holder).mark == mark(account.pk, second.pin)
    logged = list(Audit.objects.filter(table_name="pin").values_list("before", "after"))
    assert str(mark(account.pk, first.pin)) not in str(logged)
    assert "(hidden)" in str(logged)
    clear_pin(customer_id=holder.pk)
    assert not Pin.objects.exists()
    assert done.warnings == []


def test_a_chosen_pin_is_neither_short_nor_easy_nor_anothers(account: Account) -> None:
    holder, other = acme(account), baltic(account)
    here = create_access_number(account_id=account.pk, number="+370 5 200 0000", name="Vilnius")
    there = create_access_number(account_id=account.pk, number="37052000001")
    assert here.number == "37052000000"
    for easy in ("123456", "111111", "121212", "12345", "1234567", "12a456", "٣٤٥٦٧٨"):
        with pytest.raises(Invalid) as broken:
            set_pin(customer_id=holder.pk, pin=easy)
        assert list(broken.value.errors) == ["pin"], easy
    set_pin(customer_id=holder.pk, pin="482915", access_number_id=here.pk)
    set_pin(customer_id=other.pk, pin="482915", access_number_id=there.pk)  # unique per access number
    for place in (here.pk, None):
        with pytest.raises(Invalid, match="Another customer has this PIN"):
            set_pin(customer_id=other.pk, pin="482915", access_number_id=place)
    assert Pin.objects.get(customer=other).access_number == there
    set_pin(customer_id=other.pk, pin="")
    set_pin(customer_id=holder.pk, pin="482915")  # one's own, everywhere now
    with pytest.raises(Invalid, match="Another customer has this PIN"):
        set_pin(customer_id=other.pk, pin="482915", access_number_id=there.pk)
    with pytest.raises(NotFound):
        set_pin(customer_id=other.pk, pin="739164", access_number_id=10**6)
    for act in (generate_pin, clear_pin):
        with acting(BOB), pytest.raises(NotPermitted):
            act(customer_id=holder.pk)


def test_where_guessing_pays_it_is_said_and_where_all_is_taken_nothing_is_drawn(
    account: Account, done: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    update_options(account_id=account.pk, pin_length=4)
    cards = [create_customer(account_id=account.pk, name=f"Card {n}", currency="EUR") for n in range(11)]
    for card in cards[:10]:
        generate_pin(customer_id=card.pk)
    assert done.warnings == []
    generate_pin(customer_id=cards[10].pk)
    assert "too many for 4 digits" in " ".join(done.warnings)
    set_pin(customer_id=cards[0].pk, pin="4711")
    monkeypatch.setattr("tollgate.actions.pins.secrets.randbelow", lambda _: 4711)
    with pytest.raises(Invalid, match="make them longer"):
        generate_pin(customer_id=cards[1].pk)


def test_whoever_sees_some_customers_draws_pins_and_chooses_none_and_lets_nothing_present_them(
    account: Account,
) -> None:
    holder = acme(account)
    server = create_ip_endpoint(customer_id=holder.pk, network="198.51.100.99", presents_pins=True)
    create_ip_endpoint(customer_id=holder.pk, network="198.51.100.98")
    Customer.objects.filter(pk=holder.pk).update(ip_management=True)
    with acting(replace(ANN, reach=frozenset({holder.pk}))):
        assert generate_pin(customer_id=holder.pk).pin
        with pytest.raises(Invalid, match="Let the PIN be drawn"):
            set_pin(customer_id=holder.pk, pin="482915")
        with pytest.raises(Invalid, match="Only users of the account"):
            create_ip_endpoint(customer_id=holder.pk, network="198.51.100.97", presents_pins=True)
        with pytest.raises(Invalid, match="only users of the account move it"):
            update_endpoint(endpoint_id=server.pk, network="198.51.100.96")
        with pytest.raises(Invalid, match="Ask your provider"):
            update_own_ip_endpoint(endpoint_id=server.pk, network="198.51.100.96")
        update_endpoint(endpoint_id=server.pk, name="Voice")
    server.refresh_from_db()
    assert (server.name, server.presents_pins) == ("Voice", True)


def test_an_access_number_with_pins_of_its_own_stays_and_wrong_ones_are_told_and_forgotten(account: Account) -> None:
    holder = acme(account)
    place = create_access_number(account_id=account.pk, number="37052000000", wrong_most=7)
    for field, value in (("number", "12"), ("number", "12x4"), ("wrong_most", 4)):
        with pytest.raises(Invalid) as broken:
            update_access_number(access_number_id=place.pk, **{field: value})
        assert list(broken.value.errors) == [field]
    with pytest.raises(Invalid, match="exists already"):
        create_access_number(account_id=account.pk, number="+37052000000")
    generate_pin(customer_id=holder.pk, access_number_id=place.pk)
    with pytest.raises(Invalid, match="1 PIN holds at this number alone"):
        delete_access_number(access_number_id=place.pk)
    at = datetime.now(UTC)
    said = [_tried(account, place, number, at) for number in range(9)]
    assert said == ["pin_unknown"] * 5 + ["pin_locked"] * 4
    said = [_tried(account, place, number, at, who="2") for number in range(3)]
    assert said == ["pin_unknown"] * 2 + ["pin_locked"]  # seven in all
    assert tell_wrong_pins() == 2
    assert tell_wrong_pins() == 0
    told = WebhookEvent.objects.filter(event="pin.locked").order_by("id")
    assert [(row.body["caller"], row.body["wrong_count"]) for row in told] == [("1", 5), (None, 7)]
    forget_old(at)
    assert PinTry.objects.count() == 3
    assert forget_wrong_pins(access_number_id=place.pk) == 1
    assert _tried(account, place, 1, at) == "pin_unknown"
    forget_old(at + timedelta(days=2))
    assert not PinTry.objects.exists()
    clear_pin(customer_id=holder.pk)
    delete_access_number(access_number_id=place.pk)
    assert not AccessNumber.objects.exists()


def _tried(account: Account, place: AccessNumber, number: int, at: datetime, *, who: str = "1") -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT verdict FROM try_pin(%s, %s, %s, %s, %s, 5, '15 minutes', '1 hour', '', '', '')",
            [account.pk, place.number, number, who, at],
        )
        return str(cursor.fetchone()[0])
