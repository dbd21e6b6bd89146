"""Claims about DIDs by the dozen: brought in files, edited and deleted in bulk, put off."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import openpyxl
import pytest

from tests.actions.cast import ANN
from tests.actions.test_dids import PASSWORD, Scene, scene
from tests.actions.test_tasks import actor_of, begin, errors_of, user, work
from tollgate.actions.acts import Actor, acting
from tollgate.actions.bulk import start_bulk_delete, start_bulk_edit
from tollgate.actions.customers import update_customer
from tollgate.actions.delays import delay_save, run_due
from tollgate.actions.dids import CHECKS, update_did
from tollgate.actions.endpoints import create_sip_user
from tollgate.actions.records import now
from tollgate.actions.uploads import repeat_upload
from tollgate.core.upload_fields import NOUNS
from tollgate.store.models import Did, User

__all__ = ["scene"]
HEAD = (
    "Number;Company;Customer card;Cards of resellers;Carrier;Carrier card;Destinations;Order;Channels;Flow speed;"
    "Longest call, s;Recording;P-Asserted-Identity;Public note;Private note;Enabled"
)


@pytest.fixture
def ann(scene: Scene) -> User:
    """She may do everything, and works in the panel."""
    return user("ann@demo.example", "*")


def test_a_file_brings_every_field_of_a_did_and_its_bad_rows_are_told_by_line(scene: Scene, ann: User) -> None:
    assert {field.name for field in NOUNS["did"].fields} == CHECKS.keys() | {"number"}
    with acting(ANN):
        create_sip_user(customer_id=scene.acme.pk, username="desk", password=PASSWORD)
        scene.card_of("Nordic in", scene.nordic)
        scene.card_of("Sund in", scene.sund)
    two = '"sip:203.0.113.9, sip:203.0.113.8;transport=tcp"'
    rows = [
        "+44 20 7183 8750;acme;In;;Cirrus;Cirrus in;desk;;2;1.5;600;On;Remove;Office;Dear;yes",
        f"0044 20 7183 8751;Gull;Sund in;Nordic = In, Sund = Nordic in;Cirrus;;{two};Random;;;;;;;;no",
        "442071838752;;;;Cirrus;;;;;;;;;;;",
        "442071838753;Acme;;;;;;;;;;;;;;",
        "442071838754;Gull;Sund in;Nordic = In;;;;;;;;;;;;",
        "442071838755;Acme;In;;Eta;;;;;;;;;;;",
        "442071838756;Acme;In;;;;3999;;;;;;;;;",
        "12;;;;;;;;;;;;;;;",
        "442071838752;;;;;;;;;;;;;;;",
        "442071838757;Gull;Sund in;Nordic In;;;;;;;;;;;;",
    ]
    dry = begin(ann, "did", "\n".join([HEAD, *rows]).encode(), dry=True)
    work()
    dry.refresh_from_db()
    assert (dry.done_count, dry.failed_count, Did.objects.count()) == (3, 7, 0)
    with acting(actor_of(ann)):
        kept = repeat_upload(task_id=dry.pk)
    work()
    assert errors_of(kept) == {}
    whole = errors_of(dry)
    assert {line: errors[0][0] for line, errors in whole.items()} == {
        5: "card_id", 6: "reseller_cards", 7: "carrier_id", 8: "destinations", 9: "number", 10: "number",
        11: "reseller_cards",
    }  # fmt: skip
    first, second, third = Did.objects.order_by("number")
    assert (third.number, third.customer_id) == ("442071838752", None)
    told = (first.customer.name, first.card.name, first.carrier.name, first.carrier_card.name)  # type: ignore[union-attr]
    assert told == ("Acme", "In", "Cirrus", "Cirrus in")
    assert (first.destinations, first.channels, first.cps_milli, first.max_duration_s) == ("desk", 2, 1500, 600)
    assert (first.recording, first.pai_mode, first.public_note, first.private_note) == (
        "on",
        "remove",
        "Office",
        "Dear",
    )
    assert (second.destinations, second.order, second.enabled) == (
        "sip:203.0.113.9\nsip:203.0.113.8;transport=tcp", "random", False,
    )  # fmt: skip
    paid = set(second.prices.values_list("reseller__name", "card__name"))
    assert paid == {("Nordic", "In"), ("Sund", "Nordic in")}


def test_a_card_is_named_in_a_file_whatever_signs_its_name_has(scene: Scene, ann: User) -> None:
    with acting(ANN):
        names = {one: f"{one} = in; EU, UK | all" for one in ("Nordic", "Sund")}
        scene.card_of(names["Nordic"], scene.nordic)
        gull = scene.card_of(names["Sund"], scene.sund)
        update_customer(customer_id=scene.sund.pk, name='Sund "S=1"')
    sellers = f'Nordic = In, "Sund ""S=1""" = "{names["Nordic"]}"'
    quoted = sellers.replace('"', '""')
    rows = [f'4420;Gull;"{names["Sund"]}";"{quoted}"{";" * 12}', f'4421;Gull;In;"Nordic = ""In"{";" * 12}']
    kept = begin(ann, "did", "\n".join([HEAD, *rows]).encode())
    work()
    assert {line: errors[0][0] for line, errors in errors_of(kept).items()} == {3: "reseller_cards"}
    did = Did.objects.get()
    paid = dict(did.prices.values_list("reseller__name", "card__name"))
    assert (did.card, paid) == (gull, {"Nordic": "In", 'Sund "S=1"': names["Nordic"]})


