"""Claims about bulk edits of records that somebody else saved meanwhile: they are told, none is overwritten."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from tests.panel.cast import Cast
from tests.panel.conftest import logged_in
from tests.panel.test_bulk import EDITED, record_of
from tollgate.actions.acts import ACTS, Actor, Invalid, acting
from tollgate.actions.bulk import EDITS, start_bulk_edit
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.task_words import error_words
from tollgate.actions.tasks import work
from tollgate.actions.users import create_user, create_user_group
from tollgate.panel.bulk_seen import Seen
from tollgate.store.models import Customer, Task, User

pytestmark = pytest.mark.django_db
SETUP = Actor("setup", frozenset({"*"}))
EVE = Actor("eve@demo.example", frozenset({"*"}), kind="user")


def many(cast: Cast, count: int = 3) -> list[Customer]:
    """Customers that are edited together."""
    with acting(SETUP):
        return [create_customer(account_id=cast.account.pk, name=f"Bulk {n}", currency="EUR") for n in range(count)]


def opened(client: Client, noun: str, chosen: dict[str, Any]) -> dict[str, Any]:
    """What the form sends back when it is saved."""
    page = client.get(f"/bulk/{noun}/edit/", chosen)
    return {**chosen, "seen": page.context["seen"]}


def channels() -> dict[str, int]:
    return dict(Customer.objects.filter(name__startswith="Bulk").order_by("name").values_list("name", "channels"))


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_what_somebody_else_saved_meanwhile_is_told_and_the_others_are_changed(cast: Cast, ann: Client) -> None:
    made = many(cast)
    form = opened(ann, "customer", {"scope": "all", "query": "q=bulk", "field": ["channels", "note"]})
    with acting(EVE):
        update_customer(customer_id=made[1].pk, channels=4, cps_milli=2000)
    form |= {"channels": "9", "note": "Agreed by phone"}
    told = ann.post("/bulk/customer/edit/", form)
    assert (told.status_code, Task.objects.count()) == (409, 0)
    text = text_of(told)
    for words in ("Changed meanwhile", "Somebody saved 1 record", "Bulk 1", "eve@demo.example", "Channels: 0 → 4",
                  "New calls per second: 0 → 2", "Change the other 2", "Change all 3"):  # fmt: skip
        assert words in text, words
    assert "Bulk 0" not in text
    assert (told.context["form"]["channels"].value(), told.context["form"]["note"].value()) == ("9", "Agreed by phone")
    again = {**form, "seen": told.context["seen"]}
    wrong = ann.post("/bulk/customer/edit/", {**again, "channels": "-1", "save": "others"})
    assert (wrong.status_code, "Bulk 1" in text_of(wrong)) == (422, True), "what was told is told again"
    assert ann.post("/bulk/customer/edit/", {**again, "save": "others"}).status_code == 302
    assert channels() == {"Bulk 0": 9, "Bulk 1": 4, "Bulk 2": 9}


def test_to_overwrite_is_decided_for_what_was_told_and_for_nothing_later(cast: Cast, ann: Client) -> None:
    made = many(cast)
    form = opened(ann, "customer", {"id": [one.pk for one in made], "field": ["channels"]}) | {"channels": "9"}
    with acting(EVE):
        update_customer(customer_id=made[0].pk, channels=4)
    told = ann.post("/bulk/customer/edit/", form)
    with acting(EVE):
        update_customer(customer_id=made[0].pk, channels=5)
        update_customer(customer_id=made[2].pk, note="called")
    Customer.objects.filter(pk=made[1].pk).update(deleted_at=datetime.now(UTC))
    form |= {"seen": told.context["seen"], "save": "all"}
    later = ann.post("/bulk/customer/edit/", form)
    assert later.status_code == 409, "it was saved once more since it was told"
    assert "Channels: 0 → 5" in text_of(later)
    assert "1 record is no longer there" in text_of(later)
    assert ann.post("/bulk/customer/edit/", {**form, "seen": later.context["seen"]}).status_code == 302
    assert channels() == {"Bulk 0": 9, "Bulk 1": 0, "Bulk 2": 9}
    assert ann.post("/bulk/customer/edit/", {**form, "seen": "bm90aGluZw=="}).status_code == 400


def test_enter_never_overwrites_what_somebody_else_saved(cast: Cast, ann: Client) -> None:
    made = many(cast, 2)
    form = opened(ann, "customer", {"id": [one.pk for one in made], "field": ["channels"]}) | {"channels": "9"}
    buttons = re.compile(r'<button [^>]*type="submit"[^>]*form="record"[^>]*>')
    for count, first in ((1, 'value="others"'), (2, "disabled")):  # of its form, Enter presses the first one
        with acting(EVE):
            for one in made[:count]:
                update_customer(customer_id=one.pk, channels=3 + count)
        told = ann.post("/bulk/customer/edit/", form)
        found = buttons.findall(text_of(told))
        assert first in found[0], found
        assert any('value="all"' in one for one in found[1:])


def test_deleted_customers_that_a_list_finds_are_told_to_be_deleted(cast: Cast, ann: Client) -> None:
    made = many(cast, 2)
    Customer.objects.filter(pk__in=[one.pk for one in made]).update(deleted_at=datetime.now(UTC))
    for part in ("edit", "delete"):
        chosen = {"scope": "all", "query": "f.shown=deleted&q=bulk"}
        answer = ann.get(f"/bulk/customer/{part}/", chosen, follow=True)
        assert answer.redirect_chain == [("/customers/?f.shown=deleted&q=bulk", 302)]
        assert "These customers are deleted: restore them first." in text_of(answer)
        nobody = ann.get(f"/bulk/customer/{part}/", {"scope": "all", "query": "q=xyz"}, follow=True)
        assert "The list finds no customers that you may change." in text_of(nobody)
        none = ann.get(f"/bulk/customer/{part}/", follow=True)
        assert "Tick customers in the list first." in text_of(none)


@pytest.mark.parametrize("noun", [*EDITED, "contact", "endpoint", "alias", "cli_rule"])
def test_every_noun_is_watched_between_the_form_and_the_job_too(cast: Cast, noun: str) -> None:
    with acting(SETUP):
        if noun == "alias":
            record: Any = ACTS["create_alias"](account_id=cast.account.pk, current="800", new="442079460001")
        elif noun == "cli_rule":
            record = ACTS["create_cli_rule"](account_id=cast.account.pk, cli="^370", forced=False)
        else:
            record = cast.contact if noun == "contact" else record_of(cast, noun)
            record.refresh_from_db()
    fields = {"contact": ("language", "de", "fr"), "endpoint": ("channels", 3, 4), "alias": ("notes", "a", "b")}
    fields |= {"cli_rule": ("attestation", "A", "B")}
    if noun in EDITED:
        field, theirs, ours = EDITED[noun][0], EDITED[noun][2], None
        ours = [*theirs, "third@demo.example"] if isinstance(theirs, list) else theirs + 1
    else:
        field, theirs, ours = fields[noun]
    rights = User.objects.get(email=cast.ann.email).rights()
    assert rights is not None
    who = Actor(cast.ann.email, rights[0], kind="user", id=cast.ann.pk, areas=rights[1])
    given = {"account_id": cast.account.pk, "noun": noun, "record_ids": [record.pk], "changes": {field: ours}}
    with acting(who):
        begun = start_bulk_edit(**given, versions=[record.version])
        with pytest.raises(Invalid, match="one version for each"):
            start_bulk_edit(**given, versions=[1, 2])
    with acting(EVE):
        ACTS[EDITS[noun].act](**{f"{noun}_id": record.pk, field: theirs})
    now = datetime.now(UTC)
    work(lambda: now, now + timedelta(seconds=1), task_id=begun.pk)
    record.refresh_from_db()
    assert getattr(record, field) == theirs
    (row,) = begun.rows.all()
    told = error_words(row.errors)
    assert row.state == "failed"
    assert told.startswith("Somebody else has changed this record in the meantime by eve@demo.example (")
    assert "It stays as it is" in told


def test_users_of_a_reseller_are_told_of_their_own_fields_and_not_who_at_the_operator(cast: Cast) -> None:
    with acting(SETUP):
        group = create_user_group(name="Resellers", acts=["*"], areas=["*"])
        Customer.objects.filter(pk=cast.baltic.pk).update(is_reseller=True)
        corso = create_customer(account_id=cast.account.pk, name="Corso", currency="EUR", parent_id=cast.baltic.pk)
        rita = create_user(name="Rita", email="rita@baltic.example", password="x" * 20, group_ids=[group.pk],
                           reseller_id=cast.baltic.pk)  # fmt: skip
    hers = logged_in(rita)
    form = opened(hers, "customer", {"id": [corso.pk], "field": ["channels"]}) | {"channels": "9"}
    with acting(Actor(cast.ann.email, frozenset({"*"}), kind="user", id=cast.ann.pk)):
        update_customer(customer_id=corso.pk, channels=4)
    text = text_of(hers.post("/bulk/customer/edit/", form))
    assert "Channels: 0 → 4" in text
    assert (cast.ann.email in text, "Operator" in text) == (False, True)


def test_what_was_seen_of_two_hundred_thousand_records_fits_into_a_form() -> None:
    seen = Seen({pk: 1 + pk * pk % 23 for pk in range(5, 1_000_005, 5)}, {10: 3}, frozenset({7}))
    text = seen.text()
    assert Seen.read(text) == seen
    assert len(text) < 1_000_000


def test_nobody_is_told_of_a_record_that_is_not_theirs_whatever_the_form_carries(cast: Cast) -> None:
    with acting(SETUP):
        group = create_user_group(name="Selling", acts=["*"], areas=["*"])
        rob = create_user(name="Rob", email="rob@b.example", group_ids=[group.pk], reseller_id=cast.baltic.pk)
        update_customer(customer_id=cast.acme.pk, channels=77)
    seen = Seen({cast.acme.pk: 0}, {cast.acme.pk: 0}).text()
    sent = {"field": ["channels"], "channels": "abc", "seen": seen}
    answer = logged_in(rob).post("/bulk/customer/edit/", sent)
    assert answer.context["changes"] == []
    assert "setup" not in answer.content.decode()
