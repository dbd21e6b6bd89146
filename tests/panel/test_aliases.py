"""Claims about aliases in the panel: made where they belong, listed with their company, tried as calls are decided."""

from urllib.parse import urlencode

import pytest
from django.test import Client

from tests.panel.cast import Cast
from tollgate.store.models import Alias, Customer, DelayedSave

pytestmark = pytest.mark.django_db
ALIAS = {"current": "", "new": "", "position": "100", "enabled": "on", "notes": ""}


def test_an_alias_is_made_for_a_customer_or_all_listed_changed_now_or_later_and_removed(
    cast: Cast, ann: Client, bob: Client
) -> None:
    def added(address: str, **given: str) -> int:
        return ann.post(address, {**ALIAS, "customer_id": "", **given}).status_code

    assert added(f"/customers/{cast.acme.pk}/aliases/new/", current="9001", new="1") == 302
    assert added("/aliases/new/", current="^33", new="2") == 302
    assert added("/aliases/new/", current="9002", new="3", customer_id="Baltic") == 302
    assert added("/aliases/new/", current="9003", new="3", customer_id="Nobody") == 422
    assert added("/aliases/new/", current="9003") == 422
    assert Alias.objects.get(current="9002").customer_id == cast.baltic.pk
    page = ann.get(f"/customers/{cast.acme.pk}/aliases/").content.decode()
    assert [current in page for current in ("9000", "9001", "^33", "9002")] == [True, True, True, False]
    page = ann.get("/aliases/").content.decode()
    assert [words in page for words in ("9001", "^33", "9002", "All customers", "Baltic")] == [True] * 5
    file = ann.get("/aliases/?f.customer=Balt&export=csv")
    page = b"".join(file).decode()  # type: ignore[arg-type]  # it comes in parts
    assert ("9002" in page, "9001" in page) == (True, False)
    alias = Alias.objects.get(current="9001")
    address, changed = f"/aliases/{alias.pk}/", {**ALIAS, "current": "9001", "new": "7", "version": "1"}
    assert bob.post(address, changed).status_code == 403
    ann.post(address, {**changed, "save": "delay", "delay_kind": "after", "delay_count": "2", "delay_unit": "hours"})
    assert DelayedSave.objects.filter(act="update_alias").count() == 1
    ann.post(address, {**changed, "save": "stay"})
    alias.refresh_from_db()
    assert (alias.new, alias.version) == ("7", 2)
    ann.post(f"{address}delete/", {"confirmation": "9"})
    assert Alias.objects.filter(pk=alias.pk).exists()
    ann.post(f"{address}delete/", {"confirmation": "9001"})
    assert not Alias.objects.filter(pk=alias.pk).exists()


def test_a_number_is_tried_with_an_alias_that_is_not_saved(cast: Cast, ann: Client) -> None:
    Alias.objects.create(account=cast.account, current="^7", new="8")

    def tried(**given: object) -> str:
        return ann.get(f"/aliases/try/?{urlencode({**ALIAS, 'customer': cast.acme.pk, **given})}").content.decode()

    assert "<b>44123</b>" in tried(current="^9(.*)$", new="44$1", position=1, try_dialed="9123")
    assert "9000 comes before it" in tried(current="9000", new="1", try_dialed="9000")
    assert "This alias fits" in tried(
        current="9000", new="1", try_dialed="9000", alias=Alias.objects.get(current="9000").pk
    )
    assert "^7 of all customers fits" in tried(current="9001", new="1", try_dialed="71")
    assert "No alias fits" in tried(current="9001", new="1", try_dialed="6")
    assert "not closed" in tried(current="^(9", new="1")
    assert "It is never reached" in tried(current="9000", new="1", position=200)
    assert "End it with $" in tried(current="^5", new="1")


def test_a_company_is_known_by_its_number_or_name_and_two_of_one_name_are_told_apart(cast: Cast, ann: Client) -> None:
    Customer.objects.filter(pk=cast.baltic.pk).update(name="ACME")

    def owner(company: str) -> int | None:
        answer = ann.post("/aliases/new/", {**ALIAS, "current": "9009", "new": "3", "customer_id": company})
        if answer.status_code == 422:
            assert "Several customers have this name" in answer.content.decode()
            return None
        made = Alias.objects.get(current="9009")
        found = made.customer_id
        made.delete()
        return found

    assert [owner(words) for words in ("Acme", "ACME", "acme", cast.acme.number)] == [
        cast.acme.pk,
        cast.baltic.pk,
        None,
        cast.acme.pk,
    ]