def test_a_workbook_brings_dids_too(scene: Scene, ann: User) -> None:
    book, file = openpyxl.Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for row in (["DID", "Supplier"], ["+442071838750", "Cirrus"], [442071838751, None]):
        sheet.append(row)
    book.save(file)
    begin(ann, "did", file.getvalue())
    work()
    kept = dict(Did.objects.values_list("number", "carrier__name"))
    assert kept == {"442071838750": "Cirrus", "442071838751": None}


def test_a_resellers_user_brings_no_dids(scene: Scene, ann: User) -> None:
    of_nordic = user("rita@nordic.example", "*", reseller_id=scene.nordic.pk)
    rita = actor_of(of_nordic, reach=scene.rita.reach, reseller_id=scene.nordic.pk)
    assert rita.kind == "user"
    task = begin(of_nordic, "did", b"Number\n442071838750\n")
    work()
    assert errors_of(task)
    assert not Did.objects.exists()


def test_the_ticked_are_edited_as_by_their_form_and_those_of_nobody_deleted(scene: Scene, ann: User) -> None:
    with acting(ANN):
        used = scene.did()
        free = [scene.did(f"44207183875{n}", customer_id=None, card_id=None) for n in (1, 2)]
    given: dict[str, Any] = {"account_id": scene.account.pk, "noun": "did"}
    ids = [did.pk for did in (used, *free)]
    with acting(actor_of(ann)):
        edit = start_bulk_edit(**given, record_ids=ids, changes={"channels": 4, "carrier_id": None})
        work()
        drop = start_bulk_delete(**given, record_ids=ids)
        work()
    assert errors_of(edit) == {}
    assert [row[0][1] for row in errors_of(drop).values()] == [
        "A customer has this DID: put it back into the inventory first."
    ]
    assert list(Did.objects.values_list("number", "channels", "carrier_id")) == [(used.number, 4, None)]


def test_a_change_of_what_resellers_pay_can_be_put_off_and_is_told_by_names(scene: Scene, ann: User) -> None:
    with acting(ANN):
        did = scene.of_gull()
        cheap = scene.card_of("Cheap")
    sellers = {str(row.reseller_id): row.card_id for row in did.prices.all()}
    due = now() + timedelta(hours=1)
    with acting(actor_of(ann)):
        saved = delay_save(
            act="update_did",
            arguments={"did_id": did.pk, "reseller_cards": {**sellers, str(scene.nordic.pk): cheap.pk}},
            due_at=due,
        )
    assert saved.before == {"prices": ["Nordic: In", "Sund: Nordic in"]}
    assert saved.after == {"prices": ["Nordic: Cheap", "Sund: Nordic in"]}
    run_due(due + timedelta(seconds=1))
    saved.refresh_from_db()
    assert (saved.state, did.prices.get(reseller=scene.nordic).card_id) == ("done", cheap.pk)


def test_what_somebody_else_gave_meanwhile_is_not_overwritten_later(scene: Scene, ann: User) -> None:
    with acting(ANN):
        did = scene.did(channels=1)
    due = now() + timedelta(hours=1)
    with acting(actor_of(ann)):
        saved = delay_save(act="update_did", arguments={"did_id": did.pk, "channels": 2}, due_at=due)
    with acting(Actor("Bob", frozenset({"*"}), "asked")):
        update_did(did_id=did.pk, channels=3)
    run_due(due + timedelta(seconds=1))
    saved.refresh_from_db()
    did.refresh_from_db()
    assert (saved.state, did.channels) == ("conflict", 3)
