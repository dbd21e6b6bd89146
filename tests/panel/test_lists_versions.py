"""Claims about two people who edit the same record: tags, taxes and codes of one are never lost to the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from tests.panel.cast import Cast
from tests.panel.test_bulk_conflicts import EVE, SETUP, many, opened, text_of
from tests.panel.test_forms import CUSTOMER
from tollgate.actions.accounting import set_journal_codes
from tollgate.actions.acts import Actor, acting
from tollgate.actions.bulk import start_bulk_edit
from tollgate.actions.customers import update_customer
from tollgate.actions.tags import create_tag
from tollgate.actions.task_words import error_words
from tollgate.actions.tasks import work
from tollgate.actions.taxes import create_tax
from tollgate.store.models import Customer, JournalCode, User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["tag_ids", "tax_ids"])
def test_of_two_forms_of_one_customer_the_second_is_told_what_the_first_has_saved(
    cast: Cast, ann: Client, name: str
) -> None:
    made: Any = create_tag if name == "tag_ids" else create_tax
    with acting(SETUP):
        theirs, mine = (made(account_id=cast.account.pk, name=one).pk for one in ("Theirs", "Mine"))
    page = f"/customers/{cast.acme.pk}/edit/"
    form = ann.get(page).context["form"]
    given: dict[str, Any] = {name: [theirs]}
    with acting(EVE):
        update_customer(customer_id=cast.acme.pk, **given)
    given = {**CUSTOMER, "name": "Acme", "number": cast.acme.number, "version": form["version"].value(), name: [mine]}
    told = ann.post(page, given)
    assert told.context["form"].errors == {}
    assert (told.status_code, getattr(Customer.objects.get(pk=cast.acme.pk), name)) == (409, [theirs])
    differences = {one.title: (one.theirs, one.yours) for one in told.context["form"].differences}
    assert differences[str(form.fields[name].label)] == ("Theirs", "Mine")
    again = {**given, "version": told.context["form"]["version"].value()}
    assert ann.post(page, again).status_code == 302
    assert getattr(Customer.objects.get(pk=cast.acme.pk), name) == [mine]


def test_codes_that_another_has_set_meanwhile_are_shown_before_they_are_overwritten(cast: Cast, ann: Client) -> None:
    page = "/accounting/codes/"
    version = ann.get(page).context["form"]["version"].value()
    with acting(EVE):
        set_journal_codes(account_id=cast.account.pk, codes={"revenue": "8400"})
    told = ann.post(page, {"resale": "8410", "version": version})
    assert (told.status_code, JournalCode.objects.get().code) == (409, "8400")
    assert ("8400", "(empty)") in [(one.theirs, one.yours) for one in told.context["form"].differences]
    version = told.context["form"]["version"].value()
    assert ann.post(page, {"revenue": "8400", "resale": "8410", "version": version}).status_code == 302
    assert dict(JournalCode.objects.values_list("place", "code")) == {"revenue": "8400", "resale": "8410"}


def test_tags_that_somebody_gave_meanwhile_are_told_to_who_edits_many_customers(cast: Cast, ann: Client) -> None:
    made = many(cast)
    with acting(SETUP):
        tags = [create_tag(account_id=cast.account.pk, name=name).pk for name in ("Theirs", "Mine")]
    form = opened(ann, "customer", {"scope": "all", "query": "q=bulk", "field": ["tag_ids"]})
    with acting(EVE):
        update_customer(customer_id=made[1].pk, tag_ids=tags[:1])
    told = ann.post("/bulk/customer/edit/", {**form, "tag_ids": tags[1:]})
    assert (told.status_code, "Somebody saved 1 record" in text_of(told)) == (409, True)
    assert [change.lines for change in told.context["changes"]] == [("Tags",)]
    assert ann.post("/bulk/customer/edit/", {**form, "tag_ids": tags[1:], "seen": told.context["seen"],
                                             "save": "others"}).status_code == 302  # fmt: skip
    assert [one.tag_ids for one in Customer.objects.filter(name__startswith="Bulk").order_by("name")] == [
        tags[1:], tags[:1], tags[1:],
    ]  # fmt: skip


def test_a_job_that_gives_tags_leaves_a_customer_to_whom_others_gave_some_and_says_so(cast: Cast) -> None:
    with acting(SETUP):
        tags = [create_tag(account_id=cast.account.pk, name=name).pk for name in ("Theirs", "Mine")]
    rights = User.objects.get(email=cast.ann.email).rights()
    assert rights is not None
    given: Any = {"account_id": cast.account.pk, "noun": "customer", "record_ids": [cast.acme.pk]}
    cast.acme.refresh_from_db()
    with acting(Actor(cast.ann.email, rights[0], kind="user", id=cast.ann.pk, areas=rights[1])):
        begun = start_bulk_edit(**given, changes={"tag_ids": tags[1:]}, versions=[cast.acme.version])
    with acting(EVE):
        update_customer(customer_id=cast.acme.pk, tag_ids=tags[:1])
    now = datetime.now(UTC)
    work(lambda: now, now + timedelta(seconds=1), task_id=begun.pk)
    (row,) = begun.rows.all()
    assert (row.state, Customer.objects.get(pk=cast.acme.pk).tag_ids) == ("failed", tags[:1])
    assert "(Tags). It stays as it is" in error_words(row.errors)
