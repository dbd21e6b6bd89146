"""Claims about departments that an operator adds: who may be in one, who is told, and that none goes while in use."""

from __future__ import annotations

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from tests.actions.cast import ANN, BOB, acme, demo_account
from tests.actions.test_customers import refused
from tests.actions.test_tasks import actor_of, user, work
from tollgate.actions import departments
from tollgate.actions.acts import Invalid, NotEditable, NotPermitted, OutOfDate, acting
from tollgate.actions.contacts import create_contact, update_contact
from tollgate.actions.customers import create_customer, delete_customer, restore_customer, update_customer
from tollgate.actions.departments import create_department, delete_department, update_department
from tollgate.actions.notices import notify
from tollgate.actions.uploads import start_upload
from tollgate.core.departments import DEPARTMENTS
from tollgate.store.models import Account, Audit, Contact, Customer, Department, Task
from tollgate.store.sql import script


def field_of(account: Account, name: str = "Field engineers") -> Department:
    """A department of the operator's own."""
    return create_department(account_id=account.pk, name=name)


def emil_of(customer: Customer, kind: str, email: str = "emil@acme.example") -> Contact:
    """Somebody in a department."""
    return create_contact(customer_id=customer.pk, email=email, first_name="Emil", kind=kind)


def test_a_department_has_a_name_of_its_own_and_a_key_that_stays(account: Account) -> None:
    of = {"account_id": account.pk}
    first = create_department(**of, name=" Field engineers ")
    assert (first.name, first.key) == ("Field engineers", "field_engineers")
    assert create_department(**of, name="Porting", key="mnp").key == "mnp"
    refused("name", create_department, **of, name=" ")
    refused("name", create_department, **of, name="billing")
    refused("name", create_department, **of, name="FIELD engineers")
    refused("key", create_department, **of, name="Desk", key="mnp")
    refused("key", create_department, **of, name="Desk", key="noc")
    refused("key", create_department, **of, name="Desk", key="24_7")
    renamed = update_department(department_id=first.pk, version=first.version, name="Field")
    assert (renamed.name, renamed.key, renamed.version) == ("Field", "field_engineers", 2)
    with pytest.raises(OutOfDate):
        update_department(department_id=first.pk, version=1, name="Field 2")
    refused("name", update_department, department_id=first.pk, name="NOC")
    with pytest.raises(NotEditable):
        update_department(department_id=first.pk, key="field")  # type: ignore[call-arg]  # which is the claim
    acts = Audit.objects.filter(table_name="department", row_id=first.pk).order_by("id").values_list("act", "actor")
    assert list(acts) == [("create_department", "Ann"), ("update_department", "Ann")]


def test_departments_are_changed_by_who_may(account: Account) -> None:
    made = field_of(account)
    with acting(BOB):
        for act, arguments in (
            (create_department, {"account_id": account.pk, "name": "Desk"}),
            (update_department, {"department_id": made.pk, "name": "Desk"}),
            (delete_department, {"department_id": made.pk}),
        ):
            with pytest.raises(NotPermitted):
                act(**arguments)
    assert Department.objects.get().name == "Field engineers"


