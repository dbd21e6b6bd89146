"""Claims about the list of deleted records: what one has deleted is found there and restored, by who may."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from tests.panel.cast import PASSWORD, Cast
from tests.panel.conftest import logged_in
from tollgate.actions.acts import Actor, acting
from tollgate.actions.customers import delete_customer
from tollgate.actions.deleted_records import WITHIN
from tollgate.actions.endpoints import delete_endpoint
from tollgate.actions.tags import create_tag, delete_tag
from tollgate.actions.users import create_user, create_user_group
from tollgate.store.models import Call, Contact, DeletedRecord, Endpoint, IngressRoute

pytestmark = pytest.mark.django_db
SETUP = Actor("setup", frozenset({"*"}))


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    return " ".join(answer.content.decode().split())


@pytest.mark.parametrize("noun", ["contact", "endpoint", "route"])
def test_one_that_is_removed_on_its_page_is_found_in_the_list_and_restored(cast: Cast, ann: Client, noun: str) -> None:
    Call.objects.all().delete()
    models: dict[str, Any] = {"contact": Contact, "endpoint": Endpoint, "route": IngressRoute}
    record: Any = {"contact": cast.contact, "endpoint": cast.sip_user, "route": cast.route}[noun]
    typed = {"contact": record.__dict__.get("email"), "endpoint": str(record), "route": str(record)}[noun]
    told = text(ann.post(f"/{noun}s/{record.pk}/delete/", {"confirmation": typed}, follow=True))
    assert 'For 7 days it may be restored: see the <a href="/deleted/">deleted records</a>.' in told
    assert not models[noun].objects.filter(pk=record.pk).exists()
    kept = DeletedRecord.objects.get()
    listed = text(ann.get("/deleted/"))
    assert f'href="/deleted/{kept.pk}/"' in listed
    assert "ann@demo.example" in listed
    assert str(record) in text(ann.get("/deleted/", {"q": "acme"}))
    assert str(record) not in text(ann.get("/deleted/", {"f.kind": "alias"})).partition("<main")[2]
    assert "/restore/" in text(ann.get(f"/deleted/{kept.pk}/"))
    back = text(ann.post(f"/deleted/{kept.pk}/restore/", follow=True))
    assert f"{record} is restored." in back
    assert models[noun].objects.filter(pk=record.pk).exists()
    assert ann.post(f"/deleted/{kept.pk}/restore/").status_code == 404, "once"


def test_what_stands_in_its_way_is_told_and_its_days_end(cast: Cast, ann: Client) -> None:
    Call.objects.all().delete()
    with acting(SETUP):
        delete_endpoint(endpoint_id=cast.sip_user.pk)
        delete_customer(customer_id=cast.sip_user.customer_id)
    kept = DeletedRecord.objects.get()
    told = text(ann.post(f"/deleted/{kept.pk}/restore/", follow=True))
    assert "The customer is deleted: restore it first." in told
    DeletedRecord.objects.update(deleted_at=kept.deleted_at - WITHIN - timedelta(minutes=1))
    assert ann.get(f"/deleted/{kept.pk}/").status_code == 404
    assert ann.post(f"/deleted/{kept.pk}/restore/").status_code == 404


def test_each_kind_is_seen_by_its_readers_and_restored_by_who_may_and_never_across_resellers(
    cast: Cast, ann: Client, bob: Client
) -> None:
    Call.objects.all().delete()
    with acting(SETUP):
        tag = create_tag(account_id=cast.account.pk, name="Secret tag")
        phones = create_user_group(name="Phones", acts=["restore_endpoint"], areas=["tasks", "endpoints"])
        every = create_user_group(name="Every", acts=["*"], areas=["*"])
        of = {"password": PASSWORD, "group_ids": [phones.pk]}
        users = (
            create_user(name="Eve", email="eve@demo.example", **of),
            create_user(
                name="Rita",
                email="rita@baltic.example",
                reseller_id=cast.baltic.pk,
                **{**of, "group_ids": [every.pk]},
            ),
        )
        delete_tag(tag_id=tag.pk)
        delete_endpoint(endpoint_id=cast.sip_user.pk)
    eve, rita = map(logged_in, users)
    ids = {row.table_name: row.pk for row in DeletedRecord.objects.all()}
    assert "Secret tag" in text(ann.get("/deleted/"))
    for who in (eve, rita):
        assert "Secret tag" not in text(who.get("/deleted/"))
        assert who.get(f"/deleted/{ids['tag']}/").status_code == 404
        assert who.post(f"/deleted/{ids['tag']}/restore/").status_code == 404
    assert rita.post(f"/deleted/{ids['endpoint']}/restore/").status_code == 404
    assert "/restore/" not in text(bob.get(f"/deleted/{ids['endpoint']}/"))
    assert bob.post(f"/deleted/{ids['endpoint']}/restore/").status_code == 403
    assert eve.post(f"/deleted/{ids['endpoint']}/restore/").status_code == 302
    assert Endpoint.objects.filter(pk=cast.sip_user.pk).exists()


def test_who_may_not_read_the_list_is_not_sent_to_it(cast: Cast) -> None:
    with acting(SETUP):
        group = create_user_group(name="People", acts=["delete_contact"], areas=["contacts", "customers"])
        eve = create_user(name="Eve", email="eve@demo.example", password=PASSWORD, group_ids=[group.pk])
    hers = logged_in(eve)
    told = text(hers.post(f"/contacts/{cast.contact.pk}/delete/", {"confirmation": cast.contact.email}, follow=True))
    assert f"{cast.contact} is removed." in told
    assert "/deleted/" not in told
    assert hers.get("/deleted/").status_code == 403
