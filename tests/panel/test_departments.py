"""Claims about the page of departments, and that own ones are offered, shown, found and exported by their names."""

from typing import Any

import pytest
from django.test import Client

from tests.panel.cast import Cast, with_rita
from tests.panel.conftest import logged_in
from tests.panel.test_forms import errors_of
from tollgate.actions.acts import Actor, acting
from tollgate.actions.departments import create_department
from tollgate.store.models import Audit, Contact, Customer, DelayedSave, Department

pytestmark = pytest.mark.django_db
LATER = {"save": "delay", "delay_kind": "after", "delay_count": "2", "delay_unit": "hours"}


@pytest.fixture
def desk(cast: Cast) -> Department:
    """A department of the operator's own, with Carla in it."""
    with acting(Actor("setup", frozenset({"*"}))):
        made = create_department(account_id=cast.account.pk, name="Zum Störungsdienst", key="desk")
    Contact.objects.filter(pk=cast.contact.pk).update(kind=made.key)
    return made


def test_a_department_is_made_renamed_and_removed(cast: Cast, ann: Client, bob: Client) -> None:
    assert bob.post("/departments/new/", {"name": "Porting"}).status_code == 403
    assert ann.post("/departments/new/", {"name": "Porting"}).status_code == 302
    assert set(errors_of(ann.post("/departments/new/", {"name": "porting"}))) == {"name"}
    assert set(errors_of(ann.post("/departments/new/", {"name": "Desk", "key": "NOC"}))) == {"key"}
    made = Department.objects.get()
    page = f"/departments/{made.pk}/"
    assert ann.post(page, {"name": "Numbers", "version": made.version}).status_code == 302
    assert ann.post(page, {"name": "Again", "version": made.version}).status_code == 409
    made.refresh_from_db()
    assert (made.name, made.key) == ("Numbers", "porting")
    for reader in (ann, bob):
        told = reader.get("/departments/").content.decode()
        assert "Numbers" in told
        assert '<a href="/contacts/?f.kind=noc">NOC</a>' in " ".join(told.split())
    assert "Only one that no contact is in" not in bob.get(page).content.decode()
    assert bob.post(page, {"name": "Bob's", "version": made.version}).status_code == 403
    assert ann.post(f"{page}delete/", {"confirmation": "x"}).status_code == 302
    assert Department.objects.exists()
    ann.post(f"{page}delete/", {"confirmation": "Numbers"})
    assert not Department.objects.exists()
    acts = Audit.objects.filter(table_name="department").order_by("id").values_list("act", flat=True)
    assert list(acts) == ["create_department", "update_department", "delete_department"]


def test_a_name_is_saved_later(cast: Cast, ann: Client, desk: Department) -> None:
    page = f"/departments/{desk.pk}/"
    form = ann.get(page).content.decode()
    for words in ("Save and stay", "Delay and save"):
        assert words in form, words
    ann.post(page, {"name": "Desk", "version": desk.version, **LATER})
    waiting = DelayedSave.objects.get(table_name="department")
    assert (waiting.act, waiting.arguments["name"], waiting.row_id) == ("update_department", "Desk", desk.pk)


def test_who_is_in_one_and_whose_notices_go_there_is_told_and_keeps_it(
    cast: Cast, ann: Client, desk: Department
) -> None:
    Customer.objects.filter(pk=cast.baltic.pk).update(notification_departments=["desk", "noc"])
    assert [row.contact_count for row in ann.get("/departments/").context["grid"].rows] == [1]
    page = f"/departments/{desk.pk}/"
    answer = ann.get(page)
    assert [row.name for row in answer.context["told"].rows] == ["Baltic"]
    assert "Contacts in this department: 1" in " ".join(answer.content.decode().split())
    assert f'href="/customers/{cast.baltic.pk}/edit/"' in answer.content.decode()
    told = ann.post(f"{page}delete/", {"confirmation": desk.name}, follow=True).content.decode()
    assert "1 contact is in this department: give them another first." in told
    assert "The notices of 1 customer go to this department: choose others there first." in told