def test_there_are_no_more_than_a_list_can_offer(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(departments, "MOST", 2)
    for name in ("One", "Two"):
        field_of(account, name)
    assert "2 departments already" in refused("name", create_department, account_id=account.pk, name="Three")


def test_contacts_are_in_departments_that_there_are_and_notices_go_there(account: Account) -> None:
    customer, made = acme(account), field_of(account)
    sentence = refused("kind", emil_of, customer=customer, kind="boss")
    assert sentence == "Choose one of general, billing, technical, sales, legal, noc, field_engineers."
    emil = emil_of(customer, made.key)
    carla = emil_of(customer, "noc", "carla@acme.example")
    refused("kind", update_contact, contact_id=emil.pk, kind="boss")
    refused("notification_departments", update_customer, customer_id=customer.pk, notification_departments=["boss"])

    def told(*keys: str) -> list[str]:
        changed = update_customer(customer_id=customer.pk, notification_departments=keys)
        sent = notify(changed, "package.charged", {"description": "PBX", "amount": "10.00", "currency": "EUR"})
        return [message.recipient for message in sent]

    assert told(made.key) == ["emil@acme.example"]
    assert told("noc") == ["carla@acme.example"]
    assert told(made.key, "noc") == ["emil@acme.example", "carla@acme.example"]
    update_contact(contact_id=carla.pk, kind=made.key)
    assert told(made.key) == ["emil@acme.example", "carla@acme.example"]
    named = {"account_id": account.pk, "currency": "EUR", "notification_departments": [made.key]}
    assert create_customer(name="Baltic", **named).notification_departments == [made.key]  # type: ignore[arg-type]


def test_a_department_in_use_is_not_deleted_and_the_refusal_counts(account: Account) -> None:
    customer, made = acme(account, notification_departments=[]), field_of(account)
    emil = emil_of(customer, made.key)
    assert "1 contact is in this department" in refused("department_id", delete_department, department_id=made.pk)
    carla = emil_of(customer, made.key, "carla@acme.example")
    update_customer(customer_id=customer.pk, notification_departments=[made.key, "noc"])
    with pytest.raises(Invalid) as caught:
        delete_department(department_id=made.pk)
    assert caught.value.errors["department_id"] == [
        "2 contacts are in this department: give them another first.",
        "The notices of 1 customer go to this department: choose others there first.",
    ]
    for contact in (emil, carla):
        update_contact(contact_id=contact.pk, kind="sales")
    assert "notices of 1 customer" in refused("department_id", delete_department, department_id=made.pk)
    update_customer(customer_id=customer.pk, notification_departments=["noc"])
    with pytest.raises(OutOfDate):
        delete_department(department_id=made.pk, version=7)
    delete_department(department_id=made.pk, version=made.version)
    assert not Department.objects.exists()
    refused("kind", update_contact, contact_id=emil.pk, kind=made.key)
    assert Audit.objects.get(table_name="department", verb="DELETE").before["name"] == "Field engineers"


def test_deleted_customers_do_not_keep_a_department_and_come_back_without_it(account: Account) -> None:
    made = field_of(account)
    customer = acme(account, notification_departments=[made.key, "noc"])
    emil = emil_of(customer, made.key)
    delete_customer(customer_id=customer.pk)
    delete_department(department_id=made.pk)
    emil.refresh_from_db()
    assert emil.kind == "general"
    assert restore_customer(customer_id=customer.pk).notification_departments == ["noc"]
    row = Audit.objects.filter(table_name="contact", row_id=emil.pk).latest("id")
    assert (row.act, row.before["kind"], row.after["kind"]) == ("delete_department", made.key, "general")


def test_the_database_itself_keeps_departments_and_who_names_them_together(account: Account) -> None:
    customer, made = acme(account), field_of(account)
    emil = emil_of(customer, made.key)
    Customer.objects.filter(pk=customer.pk).update(notification_departments=[made.key])
    other = Contact.objects.filter(pk=emil_of(customer, "noc", "carla@acme.example").pk)
    for write in (
        lambda: other.update(kind="boss"),
        lambda: Contact.objects.create(customer=customer, email="x@acme.example", kind="boss"),
        lambda: Customer.objects.filter(pk=customer.pk).update(notification_departments=["noc", "boss"]),
        lambda: Department.objects.filter(pk=made.pk).update(key="desk"),
        lambda: Department.objects.create(account=account, key="noc", name="Desk"),
        lambda: Department.objects.create(account=account, key="Desk", name="Desk"),
        lambda: Department.objects.create(account=account, key="desk", name="FIELD ENGINEERS"),
        made.delete,
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            write()
    Contact.objects.filter(pk=emil.pk).update(kind="noc")
    with pytest.raises(IntegrityError), transaction.atomic():
        Department.objects.filter(pk=made.pk).delete()
    Customer.objects.filter(pk=customer.pk).update(notification_departments=[])
    Department.objects.filter(pk=made.pk).delete()


@pytest.mark.django_db(transaction=True)
def test_a_department_that_somebody_is_being_put_into_is_not_deleted_meanwhile() -> None:
    with acting(ANN):
        account = demo_account()
        made, emil = field_of(account), emil_of(acme(account), "noc")
    said: list[object] = []

    def delete() -> None:
        try:
            with acting(ANN):
                said.append(delete_department(department_id=made.pk))
        except Invalid as problem:
            said.append(problem.errors)
        finally:
            connection.close()

    deleting = threading.Thread(target=delete)
    with acting(ANN), transaction.atomic():
        update_contact(contact_id=emil.pk, kind=made.key)
        deleting.start()
        while not said and not waiting_count():
            deleting.join(0.01)
        assert said == [], "it waits for who is being put there"
    deleting.join()
    assert said == [{"department_id": ["Somebody has just been put into this department: look again."]}]
    assert Department.objects.filter(pk=made.pk).exists()


def waiting_count() -> int:
    """How many connections wait for another one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return int(cursor.fetchone()[0])


def test_the_database_knows_the_built_in_departments() -> None:
    told = ", ".join(f"'{key}'" for key in DEPARTMENTS)
    assert f"SELECT key IN ({told})" in script("schema_departments")


def test_a_file_names_departments_as_people_do(account: Account) -> None:
    made = field_of(account)
    create_department(account_id=account.pk, name="Field", key="field_two")
    nordic = create_customer(account_id=account.pk, name="Nordic", currency="EUR")

    def uploaded(noun: str, **cells: str) -> Task:
        task = start_upload(
            account_id=account.pk, noun=noun, headers=list(cells), rows=[list(cells.values())],
            mapping={name: place for place, name in enumerate(cells)},
        )  # fmt: skip
        work()
        return task

    with acting(actor_of(user("ann@demo.example", "*"))):
        for number, (text, key) in enumerate(
            (("FIELD Engineers", made.key), (made.key, made.key), ("field", "field_two"), ("NOC", "noc"))
        ):
            email = f"n{number}@nordic.example"
            uploaded("contact", customer_id="Nordic", email=email, first_name="N", kind=text, password="long enough 1")
            assert Contact.objects.get(email=email).kind == key, text
        failed = uploaded(
            "contact", customer_id="Nordic", email="x@nordic.example", first_name="X", kind="Boss", invite="yes"
        )
        uploaded("customer", name="Fjord", currency="EUR", notification_departments="Field Engineers; Billing; noc")
    assert failed.rows.get().errors == [["kind", "'Boss': There is no department of this name."]]
    assert Contact.objects.filter(customer=nordic).count() == 4
    assert Customer.objects.get(name="Fjord").notification_departments == [made.key, "billing", "noc"]
