"""Claims about bulk edit and bulk delete on the short lists: tags, taxes, cards, users and the like."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from tests.panel.bulk import Edited, check_deletion, check_edit, check_refusal, job, there, ticked
from tests.panel.cast import PASSWORD, Cast
from tests.panel.conftest import logged_in
from tollgate.actions.acts import Actor, acting
from tollgate.actions.bulk import start_bulk_delete
from tollgate.actions.cards import create_card
from tollgate.actions.contacts import update_contact
from tollgate.actions.customer_packages import assign_package, create_package
from tollgate.actions.customers import create_customer, update_customer
from tollgate.actions.departments import create_department
from tollgate.actions.edges import create_edge
from tollgate.actions.localizations import create_localization
from tollgate.actions.portal_domains import create_portal_domain
from tollgate.actions.routes import create_ingress_route
from tollgate.actions.tags import create_tag
from tollgate.actions.tasks import work
from tollgate.actions.taxes import create_tax, set_customer_taxes
from tollgate.actions.users import create_user, create_user_group
from tollgate.actions.webhooks import create_webhook
from tollgate.store.models import Card, Tag, User

pytestmark = pytest.mark.django_db
PAGES: Mapping[str, str] = {
    "tag": "/tags/",
    "tax": "/taxes/",
    "localization": "/localizations/",
    "domain": "/portal-domains/",
    "department": "/departments/",
    "webhook": "/webhooks/",
    "edge": "/edges/",
    "user": "/users/",
    "group": "/groups/",
    "package": "/packages/",
    "customer_card": "/cards/customer/",
    "carrier_card": "/cards/carrier/",
}
EDITED: Mapping[str, Edited] = {
    "tag": ("color", "red", "red", ("name",)),
    "tax": ("valid_until_on", "2026-12-31", date(2026, 12, 31), ("name",)),
    "localization": ("originate_cld", "00/*", "00/*", ("name",)),
    "domain": ("footer_text", "Closed on Sundays", "Closed on Sundays", ("host", "logo", "logo_removed")),
    "webhook": ("events", ["invoice.issued"], ["invoice.issued"], ("title", "url")),
    "edge": ("enabled", "", False, ("name", "rpc_url")),
    "user": ("zone", "Europe/Vilnius", "Europe/Vilnius", ("name", "email", "password")),
    "group": ("second_factor", "on", True, ("name", "acts", "areas")),
    "package": ("minimum_days", "30", 30, ("name", "currency")),
    "customer_card": ("precision", "2", 2, ("name", "tech_prefix")),
    "carrier_card": ("tech_prefix", "99", "99", ("name",)),
}
STAYS: Mapping[str, str] = {
    "tag": "1 customer has this tag",
    "tax": "Customers pay this tax",
    "localization": "1 customer uses this localization",
    "domain": "Customers log in at this domain",
    "department": "1 contact is in this department",
    "group": "Users are in this group",
    "package": "Customers hold this package",
    "customer_card": "The card has published revisions",
    "carrier_card": "The card has published revisions",
}
DELETED = ("webhook", *STAYS)
RESTORED = ("webhook", "tag", "tax", "localization")


def made(cast: Cast, noun: str, name: str) -> Any:
    """A record of a noun that nothing uses."""
    of = {"account_id": cast.account.pk}
    make: Mapping[str, Callable[[], Any]] = {
        "tag": lambda: create_tag(**of, name=name),
        "tax": lambda: create_tax(**of, name=name),
        "localization": lambda: create_localization(**of, name=name),
        "domain": lambda: create_portal_domain(**of, host=f"{name}.demo.example", brand=name),
        "department": lambda: create_department(**of, name=name),
        "webhook": lambda: create_webhook(**of, title=name, url="https://books.example/hook"),
        "edge": lambda: create_edge(**of, name=name),
        "user": lambda: create_user(name=name, email=f"{name}@demo.example", password=PASSWORD),
        "group": lambda: create_user_group(name=name, acts=[]),
        "package": lambda: create_package(**of, name=name, currency="EUR"),
        "customer_card": lambda: create_card(**of, kind="customer", name=name, currency="EUR"),
        "carrier_card": lambda: create_card(**of, kind="carrier", name=name, currency="EUR", carrier_id=cast.cirrus.pk),
    }
    with acting(Actor("setup", frozenset({"*"}))):
        return make[noun]()


def used(cast: Cast, noun: str) -> Any:
    """A record of a noun that may not be deleted."""
    if noun.endswith("_card"):
        return cast.customer_card if noun == "customer_card" else cast.carrier_card
    one = made(cast, noun, "used")
    use: Mapping[str, Callable[[], Any]] = {
        "tag": lambda: update_customer(customer_id=cast.acme.pk, tag_ids=[one.pk]),
        "tax": lambda: set_customer_taxes(customer_id=cast.acme.pk, taxes=[{"tax_id": one.pk, "priority": None}]),
        "localization": lambda: update_customer(customer_id=cast.acme.pk, localization_id=one.pk),
        "domain": lambda: update_customer(customer_id=cast.acme.pk, domain_id=one.pk),
        "department": lambda: update_contact(contact_id=cast.contact.pk, kind=one.key),
        "group": lambda: create_user(name="In", email="in@demo.example", password=PASSWORD, group_ids=[one.pk]),
        "package": lambda: assign_package(customer_id=cast.acme.pk, package_id=one.pk),
    }
    with acting(Actor("setup", frozenset({"*"}))):
        use[noun]()
    return one


@pytest.mark.parametrize("noun", DELETED)
def test_the_ticked_go_the_others_stay_and_what_is_in_use_is_told_by_name(cast: Cast, ann: Client, noun: str) -> None:
    gone, others = ([made(cast, noun, f"{word}-{n}") for n in range(2)] for word in ("gone", "other"))
    kept = [used(cast, noun)] if noun in STAYS else []
    assert ticked(ann, PAGES[noun], gone[0])
    told = check_deletion(ann, noun, gone=gone, others=others, kept=kept, why=STAYS.get(noun, ""))
    assert ("/undo/" in told) is (noun in RESTORED)


@pytest.mark.parametrize("noun", EDITED)
def test_the_ticked_are_changed_as_by_their_form_and_the_others_stay(cast: Cast, ann: Client, noun: str) -> None:
    records = [made(cast, noun, f"record-{n}") for n in range(3)]
    assert ticked(ann, PAGES[noun], records[0])
    check_edit(ann, noun, EDITED[noun], records)


@pytest.mark.parametrize("noun", EDITED)
def test_who_may_not_do_it_to_one_does_it_to_none(cast: Cast, bob: Client, noun: str) -> None:
    parts = ("edit", "delete") if noun in DELETED else ("edit",)
    check_refusal(bob, noun, PAGES[noun], made(cast, noun, "kept"), parts)


@pytest.mark.parametrize("noun", [noun for noun in EDITED if noun not in DELETED])
def test_what_is_never_deleted_alone_is_not_deleted_in_bulk(cast: Cast, ann: Client, noun: str) -> None:
    assert f"/bulk/{noun}/delete/" not in ann.get(PAGES[noun]).content.decode()
    assert ann.get(f"/bulk/{noun}/delete/", {"scope": "all"}).status_code == 404


def test_users_are_put_into_groups_together_and_nobody_gives_rights_that_he_lacks(cast: Cast, ann: Client) -> None:
    with acting(Actor("setup", frozenset({"*"}))):
        clerks = create_user_group(name="Clerks", acts=["update_user", "start_bulk_edit"], areas=["users", "tasks"])
        cleo = create_user(name="Cleo", email="cleo@demo.example", password=PASSWORD, group_ids=[clerks.pk])
    newcomers = [made(cast, "user", f"n{n}") for n in range(2)]
    ids = {"id": [one.pk for one in newcomers], "field": ["group_ids"]}
    hers = logged_in(cleo)
    hers.post("/bulk/user/edit/", {**ids, "group_ids": [cast.group.pk]})
    assert not User.objects.filter(pk__in=ids["id"], groups=cast.group).exists(), "it may do more than she may"
    hers.post("/bulk/user/edit/", {**ids, "group_ids": [clerks.pk]})
    assert User.objects.filter(pk__in=ids["id"], groups=clerks).count() == 2
    told = job(hers.post("/bulk/user/edit/", {"id": [cast.ann.pk], "field": ["is_active"]}, follow=True))
    assert "This user may do more than you" in told
    told = job(ann.post("/bulk/user/edit/", {"id": [cast.ann.pk], "field": ["is_active"]}, follow=True))
    assert "Nobody would be left who may do everything" in told
    assert User.objects.get(pk=cast.ann.pk).is_active


def test_users_of_a_reseller_delete_their_own_cards_and_nothing_of_the_operator(cast: Cast) -> None:
    of = {"account_id": cast.account.pk, "kind": "customer", "currency": "EUR"}
    with acting(Actor("setup", frozenset({"*"}))):
        corso = create_customer(account_id=cast.account.pk, name="Corso", currency="EUR", parent_id=cast.baltic.pk)
        group = create_user_group(name="All", acts=["*"], areas=["*"])
        both = {"password": PASSWORD, "group_ids": [group.pk]}
        rita = create_user(name="Rita", email="rita@baltic.example", reseller_id=cast.baltic.pk, **both)
        own, theirs = (create_card(**of, name=name, reseller_id=cast.baltic.pk) for name in ("Sold", "Also sold"))
        foreign = create_card(**of, name="Secret card")
        given = create_card(**of, name="Given card")
        create_ingress_route(customer_id=cast.baltic.pk, name="Bought", card_id=given.pk)
        tag = create_tag(account_id=cast.account.pk, name="Secret tag")
    hers = logged_in(rita)
    asked = hers.get("/bulk/customer_card/delete/", {"id": [own.pk, foreign.pk]}).content.decode()
    assert "Delete 1 customer card?" in asked
    hers.post("/bulk/customer_card/delete/", {"id": [own.pk, foreign.pk], "confirmation": "1"})
    assert (there(own), there(theirs), there(foreign)) == (False, True, True)
    assert "Given card" in hers.get("/cards/carrier/").content.decode()
    for part in ("edit", "delete"):  # it may look at it: nothing of it is ticked
        assert hers.get(f"/bulk/carrier_card/{part}/", {"scope": "all"})["Location"] == "/cards/carrier/"
    for noun in ("tag", "tax", "localization", "domain", "webhook", "edge", "user", "group", "package"):
        assert hers.get(f"/bulk/{noun}/edit/", {"scope": "all"}).status_code == 403, noun
    actor = Actor(
        rita.email, frozenset({"*"}), "x", "user", rita.pk, reseller_id=cast.baltic.pk, reach=frozenset({corso.pk})
    )
    now = datetime.now(UTC)
    for noun, ids in (("card", [theirs.pk, foreign.pk]), ("tag", [tag.pk]), ("group", [group.pk])):
        with acting(actor):
            task = start_bulk_delete(account_id=cast.account.pk, noun=noun, record_ids=ids)
        work(lambda: now, now + timedelta(seconds=1), task_id=task.pk)
        rows = list(task.rows.order_by("number").values_list("state", "title"))
        assert rows == [*([("done", "Also sold")] if noun == "card" else []), ("failed", "")], noun
    assert set(Card.objects.filter(pk__in=[theirs.pk, foreign.pk])) == {foreign}
    assert Tag.objects.filter(pk=tag.pk).exists()
