"""Claims about erasing a person: nothing that knows it is left, the books and the chain of the log are whole."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from threading import Thread
from typing import Any

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, connection

from tests.actions.cast import ANN, EURO, acme, demo_account
from tests.actions.test_customers import refused
from tests.actions.test_tasks import actor_of, user, work
from tests.store.test_document_laws import broken
from tollgate.actions.acts import Actor, NotFound, acting
from tollgate.actions.audit import note_event, seal_audit
from tollgate.actions.contacts import create_contact, update_contact
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.delays import cancel_delayed_save, delay_save, update_delayed_save
from tollgate.actions.erasures import erase_contact
from tollgate.actions.mailings import send_bulk_email
from tollgate.actions.messages import queue
from tollgate.actions.payments import create_payment
from tollgate.actions.retention import place_legal_hold, release_legal_hold
from tollgate.actions.task_batches import IN_BATCHES, Batch
from tollgate.actions.uploads import start_upload
from tollgate.actions.users import create_user
from tollgate.core.audit_chain import Broken, Link, Whole, examine
from tollgate.store.models import (
    Audit,
    AuditSeal,
    Contact,
    DelayedSave,
    Invoice,
    LoginDelay,
    Message,
    Task,
    TaskRow,
    User,
)
from tollgate.store.sql import load

CARLA = ("carla@acme.example", "carla@old.example", "Rossi", "+37061234567", "likes tea", "198.51.100.77", "00u1")


def chain() -> Whole | Broken:
    """The log against its seals, as the doctor looks at it."""
    with connection.cursor() as cursor:
        cursor.execute(load("audit_chain")["chain"])
        return examine(Link(*(bytes(cell) if isinstance(cell, memoryview) else cell for cell in row)) for row in cursor)


def kept(*, but: int = 0) -> str:
    """The whole audit log but for documents, which stay, and for one customer, and every message as text."""
    log = Audit.objects.exclude(table_name="invoice").exclude(table_name="customer", row_id=but).values()
    rows = [*log, *Message.objects.values(), *Contact.objects.values(), *LoginDelay.objects.values()]
    return json.dumps(rows, cls=DjangoJSONEncoder, default=str)


def seal_all() -> None:
    """Seals every row; one younger than a second waits for the next time."""
    for _ in range(300):
        seal_audit()
        if AuditSeal.objects.count() == Audit.objects.count():
            return
        time.sleep(0.1)
    raise AssertionError("the log is not sealed")


@pytest.mark.django_db(transaction=True)
def test_a_person_is_erased_from_everything_but_the_books_and_the_chain_still_holds() -> None:
    with acting(ANN):
        customer = acme(demo_account(), create_invoice_on_payment=True)
        other = create_customer(account_id=customer.account_id, name="Baltic", currency="EUR")
        carla = create_contact(
            customer_id=customer.pk, email="carla@old.example", first_name="Carla", last_name="Rossi", phone=CARLA[3]
        )
        emil = create_contact(customer_id=customer.pk, email="emil@acme.example", first_name="Emil")
        update_contact(contact_id=carla.pk, email="carla@acme.example", private_notes="likes tea")
        create_payment(customer_id=customer.pk, amount_micros=EURO)
        queue(account_id=customer.account_id, template="plain", values={"subject": "Hi", "text": "x"}, contact=carla)
    her = {"kind": "contact", "id": carla.pk, "ip": CARLA[5]}
    note_event(actor=Actor("carla@acme.example", frozenset(), **her), verb="LOGIN", table_name="contact",
               row_id=carla.pk, told={"email": "carla@acme.example"})  # fmt: skip
    with acting(Actor("carla@acme.example", frozenset({"update_contact"}), **her)):
        update_contact(contact_id=emil.pk, kind="billing")
    with acting(Actor("ann@demo.example as carla@acme.example", frozenset({"update_contact"}), kind="user", id=3)):
        update_contact(contact_id=emil.pk, kind="noc")
    with acting(Actor("Carla@old.example", frozenset({"update_contact"}), kind="contact", ip=CARLA[5])):
        update_contact(contact_id=emil.pk, kind="sales")  # as who is let in by a sign-in provider, with no number yet
    others = [f"email:{domain}:{name}" for domain, name in ((7, CARLA[0]), (0, "x" + CARLA[0]), (0, "a:" + CARLA[0]))]
    for key in ("email:0:carla@acme.example", "email:0:carla@old.example", *others):
        LoginDelay.objects.create(key=key, failed_at="2026-01-01T00:00Z", until_at="2026-01-01T00:00Z")
    note_event(actor=Actor("Okta: 00u1", frozenset(), kind="contact", ip=CARLA[5]), verb="LOGIN", table_name="contact",
               row_id=carla.pk, customer_id=customer.pk)  # fmt: skip
    with acting(Actor("ann@demo.example as carla@old.example", frozenset({"update_customer"}), kind="user", id=3)):
        update_customer(customer_id=other.pk, channels=3)
    with acting(Actor("carla@old.example", frozenset({"update_customer"}), kind="contact", ip=CARLA[5])):
        update_customer(customer_id=other.pk, channels=4)
    assert all(words in kept() for words in CARLA)
    issued = Invoice.objects.get()
    seal_all()
    with acting(ANN):
        place_legal_hold(customer_id=customer.pk, reason="case 7")
        refused("contact_id", erase_contact, contact_id=carla.pk, reason="asked by mail")
        release_legal_hold(customer_id=customer.pk, reason="closed")
        erased = erase_contact(contact_id=carla.pk, reason="asked by mail")
        with pytest.raises(NotFound):
            erase_contact(contact_id=carla.pk, reason="again")
    assert sorted(LoginDelay.objects.values_list("key", flat=True)) == sorted(others)
    LoginDelay.objects.all().delete()
    of_others = Audit.objects.filter(customer_id=other.pk, verb="UPDATE").order_by("id")
    assert [(row.actor, row.ip and str(row.ip)) for row in of_others] == [
        ("ann@demo.example as carla@old.example", None),
        ("carla@old.example", CARLA[5]),
    ], "who had the address at another customer stays"
    left = kept(but=other.pk)
    assert [words for words in CARLA if words in left] == []
    assert "emil@acme.example" in left
    assert Message.objects.filter(recipient="emil@acme.example").count() == Message.objects.count()
    assert erased.messages_count > 0
    row = Audit.objects.filter(table_name="contact", row_id=emil.pk, verb="UPDATE").earliest("id")
    assert (row.actor, row.ip, row.after) == (f"contact {carla.pk}", None, row.after)
    assert Audit.objects.get(verb="ERASE").reason == "asked by mail"
    found = chain()
    assert isinstance(found, Whole), found
    assert found.erased_count == found.unsealed_count > 0
    seal_all()
    found = chain()
    assert isinstance(found, Whole), found
    assert (found.erased_count > 0, found.unsealed_count) == (True, 0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM audit WHERE after ? 'erased' ORDER BY id LIMIT 1")
        ((changed,),) = cursor.fetchall()
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE audit SET actor = 'nobody' WHERE id = %s", [changed])
        cursor.execute("SET session_replication_role = origin")
    assert chain() == Broken(changed, "was altered"), "what is left of a row is watched as before"
    issued.refresh_from_db()
    assert issued.state == "issued"
    assert broken() == set()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "changed"),
    [
        ("('ann', 'customer', 1, 'UPDATE', '{}', 'user', '192.0.2.1')", "after = '{\"channels\": 9}'"),
        ("('ann', 'customer', 1, 'UPDATE', '{}', 'user', '192.0.2.1')", "before = '{\"channels\": 9}'"),
        ("('ann', 'customer', 1, 'UPDATE', '{}', 'user', '192.0.2.1')", "actor = 'bob'"),
        ("('ann', 'customer', 1, 'UPDATE', '{}', 'user', '192.0.2.1')", "actor = 'contact 1'"),
        ("('ann as vic', 'customer', 1, 'UPDATE', '{}', 'user', '192.0.2.1')", "actor = 'bob as contact 1'"),
        ("('vic', 'customer', 1, 'UPDATE', '{}', 'contact', '192.0.2.1')", "actor = 'contact of ours'"),
        ("('ann', 'contact', 1, 'UPDATE', '{}', 'user', '192.0.2.1')", "ip = '192.0.2.2'"),
        ("('ann', 'contact', 1, 'UPDATE', '{}', 'user', '192.0.2.1')", "reason = 'another'"),
        ("('ann', 'delayed_save', 1, 'INSERT', '{\"act\": 1}', 'user', '192.0.2.1')", "after = '{\"act\": 2}'"),
        ("('ann', 'contact', 1, 'ERASE', '{}', 'user', '192.0.2.1')", "after = '{\"left\": {}}'"),
    ],
)
def test_with_the_flag_of_an_erasure_a_row_loses_a_person_and_nothing_else(values: str, changed: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO audit (actor, table_name, row_id, verb, after, actor_kind, ip) VALUES {values} RETURNING id"
        )
        ((row_id,),) = cursor.fetchall()
        cursor.execute("SELECT set_config('audit.erasing', 'on', true)")
        cursor.execute("UPDATE audit SET ip = NULL WHERE id = %s AND verb <> 'ERASE'", [row_id])
        with pytest.raises(IntegrityError, match="never changed"):
            cursor.execute(f"UPDATE audit SET {changed} WHERE id = {row_id}")


@pytest.mark.django_db
def test_an_address_that_somebody_else_has_now_stays_theirs() -> None:
    with acting(ANN):
        customer = acme(demo_account())
        carla = create_contact(customer_id=customer.pk, email="desk@acme.example", first_name="Carla")
        update_contact(contact_id=carla.pk, email="carla@acme.example")
        dora = create_contact(customer_id=customer.pk, email="Desk@acme.example", first_name="Dora")
        for contact in (carla, dora):
            values = {"subject": "Hi", "text": "x"}
            queue(account_id=customer.account_id, template="plain", values=values, contact=contact)
    with acting(Actor("Desk@acme.example", frozenset({"update_contact"}), kind="contact", id=dora.pk)):
        update_contact(contact_id=dora.pk, kind="noc")
    with acting(ANN):
        erase_contact(contact_id=carla.pk, reason="asked by mail")
    assert set(Message.objects.filter(template="plain").values_list("recipient", flat=True)) == {"Desk@acme.example"}
    assert Audit.objects.get(table_name="contact", row_id=dora.pk, verb="UPDATE").actor == "Desk@acme.example"


@pytest.mark.django_db
def test_who_has_a_name_or_a_number_of_the_erased_now_keeps_what_is_theirs() -> None:
    with acting(ANN):
        customer = acme(demo_account())
        numbers = {"phone": "+37061234567", "mobile": "+37069999999"}
        carla = create_contact(customer_id=customer.pk, email="carla@acme.example", first_name="Carla", **numbers)
        dora = create_contact(
            customer_id=customer.pk, email="okta@acme.example", first_name="Dora", phone=numbers["phone"]
        )
        for number in numbers.values():
            for contact in (carla, dora, None):
                given: dict[str, Any] = {"contact": contact} if contact else {"customer_id": customer.pk}
                values = {"subject": "Hi", "text": "x"}
                queue(account_id=customer.account_id, template="plain", values=values, recipient=number, **given)
    actor = Actor("okta@acme.example", frozenset({"update_contact"}), kind="contact", ip=CARLA[5])
    note_event(actor=actor, verb="LOGIN", table_name="contact", row_id=carla.pk, customer_id=customer.pk)
    with acting(actor):  # once Carla's name at a provider, now the address of Dora
        update_contact(contact_id=dora.pk, kind="noc")
    with acting(ANN):
        erase_contact(contact_id=carla.pk, reason="asked by mail")
    row = Audit.objects.get(table_name="contact", row_id=dora.pk, verb="UPDATE")
    assert (row.actor, str(row.ip)) == ("okta@acme.example", CARLA[5])
    left = sorted(Message.objects.filter(template="plain").values_list("recipient", "contact_id"), key=str)
    assert left == [(numbers["phone"], dora.pk), (numbers["phone"], None), (numbers["mobile"], dora.pk)]


@pytest.mark.django_db(transaction=True)
def test_what_was_put_off_about_a_person_is_erased_and_makes_nobody_again() -> None:
    with acting(ANN):
        customer = acme(demo_account())
        ann = create_user(email="ann@demo.example", name="Ann", password="a good phrase 1")
        author = Actor(ann.email, frozenset({"*"}), kind="user", id=ann.pk)
    due, person = "2031-05-01T12:00Z", {"email": "carla@acme.example", "last_name": "Rossi"}
    with acting(author):
        again = delay_save(act="create_contact", arguments={"customer_id": customer.pk, **person}, due_at=due)
        first = {"customer_id": customer.pk, "email": "info@acme.example", "last_name": "Rossi"}
        edited = delay_save(act="create_contact", arguments=first, due_at=due)
        update_delayed_save(delayed_save_id=edited.pk, arguments=person)
        update_delayed_save(delayed_save_id=edited.pk, arguments={"email": "office@acme.example", "last_name": "Weber"})
        cancel_delayed_save(delayed_save_id=edited.pk)
        DelayedSave.objects.filter(pk=edited.pk).delete()
        carla = create_contact(customer_id=customer.pk, **person)
        change = {"contact_id": carla.pk, "private_notes": "likes tea", "phone": CARLA[3]}
        waits = delay_save(act="update_contact", arguments=change, due_at=due)
        ended = delay_save(act="update_contact", arguments={**change, "last_name": "Russo"}, due_at=due)
        cancel_delayed_save(delayed_save_id=ended.pk)
        DelayedSave.objects.filter(pk=ended.pk).delete()  # as after its days
        emil = create_contact(customer_id=customer.pk, email="emil@acme.example", first_name="Emil")
        stays = delay_save(act="update_contact", arguments={"contact_id": emil.pk, "kind": "noc"}, due_at=due)
    assert all(words in kept() for words in ("Rossi", "Russo", "likes tea", CARLA[3]))
    seal_all()
    with acting(ANN):
        erase_contact(contact_id=carla.pk, reason="asked by mail")
    left = kept() + str(list(DelayedSave.objects.values()))
    assert [words for words in ("carla@", "Rossi", "Russo", "likes tea", CARLA[3]) if words in left] == []
    assert list(DelayedSave.objects.all()) == [stays]
    log = Audit.objects.filter(table_name="delayed_save", verb="INSERT").order_by("row_id")
    assert [row.after["title"] == "(erased)" for row in log] == [True, True, True, True, False]
    ids = [again.pk, edited.pk, waits.pk, ended.pk, stays.pk]
    assert [row.row_id for row in log] == ids, "that something was put off stays"
    found = chain()
    assert isinstance(found, Whole), found


@pytest.mark.django_db(transaction=True)
def test_jobs_forget_what_a_file_said_of_a_person_also_while_they_are_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    with acting(ANN):
        customer = acme(demo_account())
    typed = {"customer_id": "Acme", "email": "carla@acme.example", "last_name": "Rossi"}
    others = {"customer_id": "Acme", "email": "emil@acme.example", "last_name": "Meier"}
    rows = [list(typed.values()), list(others.values())]
    file = {
        "noun": "contact",
        "headers": list(typed),
        "rows": rows,
        "mapping": {name: at for at, name in enumerate(typed)},
    }
    with acting(actor_of(user("ann@demo.example", "*"))):
        for dry in (True, False, False):  # tried, done, and refused as there already
            start_upload(account_id=customer.account_id, dry=dry, **file)
            work()
        carla = Contact.objects.get(email=typed["email"])
        assert "Rossi" in str(list(TaskRow.objects.values()))
        erase_contact(contact_id=carla.pk, reason="asked by mail")
    work()
    left = str(list(TaskRow.objects.values()))
    assert [words for words in ("carla@", "Rossi") if words in left] == []
    assert left.count("emil@acme.example") >= 3
    assert not Contact.objects.filter(email=typed["email"]).exists()
    emil, batch = Contact.objects.get(email=others["email"]), IN_BATCHES["send"]

    def erase() -> None:
        with acting(ANN):
            erase_contact(contact_id=emil.pk, reason="asked by mail")
        connection.close()

    def erased_meanwhile(task: Task, rows: Sequence[TaskRow]) -> Mapping[int, list[list[str]]]:
        eraser = Thread(target=erase)
        eraser.start()
        eraser.join()
        return batch.do(task, rows)

    monkeypatch.setitem(IN_BATCHES, "send", Batch(batch.room, erased_meanwhile))
    with acting(actor_of(User.objects.get())):
        send_bulk_email(account_id=customer.account_id, customer_ids=[customer.pk], subject="News", text="Hello")
    assert "emil@acme.example" in TaskRow.objects.latest("id").title
    work()
    row = TaskRow.objects.latest("id")
    assert (row.state, row.title, row.errors) == ("failed", "", [["", "The contact is gone."]])