def test_own_departments_are_offered_shown_found_and_exported_by_name(
    cast: Cast, ann: Client, desk: Department
) -> None:
    def emails(address: str) -> list[str]:
        return [row.email for row in ann.get(address).context["grid"].rows]

    carla = cast.contact.email
    Contact.objects.create(customer=cast.baltic, email="x@baltic.example", kind="noc")
    for address in ("/contacts/", f"/customers/{cast.acme.pk}/contacts/"):
        assert f">{desk.name}</td>" in ann.get(address).content.decode(), address
    assert emails("/contacts/?f.kind=desk") == [carla]
    assert emails("/contacts/?c.kind=contains:rungs") == emails("/contacts/?c.kind=begins:zum") == [carla]
    assert emails(f"/contacts/?c.kind=is:{desk.name.upper()}") == [carla]
    assert emails("/contacts/?c.kind=contains:desk") == [], "that is its key"
    assert emails("/contacts/?c.kind=is:noc") == ["x@baltic.example"]
    headings = ann.get("/contacts/?group=kind").context["grid"].headings
    assert [words for words in headings if words] == [f"Department: {desk.name} · 1", "Department: NOC · 1"]
    pivot = ann.get("/contacts/?pivot_by=kind&export=pivot").json()
    assert sorted(group["keys"] for group in pivot["groups"]) == [["NOC"], [desk.name]]
    assert desk.name in ann.get("/contacts/?export=csv").getvalue().decode()
    assert ann.get("/contacts/?export=xlsx").getvalue()[:2] == b"PK"
    option = f'<option value="desk">{desk.name}</option>'
    for address in (
        "/contacts/new/", f"/customers/{cast.baltic.pk}/contacts/new/", f"/customers/{cast.acme.pk}/edit/",
        "/customers/new/",
    ):  # fmt: skip
        assert option in ann.get(address).content.decode(), address
    assert option.replace('"desk"', '"desk" selected') in ann.get(f"/contacts/{cast.contact.pk}/").content.decode()


def test_built_in_departments_are_translated_and_own_ones_stay_as_typed(cast: Cast, ann: Client) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        create_department(account_id=cast.account.pk, name="Customers")
    german = {"HTTP_ACCEPT_LANGUAGE": "de"}
    page = ann.get("/contacts/new/", **german).content.decode()
    assert '<option value="customers">Customers</option>' in page
    assert '<option value="billing">Billing</option>' not in page
    Contact.objects.filter(pk=cast.contact.pk).update(kind="customers")
    listed = ann.get("/contacts/?group=kind", **german)
    assert ">Customers</td>" in listed.content.decode()
    assert any(": Customers · 1" in words for words in listed.context["grid"].headings)


def test_contacts_are_moved_together_and_ticked_departments_go_unless_in_use(
    cast: Cast, ann: Client, desk: Department
) -> None:
    dan = Contact.objects.create(customer=cast.baltic, first_name="Dan", email="dan@baltic.example", kind="noc")
    ids: dict[str, Any] = {"id": [dan.pk, cast.contact.pk]}
    ann.post("/bulk/contact/edit/", {**ids, "field": ["kind"], "kind": "desk"})
    assert set(Contact.objects.values_list("kind", flat=True)) == {"desk"}
    told = ann.post("/bulk/department/delete/", {"id": [desk.pk], "confirmation": "1"}, follow=True).content.decode()
    assert "2 contacts are in this department" in told
    ann.post("/bulk/contact/edit/", {**ids, "field": ["kind"], "kind": "legal"})
    ann.post("/bulk/department/delete/", {"id": [desk.pk], "confirmation": "1"})
    assert not Department.objects.exists()


def test_users_of_a_reseller_choose_departments_and_keep_none(cast: Cast, desk: Department) -> None:
    user, corso = with_rita(cast)
    rita = logged_in(user)
    for address in ("/departments/", f"/departments/{desk.pk}/"):
        assert rita.get(address).status_code == 403
    assert rita.post("/departments/new/", {"name": "Hers"}).status_code == 403
    page = f"/customers/{corso.pk}/contacts/new/"
    assert f'<option value="desk">{desk.name}</option>' in rita.get(page).content.decode()
    given = {"first_name": "Cleo", "email": "cleo@corso.example", "kind": "desk", "invite": "on", "login_enabled": "on"}
    assert rita.post(page, given).status_code == 302
    assert Contact.objects.get(email="cleo@corso.example").kind == "desk"
